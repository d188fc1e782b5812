import type { ForeignFile, Value } from '../storage/foreign-file.ts'

/** A row of the older server's table `log`, as it may be. */
export type OlderUnlock = Readonly<Record<(typeof COLUMNS)[number], Value>>

const COLUMNS = ['id', 'username', 'unlocking_method', 'date_time'] as const

/** The unlocks in the older server's file, in the order in which they were recorded. Throws
 * `unavailable` where it is no such file. */
export const olderUnlocks = ({ requireTable, rows }: ForeignFile) => {
  requireTable('log', COLUMNS)
  return {
    /** The number of the last row. */
    lastId: (): Value => [...rows<{ id: Value }>('SELECT max(id) AS id FROM log')][0]?.id ?? null,
    rows: (): Generator<OlderUnlock> => rows(`SELECT ${COLUMNS.join(', ')} FROM log ORDER BY id`),
  }
}
