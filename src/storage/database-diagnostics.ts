import { Database as Sqlite } from 'bun:sqlite'
import { existsSync, statSync } from 'node:fs'
import { AppError } from '../errors.ts'
import type { Database } from './database.ts'
import { ALONE } from './leading.ts'
import { pragma, schemaVersion } from './migrate.ts'
import { MIGRATIONS } from './migrations.ts'
import { schemaFault } from './sqlite/schema-check.ts'
import { type ReadOnlyDatabase, cannotOpen, configure } from './open.ts'

/** What is known about a database file. */
export type DatabaseDiagnostics = {
  readonly sqliteVersion: string
  /** As the server sets them, read back. */
  readonly pragmas: Readonly<Record<string, unknown>>
  readonly schemaVersion: number
  /** The schema to which this version of the server migrates a database. */
  readonly schemaWanted: number
  /** How its schema differs from the one that this version expects, if it does. */
  readonly schemaFault: string | undefined
  readonly bytes: number
  readonly walBytes: number
  /** The first problem with its pages, if they are inconsistent. */
  readonly damage: string | undefined
  /** Of several connections, close this one last: read-only ones leave SQLite's other files behind. */
  readonly close: () => void
}

/** Examines a database file with a connection configured like the server's, and checks every page.
 * Throws `unavailable` if that is not possible. Changes nothing. */
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
        schemaFault:
          schemaVersion(connection) > MIGRATIONS.length ? undefined : schemaFault(connection),
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

/** Returns a database for stores that only read: every write is refused. */
export const withoutWriting = ({ all, get, close }: ReadOnlyDatabase): Database => {
  const refuse = async (): Promise<never> => {
    throw new AppError('unavailable', 'This database is read-only')
  }
  return {
    isFile: true,
    leading: ALONE,
    all,
    get,
    run: refuse,
    transaction: refuse,
    append: refuse,
    writeWalBack: refuse,
    checkpointWal: async () => false,
    lastly: refuse,
    unansweredMs: () => 0,
    isLate: () => false,
    close: async () => close(),
  }
}
