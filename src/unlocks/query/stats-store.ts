import { NO_ACCOUNT } from '../../domain/access.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { isCounted } from '../log/event.ts'
import { nameReads } from '../log/names-store.ts'
import { QUARTER_MS, type Sums, addTally } from '../summary/packed-tallies.ts'
import { BESIDE, REPEAT_MS } from '../summary/counted-store.ts'
import { addTallies } from '../summary/tally-store.ts'
import { accountsOfUnit } from '../units/store.ts'
import { BEGIN, type Interval, SORTING, after, nextRange } from '../search/order.ts'
import { CLAIM_COLUMNS, type Claim, repeatFinder } from './repeats-store.ts'

export type UnlockCounts = ReturnType<typeof unlockCounts>

/** What is counted. */
export type Span = {
  /** Counts only this account's events. */
  readonly account: string | undefined
  /** Counts only events of accounts that belong to this unit now. */
  readonly unit?: string | undefined
  readonly fromMs: number
  readonly toMs: number
  /** Stops the counting when aborted. */
  readonly signal?: AbortSignal | undefined
}

/** Called for each event with the number of its method and how the method is written. */
type OnSpelling = (method: number, spelling: string) => void

/** How many events one statement reads before other work gets its turn. */
const STEP_ROWS = 2000

/** How many of the newest events of a method decide how it is written. */
const SPELT_EVENTS = 250

/** Counts the unlock log, step by step. */
export const unlockCounts = (db: Queries) => ({
  /** Adds the events that happened from `fromMs` up to, not including, `toMs` to the sums. A claim and its
   * repeats count once, refused logins never. The events of everyone come from the summary, except for the
   * parts of a quarter of an hour at both ends. `onSpelling` is called only if some accounts are counted. */
  add: async (sums: Sums, span: Span, onSpelling: OnSpelling): Promise<void> => {
    const accounts = await accountsCounted(db, span)
    for (const account of accounts ?? []) {
      const number = await nameReads(db).accountNumber(account)
      if (number !== undefined) await addRows(db, sums, { ...span, number, onSpelling })
    }
    if (accounts) return
    await addEveryones(db, sums, span)
    await mergeNobodys(db, sums)
  },

  /** Returns the public id of an account by its id in the sums, and its name at its newest event; both are
   * null if it was erased since. */
  accountOf: async (id: number): Promise<Counted> => {
    const account = await db.get<{ publicId: string | null; number: number }>(
      'SELECT public_id AS "publicId", number FROM unlock_account WHERE id = ?',
      id,
    )
    if (!account || account.publicId === null) return NOBODY
    const newest = await db.get<{ username: string | null }>(
      `SELECT username
       FROM unlock_event
       WHERE account_number = ?
       ORDER BY happened_at_ms DESC, seq DESC
       LIMIT 1`,
      account.number,
    )
    return { account: account.publicId, username: newest?.username ?? null }
  },

  /** Returns how a method is written in most of its newest events in a span, or undefined if no event there has
   * the method any more. */
  spellingOf: async (
    method: number,
    { fromMs, toMs }: Pick<Span, 'fromMs' | 'toMs'>,
  ): Promise<string | undefined> => {
    const found = await db.get<{ method: string }>(
      `WITH newest AS (
         SELECT seq
         FROM unlock_of_method
         WHERE method = ?1 AND happened_at_ms >= ?2 AND happened_at_ms < ?3
         ORDER BY happened_at_ms DESC, seq DESC
         LIMIT ${SPELT_EVENTS}
       )
       SELECT method
       FROM (
         SELECT method, happened_at_ms FROM unlock_event WHERE seq IN (SELECT seq FROM newest)
         UNION ALL
         SELECT method, happened_at_ms
         FROM unlock_event
         WHERE ${BESIDE} AND method_number = ?1 AND +happened_at_ms >= ?2 AND +happened_at_ms < ?3
       ) AS spelt
       GROUP BY method
       ORDER BY count(*) DESC, min(happened_at_ms)
       LIMIT 1`,
      method,
      fromMs,
      toMs,
    )
    return found?.method
  },
})

type Counted = { readonly account: string | null; readonly username: string | null }

export const NOBODY: Counted = { account: null, username: null }

const addEveryones = async (db: Queries, sums: Sums, span: Span): Promise<void> => {
  const { fromMs, toMs } = span
  const [first, end] = await wholeQuarters(db, fromMs, toMs)
  if (end <= first) return addRows(db, sums, span)
  await addRows(db, sums, { ...span, toMs: first * QUARTER_MS })
  await addTallies(db, sums, { first, end, signal: span.signal })
  await addRows(db, sums, { ...span, fromMs: end * QUARTER_MS })
}

/** Counts imported events without an account as nobody's, like erased ones. */
const mergeNobodys = async (db: Queries, { accounts }: Sums): Promise<void> => {
  const number = await nameReads(db).accountNumber(NO_ACCOUNT)
  if (number === undefined) return
  const row = await db.get<{ id: number }>('SELECT id FROM unlock_account WHERE number = ?', number)
  const count = row && accounts[row.id]
  if (!row || !count) return
  accounts[0] = (accounts[0] ?? 0) + count
  accounts[row.id] = 0
}

/** Returns the accounts whose events are counted, or undefined if all are. */
const accountsCounted = async (
  db: Queries,
  { account, unit }: Pick<Span, 'account' | 'unit'>,
): Promise<readonly string[] | undefined> => {
  if (unit === undefined) return account === undefined ? undefined : [account]
  const accounts = await accountsOfUnit(db, unit)
  return account === undefined ? accounts : accounts.filter((id) => id === account)
}

/** Returns the first quarter of an hour that has all of its events in a span, and the first one after that that
 * does not. */
const wholeQuarters = async (
  db: Queries,
  fromMs: number,
  toMs: number,
): Promise<readonly [first: number, end: number]> => {
  const [first, end] = [Math.floor(fromMs / QUARTER_MS), Math.ceil(toMs / QUARTER_MS)]
  const isBefore = await hasEvents(db, first * QUARTER_MS, fromMs)
  const isAfter = await hasEvents(db, toMs, end * QUARTER_MS)
  return [isBefore ? first + 1 : first, isAfter ? end - 1 : end]
}

const hasEvents = async (db: Queries, fromMs: number, toMs: number): Promise<boolean> =>
  fromMs < toMs &&
  (await db.get(
    'SELECT 1 FROM unlock_event WHERE happened_at_ms >= ? AND happened_at_ms < ? LIMIT 1',
    fromMs,
    toMs,
  )) !== undefined

type Rows = Pick<Span, 'fromMs' | 'toMs' | 'signal'> & {
  /** The number of the only account whose events count. */
  readonly number?: number
  readonly onSpelling?: OnSpelling
}

/** A claim, when it happened, and how the summary counts it. */
type CountedClaim = Claim & {
  readonly happenedAtMs: number
  readonly accountId: number | null
  readonly methodNumber: number | null
  readonly isRepeat: number
}

/** Adds events one by one, from the log itself. */
const addRows = async (
  db: Queries,
  sums: Sums,
  { fromMs, toMs, signal, number, onSpelling }: Rows,
): Promise<void> => {
  if (fromMs >= toMs) return
  const repeatOf = repeatFinder()
  const whose = number === undefined ? [] : [number]
  // Begins earlier, so that a repeat of a claim just before the span does not count.
  let interval: Interval | undefined = { low: [fromMs - REPEAT_MS, BEGIN], high: [toMs, BEGIN] }
  while (interval) {
    const { range, rest } = nextRange(interval, SORTING.oldest)
    const claims: readonly CountedClaim[] = await db.all<CountedClaim>(
      `SELECT
         happened_at_ms AS "happenedAtMs",
         (SELECT id FROM unlock_account WHERE number = account_number) AS "accountId",
         method_number AS "methodNumber",
         is_repeat AS "isRepeat",
         ${CLAIM_COLUMNS}
       FROM unlock_event
       WHERE ${number === undefined ? '' : 'account_number = ? AND'} ${range.sql}
       ORDER BY ${SORTING.oldest.orderBy}
       LIMIT ?`,
      ...whose,
      ...range.values,
      STEP_ROWS,
    )
    for (const claim of claims) {
      const isRepeat = repeatOf(claim) !== null || claim.isRepeat === 1
      if (isRepeat || !isCounted(claim) || claim.happenedAtMs < fromMs) continue
      const [account, method] = [claim.accountId ?? 0, claim.methodNumber ?? 0]
      const quarter = Math.floor(claim.happenedAtMs / QUARTER_MS)
      addTally(sums, { quarter, account, method, unlocks: 1 })
      if (claim.method !== null) onSpelling?.(method, claim.method)
    }
    await takeTurn(signal)
    const last = claims.length < STEP_ROWS ? undefined : claims.at(-1)
    interval = last ? after([last.happenedAtMs, last.seq], interval, SORTING.oldest) : rest
  }
}
