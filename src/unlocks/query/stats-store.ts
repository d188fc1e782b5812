import { MINUTE_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'

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
  readonly fromMs: number
  readonly toMs: number
}

export const QUARTER_MS = 15 * MINUTE_MS

/** Events that one statement counts before other work continues. */
const STEP_ROWS = 2000

/** Which events are counted by which time: imported events by the time they happened. Each step
 * looks at events that match `within`. */
const BY_RECEIPT = {
  time: 'received_at_ms',
  which: "source <> 'imported'",
  within: 'TRUE',
} as const
const IMPORTED = {
  time: 'occurred_at_ms',
  which: "source = 'imported'",
  within: "source = 'imported'",
} as const

/** Counts the unlock log from indexes alone, which contain every column needed. */
export const unlockCounts = (db: Queries) => ({
  /** Counts, step by step, the events received from `fromMs` up to, not including, `toMs`; imported
   * events by the time they happened. */
  tallies: async function* ({ account, fromMs, toMs }: Span): AsyncGenerator<readonly Tally[]> {
    if (account !== undefined) yield* talliesOfAccount(db, account, fromMs, toMs)
    else for (const kind of [BY_RECEIPT, IMPORTED]) yield* talliesOfAll(db, kind, fromMs, toMs)
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

async function* talliesOfAll(
  db: Queries,
  { time, which, within }: typeof BY_RECEIPT | typeof IMPORTED,
  fromMs: number,
  toMs: number,
) {
  for (let startMs = fromMs; ;) {
    const edge = await db.get<{ last: number | null }>(
      `SELECT max(${time}) AS last
       FROM (
         SELECT ${time}
         FROM unlock_event
         WHERE ${within} AND ${time} >= ? AND ${time} < ?
         ORDER BY ${time}
         LIMIT ?
       ) AS step`,
      startMs,
      toMs,
      STEP_ROWS,
    )
    if (typeof edge?.last !== 'number') return
    yield await db.all<Tally>(
      `SELECT
         ${time} / ${QUARTER_MS} AS quarter,
         method,
         account_public_id AS account,
         count(*) AS count
       FROM unlock_event
       WHERE ${which} AND ${time} >= ? AND ${time} <= ?
       GROUP BY 1, 2, 3`,
      startMs,
      edge.last,
    )
    startMs = edge.last + 1
  }
}

const HAPPENED = "iif(source = 'imported', occurred_at_ms, received_at_ms)"

async function* talliesOfAccount(db: Queries, account: string, fromMs: number, toMs: number) {
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
    yield await db.all<Tally>(
      `SELECT
         ${HAPPENED} / ${QUARTER_MS} AS quarter,
         method,
         account_public_id AS account,
         count(*) AS count
       FROM unlock_event
       WHERE account_public_id = ?
         AND seq > ?
         AND seq <= ?
         AND (${HAPPENED} >= ? AND ${HAPPENED} < ?) IS TRUE
       GROUP BY 1, 2, 3`,
      account,
      after,
      edge.last,
      fromMs,
      toMs,
    )
    after = edge.last
  }
}
