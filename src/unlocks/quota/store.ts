import type { Amount } from '../../domain/limits/day-tally.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { DECIDED, HAPPENED_BEFORE_MS_MAX } from '../log/event.ts'
import { nameReads } from '../log/names-store.ts'
import { firstSince } from '../summary/marks-store.ts'

/** What an event counts: its row, its entries in indexes and nodes of the tree, and its method several
 * times, so that the longest fill a day sooner. */
export const EVENT_BYTES = 600
export const METHOD_COPIES = 4

/** What was recorded, and how many hours ago. */
export type Recorded = Amount & { readonly hoursAgo: number }

/** Reads from the log what was recorded in the 24 hours before `nowMs`: by sequence numbers, so that
 * events whose own time is wrong count too. */
export const quotaStore = (db: Pick<Queries, 'all' | 'get'>) => {
  const { accountNumber } = nameReads(db)

  /** Returns what apps have recorded for an account, by its public id, and its decided attempts. */
  const ofAccount = async (publicId: string, nowMs: number): Promise<readonly Recorded[]> => {
    const number = await accountNumber(publicId)
    if (number === undefined) return []
    const sinceMs = nowMs - DAY_MS
    return db.all<Recorded>(
      `SELECT
         max(0, min(23, (? - received_at_ms) / ?)) AS "hoursAgo",
         count(*) AS events,
         sum(? + ? * coalesce(octet_length(method), 0)) AS bytes
       FROM unlock_event
       WHERE account_number = ? AND happened_at_ms >= ? AND seq >= ?
         AND source IN ('claimed', '${DECIDED}')
       GROUP BY 1`,
      nowMs,
      HOUR_MS,
      EVENT_BYTES,
      METHOD_COPIES,
      number,
      // What was received since then happened at most 90 days before.
      sinceMs - HAPPENED_BEFORE_MS_MAX,
      await firstSince(db, sinceMs),
    )
  }

  return {
    ofAccount,

    /** Returns what apps have recorded for each waiting account, and the client it registered from; if a
     * member was made to wait, the address of the latest session. */
    ofWaiting: async (
      nowMs: number,
    ): Promise<readonly { readonly client: string; readonly events: number }[]> => {
      const waiting = await db.all<{ publicId: string; client: string | null }>(
        `SELECT
           public_id AS "publicId",
           coalesce(
             waiting_client,
             (
               SELECT address
               FROM session
               WHERE session.account_id = account.id
               ORDER BY used_at_ms DESC
               LIMIT 1
             )
           ) AS client
         FROM account
         WHERE admitted_at_ms IS NULL`,
      )
      const counted: { client: string; events: number }[] = []
      for (const { publicId, client } of waiting) {
        if (client === null) continue
        const recorded = await ofAccount(publicId, nowMs)
        counted.push({ client, events: recorded.reduce((sum, { events }) => sum + events, 0) })
      }
      return counted
    },
  }
}
