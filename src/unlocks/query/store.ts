import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { LOGIN_REFUSAL, type Result, type UnlockEvent } from '../log/event.ts'
import { UNLOCK_COLUMNS, type UnlockRow, eventOf } from '../log/event-row.ts'
import { nameReads } from '../log/names-store.ts'
import { ofUnit, withUnits } from '../units/store.ts'
import {
  BEGIN,
  type Interval,
  type Place,
  type Range,
  SORTING,
  type UnlockOrder,
  after,
  nextRange,
} from './order.ts'
import {
  PLACES_OF_LOCK,
  PLACES_OF_METHOD,
  type Places,
  placesSql,
} from '../summary/places-store.ts'
import { type ListedUnlock, withRepeats } from './repeats-store.ts'
import { containing } from '../../domain/folded-text.ts'

export type UnlockQueries = ReturnType<typeof unlockQueries>

/** The conditions that an event must meet, all of them. */
export type UnlockFilter = {
  readonly account?: string | undefined
  readonly lock?: string | undefined
  /** However it is written: see `foldedText`. */
  readonly method?: string | undefined
  readonly result?: Result | undefined
  /** Happened at this time or later. */
  readonly fromMs?: number | undefined
  /** Happened before this time. */
  readonly toMs?: number | undefined
  /** Leaves out imported events. */
  readonly origin?: 'own' | undefined
  /** `0` leaves out refused logins. */
  readonly logins?: '0' | '1' | undefined
  /** Part of the user name, the method or the lock, as `containing` compares. */
  readonly text?: string | undefined
  /** That the account belongs to now, however it is written: see `foldedText`. */
  readonly unit?: string | undefined
}

type Wanted = {
  readonly filter: UnlockFilter
  readonly order: UnlockOrder
  /** Continue after the event at this place. */
  readonly after?: Place | undefined
  /** Leaves out events from this sequence number on. */
  readonly size?: number | undefined
  readonly limit: number
  /** Ends the search once aborted. */
  readonly signal?: AbortSignal | undefined
}

/** What orders the rows of a search. */
export type Key = Pick<UnlockRow, 'seq' | 'happened_at_ms'>

type FoundRows<Row> = { readonly rows: readonly Row[]; readonly next: Place | undefined }

export type Found = {
  readonly unlocks: readonly ListedUnlock[]
  /** The place to continue after; undefined at the end. */
  readonly next: Place | undefined
}

/** Events that one statement looks at if no index serves the whole filter, and events that one page
 * looks at: a page may have fewer than its limit and still be followed by another. */
const STEP_ROWS_MAX = 250
const PAGE_ROWS_MAX = 20_000

/** Searches the unlock log. */
export const unlockQueries = (db: Queries) => ({
  /** Returns an event as lists show it. */
  listed: async (event: UnlockEvent): Promise<ListedUnlock> => {
    const [shown] = await listed(db, [event], 'seq')
    return shown ?? { ...event, repeatOf: null, unit: null }
  },

  /** Returns the next events in an order. */
  page: async (wanted: Wanted): Promise<Found> => {
    const { rows, next } = await nextRows<UnlockRow>(db, wanted, UNLOCK_COLUMNS)
    return { unlocks: await listed(db, rows.map(eventOf), wanted.order), next }
  },
})

const listed = async (
  db: Queries,
  events: readonly UnlockEvent[],
  order: UnlockOrder,
): Promise<readonly ListedUnlock[]> => withUnits(db, await withRepeats(db, events, order))

/** Returns some columns of the next events in an order: those of a `Key`, and any others. */
export const nextRows = async <Row extends Key>(
  db: Queries,
  wanted: Wanted,
  columns: string,
): Promise<FoundRows<Row>> => {
  const search = await searchFor<Row>(db, wanted, columns)
  return search ? found(wanted, search) : { rows: [], next: undefined }
}

const found = async <Row extends Key>(
  wanted: Wanted,
  search: Search<Row>,
): Promise<FoundRows<Row>> => {
  const { order, limit, signal } = wanted
  const sorting = SORTING[order]
  const fitting: Row[] = []
  let interval: Interval | undefined = remaining(wanted)
  let examined = 0
  let place: Place | undefined
  for (let step = 4 * limit; interval; step *= 2) {
    const { range, rest } = nextRange(interval, sorting)
    // One more than the limit tells whether there is a next page.
    const missing = limit + 1 - fitting.length
    const stepMax = search.isLed ? missing : Math.min(step, STEP_ROWS_MAX, PAGE_ROWS_MAX - examined)
    const { rows, last, count } = await search.next(range, stepMax, missing)
    fitting.push(...rows)
    if (fitting.length > limit) {
      const final = fitting[limit - 1]
      return { rows: fitting.slice(0, limit), next: final && sorting.placeOf(final) }
    }
    place = last ? sorting.placeOf(last) : place
    interval = count === stepMax && place ? after(place, interval, sorting) : rest
    examined += count
    if (examined >= PAGE_ROWS_MAX && interval) return { rows: fitting, next: place }
    if (!search.isLed) await takeTurn(signal)
  }
  return { rows: fitting, next: undefined }
}

/** The part of the filter's time span, or of the whole log, that the pages before have not covered. */
const remaining = ({ order, after: place, filter: { fromMs, toMs }, size }: Wanted): Interval => {
  const sorting = SORTING[order]
  const whole: Interval =
    sorting.numbers === 1
      ? { low: [BEGIN], high: [size ?? Number.MAX_SAFE_INTEGER] }
      : {
          low: [fromMs ?? Number.MIN_SAFE_INTEGER, BEGIN],
          high: [toMs ?? Number.MAX_SAFE_INTEGER, BEGIN],
        }
  return place === undefined ? whole : after(place, whole, sorting)
}

type Condition = {
  readonly sql: string
  readonly values: readonly (string | number)[]
  /** True if an index serves it, in the order in which events happened. */
  readonly isIndexed?: boolean
  /** Where the summary of the log lists its events, in that order. */
  readonly places?: Places
  /** True if nearly all events meet it. */
  readonly isUsual?: boolean
}

/** Returns the conditions of a filter, the most selective first; undefined if no event can meet them,
 * since none has that account or method. */
const conditionsOf = async (
  db: Queries,
  { filter, order, size }: Wanted,
): Promise<readonly Condition[] | undefined> => {
  const { account, method, lock, result, logins, unit, origin, fromMs, toMs } = filter
  const { accountNumber, methodNumber } = nameReads(db)
  const whose = account === undefined ? account : await accountNumber(account)
  const how = method === undefined ? method : await methodNumber(method)
  if ((account !== undefined && whose === undefined) || (method !== undefined && how === undefined))
    return undefined
  const isBySeq = SORTING[order].numbers === 1
  return [
    ...condition('account_number = ?', whose, true),
    ...(result === 'denied' ? [{ sql: "result <> 'unlocked'", values: [], isIndexed: true }] : []),
    ...inSummary('method_number = ?', how, PLACES_OF_METHOD),
    ...inSummary('lock = ?', lock, PLACES_OF_LOCK),
    ...condition('result = ?', result),
    ...(logins === '0' ? condition('reason IS DISTINCT FROM ?', LOGIN_REFUSAL) : []),
    ...(unit === undefined ? [] : [await ofUnit(db, unit)]),
    ...(origin === 'own' ? [{ sql: "source <> 'imported'", values: [] }] : []),
    ...(isBySeq ? condition('happened_at_ms >= ?', fromMs) : []),
    ...(isBySeq ? condition('happened_at_ms < ?', toMs) : []),
    // The sign keeps SQLite from searching by it.
    ...(isBySeq ? [] : condition('+seq < ?', size).map((one) => ({ ...one, isUsual: true }))),
  ]
}

const condition = (
  sql: string,
  value: string | number | undefined,
  isIndexed = false,
): readonly Condition[] => (value === undefined ? [] : [{ sql, values: [value], isIndexed }])

/** A condition whose events are listed in the summary of the log. */
const inSummary = (
  sql: string,
  value: string | number | undefined,
  places: Places,
): readonly Condition[] =>
  value === undefined ? [] : [{ sql, values: [value], isIndexed: true, places }]

/** What a statement found among the next events of a range: those that fit, in order, and how many it
 * looked at, with the last of them. */
type Step<Row> = {
  readonly rows: readonly Row[]
  readonly last: Key | undefined
  readonly count: number
}

type Search<Row> = {
  /** True if an index serves the whole filter. */
  readonly isLed: boolean
  /** Looks at up to `limit` events of a range; at most `missing` of those that fit are needed. */
  readonly next: (range: Range, limit: number, missing: number) => Promise<Step<Row>>
}

/** Returns how to search, or undefined if no event can fit. One index leads, the one likely to leave the
 * fewest events, and gives the order; of what it leaves, only the events that fit are read whole. */
const searchFor = async <Row extends Key>(
  db: Queries,
  wanted: Wanted,
  whole: string,
): Promise<Search<Row> | undefined> => {
  const { order, filter } = wanted
  const conditions = await conditionsOf(db, wanted)
  if (!conditions) return undefined
  const { numbers, orderBy } = SORTING[order]
  const lead = numbers === 2 ? conditions.find(({ isIndexed }) => isIndexed) : undefined
  const leading = conditions.filter((one) => one === lead || (one.isUsual && !lead?.places))
  const rest = conditions.filter((one) => !leading.includes(one))
  const match = filter.text === undefined ? undefined : textMatch(filter.text)
  const led = <One>(columns: string, values: Condition['values'], range: Range, limit: number) =>
    lead?.places
      ? db.all<One>(
          placesSql(lead.places, { columns, condition: lead.sql, range: range.sql, orderBy }),
          ...lead.values,
          ...lead.values,
          ...range.values,
          ...range.values,
          limit,
          ...values,
        )
      : db.all<One>(
          `SELECT ${columns}
           FROM unlock_event
           WHERE ${[...leading.map(({ sql }) => sql), range.sql].join(' AND ')}
           ORDER BY ${orderBy}
           LIMIT ?`,
          ...values,
          ...leading.flatMap((one) => one.values),
          ...range.values,
          limit,
        )
  if (rest.length === 0 && !match)
    return {
      isLed: true,
      next: async (range, limit) => {
        const rows = await led<Row>(whole, [], range, limit)
        return { rows, last: rows.at(-1), count: rows.length }
      },
    }
  // As columns, so that no other index serves them, which leaves the query planner no choice.
  const fits = rest.length === 0 ? '1' : `(${rest.map(({ sql }) => sql).join(') AND (')}) IS TRUE`
  const columns = `seq, happened_at_ms, ${match ? 'method, username, lock,' : ''} ${fits} AS fits`
  const values = rest.flatMap((one) => one.values)
  return {
    isLed: false,
    next: async (range, limit, missing) => {
      const keys = await led<Key & Texts & { fits: number }>(columns, values, range, limit)
      const fitting = keys.filter((key) => key.fits === 1 && match?.(key) !== false)
      const rows = await wholeRows<Row>(
        db,
        fitting.slice(0, missing).map(({ seq }) => seq),
        whole,
      )
      return { rows, last: keys.at(-1), count: keys.length }
    },
  }
}

/** Returns the rows of events, in the order of the numbers. */
const wholeRows = async <Row extends Key>(
  db: Pick<Queries, 'all'>,
  seqs: readonly number[],
  columns: string,
): Promise<readonly Row[]> => {
  if (seqs.length === 0) return []
  const rows = await db.all<Row>(
    `SELECT ${columns} FROM unlock_event WHERE seq IN (SELECT value FROM json_each(?))`,
    JSON.stringify(seqs),
  )
  const bySeq = new Map(rows.map((row) => [row.seq, row]))
  return seqs.flatMap((seq) => bySeq.get(seq) ?? [])
}

/** Returns whether a row has a text, as people compare them, which SQL cannot. */
const textMatch = (text: string): ((row: Texts) => boolean) => {
  const isPart = containing(text)
  return ({ method, username, lock }) => [method, username, lock, spaced(lock)].some(isPart)
}

/** The label of a lock as people write it: the front door is `front-door`. */
const spaced = (lock: string): string => lock.replaceAll('-', ' ')

type Texts = Pick<UnlockRow, 'method' | 'username' | 'lock'>
