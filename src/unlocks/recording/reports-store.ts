import type { NewReport } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'
import { UNLOCK_COLUMNS, type UnlockRow, eventOf } from '../log/event-row.ts'
import type { UnerasedEvent, UnlockEvent } from '../log/event.ts'

/** An entry in a lock's own log, and the leaf that it became. */
export type ReportEntry = { readonly lock: string; readonly entry: string; readonly seq: number }

/** Returns a key that is unique among the entries of all locks. */
export const entryKey = ({ lock, entry }: Pick<ReportEntry, 'lock' | 'entry'>): string =>
  `${lock} ${entry}`

/** The entries of locks' own logs that became events. */
export const reportEntries = (tx: Queries) => ({
  /** Returns events that were already recorded for entries, by `entryKey`. */
  find: async (
    reports: readonly Pick<NewReport, 'lock' | 'entry'>[],
  ): Promise<Map<string, UnlockEvent>> => {
    const rows = await tx.all<UnlockRow & { entry: string }>(
      `SELECT ${UNLOCK_COLUMNS}, lock_report.entry
       FROM json_each(?) AS report
       CROSS JOIN lock AS home_lock ON home_lock.label = report.value ->> 'lock'
       CROSS JOIN lock_report
         ON lock_report.lock_id = home_lock.id AND lock_report.entry = report.value ->> 'entry'
       CROSS JOIN unlock_event ON unlock_event.seq = lock_report.seq`,
      JSON.stringify(reports.filter(({ entry }) => entry !== undefined)),
    )
    return new Map(rows.map((row) => [entryKey(row), eventOf(row)]))
  },

  /** Stores entries, all of which are new. */
  insert: async (entries: readonly ReportEntry[]): Promise<void> => {
    if (entries.length === 0) return
    await tx.run(
      `INSERT INTO lock_report (lock_id, entry, seq)
       SELECT home_lock.id, report.value ->> 'entry', CAST(report.value ->> 'seq' AS bigint)
       FROM json_each(?) AS report
       CROSS JOIN lock AS home_lock ON home_lock.label = report.value ->> 'lock'`,
      JSON.stringify(entries),
    )
  },

  /** Notes the leaves of controllers' reports, which are stored already. */
  numberAttested: async (leaves: readonly UnerasedEvent[]): Promise<void> => {
    if (leaves.length === 0) return
    const numbered = leaves.map(({ seq, reporter, reporterCounter }) => ({
      seq,
      reporter,
      counter: reporterCounter,
    }))
    await tx.run(
      `UPDATE controller_report
       SET seq = CAST(leaf.value ->> 'seq' AS bigint)
       FROM json_each(?) AS leaf
       WHERE controller_id = leaf.value ->> 'reporter'
         AND counter = CAST(leaf.value ->> 'counter' AS bigint)`,
      JSON.stringify(numbered),
    )
  },
})
