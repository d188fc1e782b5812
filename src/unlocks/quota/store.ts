import type { Amount } from '../../domain/day-tally.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { firstSince } from '../log/store.ts'

/** What an event takes in the database: rows, indexes and nodes of the tree, and its method, which
 * the row and three indexes contain. */
export const EVENT_BYTES = 600
export const METHOD_COPIES = 4

/** What was recorded, and how many hours ago. */
export type Recorded = Amount & { readonly hoursAgo: number }

/** Reads from the log what was recorded in the 24 hours before `nowMs`: by sequence numbers, so that
 * events whose own time is wrong count too. */
export const quotaStore = (db: Pick<Queries, 'all' | 'get'>) => ({
  /** Returns what apps have recorded for an account, by its public id. */
  ofAccount: async (publicId: string, nowMs: number): Promise<readonly Recorded[]> =>
    db.all<Recorded>(
      `SELECT
         max(0, min(23, (? - received_at_ms) / ?)) AS "hoursAgo",
         count(*) AS events,
         sum(? + ? * coalesce(octet_length(method), 0)) AS bytes
       FROM unlock_event
       WHERE account_public_id = ? AND seq >= ? AND source = 'claimed'
       GROUP BY 1`,
      nowMs,
      HOUR_MS,
      EVENT_BYTES,
      METHOD_COPIES,
      publicId,
      await firstSince(db, nowMs - DAY_MS),
    ),

  /** Returns what apps have recorded for each waiting account, and the client it registered from; if a
   * member was made to wait, the address of the latest session. */
  ofWaiting: async (
    nowMs: number,
  ): Promise<readonly { readonly client: string; readonly events: number }[]> =>
    db.all(
      `SELECT
         coalesce(
           waiting_client,
           (
             SELECT address
             FROM session
             WHERE session.account_id = account.id
             ORDER BY used_at_ms DESC
             LIMIT 1
           )
         ) AS client,
         (
           SELECT count(*)
           FROM unlock_event
           WHERE account_public_id = account.public_id AND seq >= ? AND source = 'claimed'
         ) AS events
       FROM account
       WHERE admitted_at_ms IS NULL AND client IS NOT NULL`,
      await firstSince(db, nowMs - DAY_MS),
    ),
})
