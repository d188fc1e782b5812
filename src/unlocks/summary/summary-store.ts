import type { Queries } from '../../storage/database.ts'
import { REPEATS, STEP_UNLOCKS, talliesOf } from './counted-store.ts'
import { packDays } from './tally-store.ts'

/** How many events one transaction adds to the summary at most, in about 20 ms. */
const CATCH_UP_UNLOCKS = 4096

const ADD_TALLIES = `
  INSERT INTO unlock_tally (quarter, account, method, unlocks)
  ${talliesOf('seq >= ? AND seq < ?', '1 = 1')}
  ON CONFLICT (quarter, account, method) DO UPDATE SET unlocks = unlock_tally.unlocks + excluded.unlocks`

/** Returns how many events are in the summary: the first ones of the log. */
export const summarySize = async (db: Pick<Queries, 'get'>): Promise<number> =>
  (await db.get<{ size: number }>('SELECT size FROM unlock_summary WHERE id = 1'))?.size ?? 0

/** Called when the log has grown from one size to another, in the same transaction. Adds events to the summary
 * whenever another `STEP_UNLOCKS` are complete: to write each index for each event would cost a page each. */
export const summarize = async (
  tx: Queries,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> => {
  if (Math.floor(from / STEP_UNLOCKS) === Math.floor(to / STEP_UNLOCKS)) return
  await catchUp(tx, to)
}

/** Adds the next events of a log of some size to the summary; returns how many are in it then. */
export const catchUp = async (tx: Queries, logSize: number): Promise<number> => {
  const from = await summarySize(tx)
  const to = Math.min(logSize, from + CATCH_UP_UNLOCKS)
  if (to <= from) return from
  await tx.run(
    `UPDATE unlock_event SET is_repeat = 1 WHERE seq >= ? AND seq < ? AND ${REPEATS}`,
    from,
    to,
  )
  await tx.run(ADD_TALLIES, from, to)
  await tx.run(
    `INSERT INTO unlock_of_method (method, happened_at_ms, seq)
     SELECT method_number, happened_at_ms, seq
     FROM unlock_event
     WHERE seq >= ? AND seq < ? AND method_number IS NOT NULL`,
    from,
    to,
  )
  await tx.run(
    `INSERT INTO unlock_lock (lock)
     SELECT DISTINCT lock FROM unlock_event WHERE seq >= ? AND seq < ?
     ON CONFLICT DO NOTHING`,
    from,
    to,
  )
  await tx.run(
    `INSERT INTO unlock_of_lock (lock, happened_at_ms, seq)
     SELECT unlock_lock.number, happened_at_ms, seq
     FROM unlock_event
     JOIN unlock_lock ON unlock_lock.lock = unlock_event.lock
     WHERE seq >= ? AND seq < ?`,
    from,
    to,
  )
  await tx.run(
    `INSERT INTO unlock_mark (received_at_ms, seq)
     SELECT received_at_ms, seq
     FROM unlock_event
     WHERE seq IN (
       SELECT min(seq)
       FROM unlock_event
       WHERE seq >= ? AND seq < ? AND is_time_uncertain = 0
       GROUP BY seq / ${STEP_UNLOCKS}
     )`,
    from,
    to,
  )
  await tx.run('UPDATE unlock_summary SET size = ? WHERE id = 1', to)
  await packDays(tx)
  return to
}

/** Removes the account and the method of events that are about to be erased from the summary: from then on,
 * they count for nobody and by no method. */
export const forgetInSummary = async (tx: Queries, seqs: readonly number[]): Promise<void> => {
  const end = Math.max(...seqs) + 1
  while ((await catchUp(tx, end)) < end);
  const erased = JSON.stringify(seqs)
  const tallies = talliesOf('seq IN (SELECT CAST(value AS bigint) FROM json_each(?))', '1 = 1')
  await tx.run(
    `INSERT INTO unlock_tally (quarter, account, method, unlocks)
     SELECT quarter, account, method, sum(unlocks)
     FROM (
       SELECT quarter, account, method, -unlocks AS unlocks FROM (${tallies}) AS named
       UNION ALL
       SELECT quarter, 0, 0, unlocks FROM (${tallies}) AS nameless
     ) AS changes
     WHERE 1 = 1
     GROUP BY quarter, account, method
     ON CONFLICT (quarter, account, method)
     DO UPDATE SET unlocks = unlock_tally.unlocks + excluded.unlocks`,
    erased,
    erased,
  )
  await tx.run('DELETE FROM unlock_tally WHERE unlocks = 0')
  await tx.run(
    `DELETE FROM unlock_of_method
     WHERE (method, happened_at_ms, seq) IN (
       SELECT method_number, happened_at_ms, seq
       FROM unlock_event
       WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))
     )`,
    erased,
  )
}
