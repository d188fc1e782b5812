import { MINUTE_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { LOGIN_REFUSAL } from '../log/event.ts'
import { accountsOfUnit } from '../units/store.ts'
import { CLAIM_COLUMNS, type Claim, REPEAT_MS, repeatFinder } from './repeats-store.ts'

export type UnlockCounts = ReturnType<typeof unlockCounts>

/** Number of events by quarter of an hour, method and account; null once erased. */
export type Tally = {
  /** Quarters of an hour since 1970, UTC: time zones only ever change at a full quarter. */
  readonly quarter: number
  readonly method: string | null
  readonly account: string | null
  readonly count: number
}

type Span = {
  /** Counts only this account's events. */
  readonly account: string | undefined
  /** Counts only events of accounts that belong to this unit now. */
  readonly unit?: string | undefined
  readonly fromMs: number
  readonly toMs: number
}

export const QUARTER_MS = 15 * MINUTE_MS

/** Events that one statement counts before other work continues. */
const STEP_ROWS = 2000

/** Counts the unlock log, step by step. */
export const unlockCounts = (db: Queries) => ({
  /** Counts the events received from `fromMs` up to, not including, `toMs`; imported events by the time
   * they happened. A claim that was told again counts once, and a refused login never. */
  tallies: async function* ({ fromMs, toMs, ...of }: Span): AsyncGenerator<readonly Tally[]> {
    const accounts = await accountsCounted(db, of)
    if (accounts) for (const account of accounts) yield* talliesOfAccount(db, account, fromMs, toMs)
    else {
      yield* talliesByReceipt(db, fromMs, toMs)
      yield* talliesOfImported(db, fromMs, toMs)
    }
  },

  /** Returns the name that an account had at its newest event. */
  usernameOf: async (account: string): Promise<string | null> => {
    const row = await db.get<{ username: string }>(
      'SELECT username FROM unlock_event WHERE account_public_id = ? ORDER BY seq DESC LIMIT 1',
      account,
    )
    return row?.username ?? null
  },
})

/** Returns the accounts whose events are counted, or undefined if all are. */
const accountsCounted = async (
  db: Queries,
  { account, unit }: Pick<Span, 'account' | 'unit'>,
): Promise<readonly string[] | undefined> => {
  if (unit === undefined) return account === undefined ? undefined : [account]
  const accounts = await accountsOfUnit(db, unit)
  return account === undefined ? accounts : accounts.filter((id) => id === account)
}

async function* talliesByReceipt(db: Queries, fromMs: number, toMs: number) {
  const tallied = talliesFrom(fromMs)
  // What was told just before is not counted again.
  for (let startMs = fromMs - REPEAT_MS; ;) {
    const edge = await db.get<{ last: number | null }>(
      `SELECT max(received_at_ms) AS last
       FROM (
         SELECT received_at_ms
         FROM unlock_event
         WHERE received_at_ms >= ? AND received_at_ms < ?
         ORDER BY received_at_ms
         LIMIT ?
       ) AS step`,
      startMs,
      toMs,
      STEP_ROWS,
    )
    if (typeof edge?.last !== 'number') return
    yield tallied(
      await db.all<Counted>(
        `SELECT received_at_ms AS "countedMs", ${CLAIM_COLUMNS}
         FROM unlock_event
         WHERE source <> 'imported' AND received_at_ms >= ? AND received_at_ms <= ?
         ORDER BY received_at_ms, seq`,
        startMs,
        edge.last,
      ),
    )
    startMs = edge.last + 1
  }
}

/** Counts imported events from their index alone, which contains every column needed. */
async function* talliesOfImported(db: Queries, fromMs: number, toMs: number) {
  for (let startMs = fromMs; ;) {
    const edge = await db.get<{ last: number | null }>(
      `SELECT max(occurred_at_ms) AS last
       FROM (
         SELECT occurred_at_ms
         FROM unlock_event
         WHERE source = 'imported' AND occurred_at_ms >= ? AND occurred_at_ms < ?
         ORDER BY occurred_at_ms
         LIMIT ?
       ) AS step`,
      startMs,
      toMs,
      STEP_ROWS,
    )
    if (typeof edge?.last !== 'number') return
    yield await db.all<Tally>(
      `SELECT
         occurred_at_ms / ${QUARTER_MS} AS quarter,
         method,
         account_public_id AS account,
         count(*) AS count
       FROM unlock_event
       WHERE source = 'imported' AND occurred_at_ms >= ? AND occurred_at_ms <= ?
       GROUP BY 1, 2, 3`,
      startMs,
      edge.last,
    )
    startMs = edge.last + 1
  }
}

const HAPPENED = "iif(source = 'imported', occurred_at_ms, received_at_ms)"

async function* talliesOfAccount(db: Queries, account: string, fromMs: number, toMs: number) {
  const tallied = talliesFrom(fromMs)
  for (let after = -1; ;) {
    const edge = await db.get<{ last: number | null }>(
      `SELECT max(seq) AS last
       FROM (
         SELECT seq
         FROM unlock_event
         WHERE account_public_id = ? AND seq > ?
         ORDER BY seq
         LIMIT ?
       ) AS step`,
      account,
      after,
      STEP_ROWS,
    )
    if (typeof edge?.last !== 'number') return
    yield tallied(
      await db.all<Counted>(
        `SELECT ${HAPPENED} AS "countedMs", ${CLAIM_COLUMNS}
         FROM unlock_event
         WHERE account_public_id = ?
           AND seq > ?
           AND seq <= ?
           AND (${HAPPENED} >= ? AND ${HAPPENED} < ?) IS TRUE
         ORDER BY seq`,
        account,
        after,
        edge.last,
        fromMs - REPEAT_MS,
        toMs,
      ),
    )
    after = edge.last
  }
}

/** A claim, and the time at which it counts. */
type Counted = Claim & { readonly countedMs: number }

/** Returns a function that counts the claims of each step, without those that repeat one, those
 * before `fromMs` and refused logins. */
const talliesFrom = (fromMs: number) => {
  const repeatOf = repeatFinder()
  return (claims: readonly Counted[]): readonly Tally[] => {
    const tallies = new Map<string, Tally>()
    for (const claim of claims) {
      const isCounted = repeatOf(claim) === null && claim.reason !== LOGIN_REFUSAL
      if (!isCounted || claim.countedMs < fromMs) continue
      const { method, account } = claim
      const quarter = Math.floor(claim.countedMs / QUARTER_MS)
      const key = `${quarter}\n${account}\n${method}`
      tallies.set(key, { quarter, method, account, count: (tallies.get(key)?.count ?? 0) + 1 })
    }
    return [...tallies.values()]
  }
}
