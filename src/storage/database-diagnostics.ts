import { Database as Sqlite } from 'bun:sqlite'
import { existsSync, statSync } from 'node:fs'
import { AppError } from '../errors.ts'
import type { Database } from './database.ts'
import { pragma, schemaVersion } from './migrate.ts'
import { MIGRATIONS } from './migrations.ts'
import { type ReadOnlyDatabase, cannotOpen, configure } from './open.ts'

/** What there is to know of a database file. */
export type DatabaseDiagnostics = {
  readonly sqliteVersion: string
  /** As the service sets them, and read back. */
  readonly pragmas: Readonly<Record<string, unknown>>
  readonly schemaVersion: number
  /** The schema that this version of the server brings a database to. */
  readonly schemaWanted: number
  readonly bytes: number
  readonly walBytes: number
  /** The first fault of its pages, if they do not fit together. */
  readonly damage: string | undefined
  /** Of several connections this one is closed last: those that only read leave SQLite's other files. */
  readonly close: () => void
}

/** Looks at a database file with a connection set as the service sets its own, and checks every page.
 * Throws `unavailable` where that cannot be, and changes nothing. */
export const diagnoseDatabase = (path: string): DatabaseDiagnostics => {
  try {
    const connection = new Sqlite(path, { strict: true, readwrite: true, create: false })
    const close = () => connection.close()
    try {
      const pragmas = configure(connection)
      const verdict = String(pragma(connection, 'integrity_check(1)'))
      return {
        sqliteVersion: String(pragma(connection, 'sqlite_version()', 'SELECT')),
        pragmas,
        schemaVersion: schemaVersion(connection),
        schemaWanted: MIGRATIONS.length,
        bytes: statSync(path).size,
        walBytes: existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0,
        damage: verdict === 'ok' ? undefined : verdict,
        close,
      }
    } catch (error) {
      close()
      throw error
    }
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

/** Gives stores a database that is only read: whatever would write is refused. */
export const withoutWriting = ({ all, get, close }: ReadOnlyDatabase): Database => {
  const refuse = async (): Promise<never> => {
    throw new AppError('unavailable', 'This database is only read')
  }
  return {
    all,
    get,
    run: refuse,
    transaction: refuse,
    checkpointWal: async () => false,
    close: async () => close(),
  }
}
