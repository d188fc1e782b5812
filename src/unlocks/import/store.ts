import type { ExternalDatabase, Value } from '../../storage/external-database.ts'

/** A row of the legacy server's table `log`, as it may be. */
export type LegacyUnlock = Readonly<Record<(typeof COLUMNS)[number], Value>>

const COLUMNS = ['id', 'username', 'unlocking_method', 'date_time'] as const

/** The unlocks in the legacy server's file, in the order in which they were recorded. Throws
 * `unavailable` where it is no such file. */
export const legacyUnlocks = ({ table }: ExternalDatabase) => table('log', COLUMNS)
