import type { Queries } from '../../storage/database.ts'

/** How much of the waiting list one client takes up. */
type Share = {
  readonly client: string
  readonly accounts: number
  /** The public id of the account that has waited longest. */
  readonly oldest: string
}

export type WaitingFilter = {
  readonly client?: string | undefined
  /** When the person registered, excluding the end. */
  readonly period?: { readonly fromMs: number; readonly toMs: number }
}

const ALWAYS = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

/** The waiting list, as one transaction or reader sees it: accounts that were registered without an
 * invitation, and that nobody has let in or refused. */
export const waitingListIn = (queries: Pick<Queries, 'all'>) => ({
  /** Returns the number of waiting accounts. */
  count: async (): Promise<number> => {
    const [row] = await queries.all<{ accounts: number }>(
      'SELECT count(*) AS accounts FROM account WHERE waiting_client IS NOT NULL',
    )
    return row?.accounts ?? 0
  },

  /** Returns the share of each client, the largest first. */
  shares: (): Promise<readonly Share[]> =>
    queries.all<Share>(
      `SELECT share.client, share.accounts, account.public_id AS oldest
       FROM (
         SELECT waiting_client AS client, count(*) AS accounts, min(id) AS oldest_id
         FROM account
         WHERE waiting_client IS NOT NULL
         GROUP BY waiting_client
       ) AS share
       JOIN account ON account.id = share.oldest_id
       ORDER BY share.accounts DESC, share.oldest_id`,
    ),

  /** Returns the public ids of the first `limit` people, the oldest first. */
  first: async (
    limit: number,
    { client, period = ALWAYS }: WaitingFilter = {},
  ): Promise<readonly string[]> => {
    const rows = await queries.all<{ public_id: string }>(
      `SELECT public_id
       FROM account
       WHERE waiting_client IS NOT NULL
         AND waiting_client = coalesce(?, waiting_client)
         AND created_at_ms >= ?
         AND created_at_ms < ?
       ORDER BY id
       LIMIT ?`,
      client ?? null,
      period.fromMs,
      period.toMs,
      limit,
    )
    return rows.map((row) => row.public_id)
  },
})
