import { yieldToEventLoop } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { BESIDE } from '../summary/counted-store.ts'
import { firstSince } from '../summary/marks-store.ts'

/** Events that are counted before other work gets its turn: some milliseconds. */
const STEP = 20_000

/** How many labels are counted at once. A door has many unlocks; only somebody who makes labels up creates so
 * many, so the rarest are forgotten. */
const LABELS_MAX = 50_000

type MostUsed = {
  readonly sinceMs: number
  readonly limit: number
  readonly onProgress: (done: number, all: number) => void
}

/** The labels of locks that unlocks name. */
export const lockLabels = (db: Pick<Queries, 'all' | 'get'>) => ({
  /** Returns the lock labels of unlocks received since a time, without refusals: most used first, then by
   * label. Calls `onProgress` with the number of events read so far and the total. */
  mostUsed: async ({ sinceMs, limit, onProgress }: MostUsed): Promise<readonly string[]> => {
    let counts = new Map<string, number>()
    const first = await firstSince(db, sinceMs)
    const newest = await db.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM unlock_event')
    const end = (newest?.seq ?? -1) + 1
    for (let seq = first; seq < end; seq += STEP) {
      const rows = await db.all<{ lock: string; unlocks: number }>(
        `SELECT lock, count(*) AS unlocks
         FROM unlock_event
         WHERE seq >= ? AND seq < ? AND result = 'unlocked'
         GROUP BY lock`,
        seq,
        seq + STEP,
      )
      for (const { lock, unlocks } of rows) counts.set(lock, (counts.get(lock) ?? 0) + unlocks)
      if (counts.size > LABELS_MAX) counts = new Map(ranked(counts).slice(0, LABELS_MAX / 2))
      onProgress(Math.min(seq + STEP, end) - first, end - first)
      await yieldToEventLoop()
    }
    return ranked(counts)
      .slice(0, limit)
      .map(([label]) => label)
  },

  /** Returns up to `limit` labels other than these, most recently used first, and when each was last used. */
  others: (known: readonly string[], limit: number): Promise<readonly UsedLabel[]> =>
    db.all<UsedLabel>(
      `WITH
         beside AS MATERIALIZED (
           SELECT lock, max(happened_at_ms) AS happened_at_ms
           FROM unlock_event
           WHERE ${BESIDE}
           GROUP BY lock
         ),
         label AS (
           SELECT lock, happened_at_ms
           FROM beside
           WHERE lock NOT IN (SELECT value FROM json_each(?1))
           UNION ALL
           SELECT lock,
             (SELECT max(happened_at_ms) FROM unlock_of_lock WHERE unlock_of_lock.lock = number)
           FROM (
             SELECT number, lock
             FROM unlock_lock
             WHERE lock NOT IN (SELECT value FROM json_each(?1))
             ORDER BY number DESC
             LIMIT ?2
           ) AS summed
         )
       SELECT lock AS label, max(happened_at_ms) AS "lastAtMs"
       FROM label
       GROUP BY lock
       ORDER BY "lastAtMs" DESC, lock
       LIMIT ?2`,
      JSON.stringify(known),
      limit,
    ),
})

export type UsedLabel = { readonly label: string; readonly lastAtMs: number }

const ranked = (counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
  [...counts].toSorted(
    ([one, times], [other, otherTimes]) => otherTimes - times || (one < other ? -1 : 1),
  )
