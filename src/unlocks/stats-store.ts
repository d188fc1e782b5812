import type { Queries } from '../storage/database.ts'

export type UnlockCounts = ReturnType<typeof unlockCounts>

/** How many events of one quarter of an hour, method and account there are; null where erased. */
export type Tally = {
  /** Quarters of an hour since 1970, UTC: no time zone changes between them. */
  readonly quarter: number
  readonly method: string | null
  readonly account: string | null
  readonly count: number
}

type Span = {
  /** Counts this account's events alone. */
  readonly account: string | undefined
  readonly fromMs: number
  readonly toMs: number
}

export const QUARTER_MS = 900_000

/** Events that one statement counts before other work goes on. */
const STEP_ROWS = 10_000

/** The unlock log as it is counted: from indexes alone, which hold all that is asked. */
export const unlockCounts = (db: Queries) => ({
  /** Counts the events received from `fromMs` until before `toMs`, step by step. */
  tallies: ({ account, fromMs, toMs }: Span): AsyncGenerator<readonly Tally[]> =>
    account === undefined
      ? talliesOfAll(db, fromMs, toMs)
      : talliesOfOne(db, account, fromMs, toMs),

  /** The name that an account had at its newest event. */
  usernameOf: async (account: string): Promise<string | null> => {
    const row = await db.get<{ username: string }>(
      'SELECT username FROM unlock WHERE account_public_id = ? ORDER BY seq DESC LIMIT 1',
      account,
    )
    return row?.username ?? null
  },
})

async function* talliesOfAll(db: Queries, fromMs: number, toMs: number) {
  for (let startMs = fromMs; ;) {
    const edge = await db.get<{ last: number | null }>(
      `SELECT max(received_at_ms) AS last
       FROM (
         SELECT received_at_ms
         FROM unlock
         WHERE received_at_ms >= ? AND received_at_ms < ?
         ORDER BY received_at_ms
         LIMIT ?
       ) AS step`,
      startMs,
      toMs,
      STEP_ROWS,
    )
    if (typeof edge?.last !== 'number') return
    yield await db.all<Tally>(
      `SELECT
         received_at_ms / ${QUARTER_MS} AS quarter,
         method,
         account_public_id AS account,
         count(*) AS count
       FROM unlock
       WHERE received_at_ms >= ? AND received_at_ms <= ?
       GROUP BY 1, 2, 3`,
      startMs,
      edge.last,
    )
    startMs = edge.last + 1
  }
}

async function* talliesOfOne(db: Queries, account: string, fromMs: number, toMs: number) {
  for (let after = -1; ;) {
    const edge = await db.get<{ last: number | null }>(
      `SELECT max(seq) AS last
       FROM (
         SELECT seq
         FROM unlock
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
         received_at_ms / ${QUARTER_MS} AS quarter,
         method,
         account_public_id AS account,
         count(*) AS count
       FROM unlock
       WHERE account_public_id = ?
         AND seq > ?
         AND seq <= ?
         AND (received_at_ms >= ? AND received_at_ms < ?) IS TRUE
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
