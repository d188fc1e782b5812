import type { Queries } from '../../storage/database.ts'

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

/** Which events are counted by which of their times: imported ones by when they happened. Steps go
 * through the events of `within`. */
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

/** The unlock log as it is counted: from indexes alone, which hold all that is asked. */
export const unlockCounts = (db: Queries) => ({
  /** Counts the events received, or if imported happened, from `fromMs` until before `toMs`, step by
   * step. */
  tallies: async function* ({ account, fromMs, toMs }: Span): AsyncGenerator<readonly Tally[]> {
    if (account !== undefined) yield* talliesOfOne(db, account, fromMs, toMs)
    else for (const some of [BY_RECEIPT, IMPORTED]) yield* talliesOfAll(db, some, fromMs, toMs)
  },

  /** The name that an account had at its newest event. */
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

async function* talliesOfOne(db: Queries, account: string, fromMs: number, toMs: number) {
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
