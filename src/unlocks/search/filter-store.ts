import type { Queries } from '../../storage/database.ts'
import { LOGIN_REFUSAL, type Result, type UnlockEvent } from '../log/event.ts'
import { nameReads } from '../log/names-store.ts'
import { PLACES_OF_LOCK, PLACES_OF_METHOD, type Places } from '../summary/places-store.ts'
import { ofUnit } from '../units/store.ts'
import { SORTING, type UnlockOrder } from './order.ts'

/** The conditions that an event must meet, all of them. */
export type UnlockFilter = {
  readonly account?: string | undefined
  readonly lock?: string | undefined
  /** Compared as `foldedText` does. */
  readonly method?: string | undefined
  readonly result?: Result | undefined
  readonly source?: UnlockEvent['source'] | undefined
  /** Only events that happened at this time or later. */
  readonly fromMs?: number | undefined
  /** Only events that happened before this time. */
  readonly toMs?: number | undefined
  /** Leaves out imported events. */
  readonly origin?: 'own' | undefined
  /** `0` leaves out refused logins. */
  readonly logins?: '0' | '1' | undefined
  /** Part of the user name, the method or the lock, as `containing` compares. */
  readonly text?: string | undefined
  /** The unit that the account belongs to now, compared as `foldedText` does. */
  readonly unit?: string | undefined
}

export type Condition = {
  readonly sql: string
  readonly values: readonly (string | number)[]
  /** True if an index serves it, in the order in which events happened. */
  readonly isIndexed?: boolean
  /** Where the summary of the log lists its events, in the same order. */
  readonly places?: Places
  /** True if nearly all events meet it. */
  readonly isUsual?: boolean
  /** The numbers of the accounts whose events it selects. */
  readonly accounts?: readonly number[]
}

type Wanted = {
  readonly filter: UnlockFilter
  readonly order: UnlockOrder
  /** Leaves out events with this sequence number or a higher one. */
  readonly size?: number | undefined
}

/** Returns the conditions of a filter, the most selective first, or undefined if no event can meet them
 * because none has that unit or method. */
export const conditionsOf = async (
  db: Queries,
  { filter, order, size }: Wanted,
): Promise<readonly Condition[] | undefined> => {
  const { account, method, lock, result, source, logins, unit, origin, fromMs, toMs } = filter
  const { ofAccount, methodNumber } = nameReads(db)
  const how = method === undefined ? method : await methodNumber(method)
  if (method !== undefined && how === undefined) return undefined
  const where = unit === undefined ? undefined : await ofUnit(db, unit)
  if (where?.accounts.length === 0) return undefined
  const isBySeq = SORTING[order].numbers === 1
  return [
    ...(account === undefined ? [] : [{ ...(await ofAccount(account)), isIndexed: true }]),
    ...(where ? [{ ...where, isIndexed: true }] : []),
    ...(result === 'unlocked' ? [] : condition(NOT_UNLOCKED, result, true)),
    ...inSummary('method_number = ?', how, PLACES_OF_METHOD),
    ...inSummary('lock = ?', lock, PLACES_OF_LOCK),
    ...(result === 'unlocked' ? condition('result = ?', result) : []),
    ...condition('source = ?', source),
    ...(logins === '0' ? condition('reason IS DISTINCT FROM ?', LOGIN_REFUSAL) : []),
    ...(origin === 'own' ? [{ sql: "source <> 'imported'", values: [] }] : []),
    ...(isBySeq ? condition('happened_at_ms >= ?', fromMs) : []),
    ...(isBySeq ? condition('happened_at_ms < ?', toMs) : []),
    // The plus sign keeps SQLite from searching by this column.
    ...(isBySeq ? [] : condition('+seq < ?', size).map((one) => ({ ...one, isUsual: true }))),
  ]
}

/** The first part lets SQLite use the index of such events. */
const NOT_UNLOCKED = "result <> 'unlocked' AND result = ?"

const condition = (
  sql: string,
  value: string | number | undefined,
  isIndexed = false,
): readonly Condition[] => (value === undefined ? [] : [{ sql, values: [value], isIndexed }])

/** Returns a condition whose events the summary of the log lists. */
const inSummary = (
  sql: string,
  value: string | number | undefined,
  places: Places,
): readonly Condition[] =>
  value === undefined ? [] : [{ sql, values: [value], isIndexed: true, places }]
