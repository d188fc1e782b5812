import { Database as Sqlite } from 'bun:sqlite'
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../errors.ts'
import { copyPages } from './backup/page-copy.ts'
import { requireRoom } from './files/data-dir.ts'
import { removeLargeFile } from './files/large-file.ts'
import { unavailable } from './sqlite/faults.ts'
import { fileFault, makePrivateFile } from './files/private-files.ts'

/** Lets a new file, or the next copy, give free pages back to the disk (sqlite.org/pragma.html,
 * "auto_vacuum"): 2 is INCREMENTAL. */
export const RETURNS_SPACE = 'PRAGMA auto_vacuum = 2'

export const returnsSpace = (db: Sqlite): boolean =>
  db.query<{ auto_vacuum: number }, []>('PRAGMA auto_vacuum').get()?.auto_vacuum === 2

/** Copies a database as it is at one moment to a file, mode 0600, which is complete when this returns
 * but not synced to disk. A file at that path is replaced. Others may write to the database meanwhile;
 * this thread blocks. Throws `unavailable` if there is no room or either file fails. */
export const copyDatabase = (from: Sqlite, to: string): void =>
  creatingCopy(from, to, () => vacuumInto(from, to))

/** Does the same from a file that other processes may have open. */
export const copyDatabaseFile = (from: string, to: string): void => {
  const source = openSource(from)
  try {
    creatingCopy(source, to, () => {
      if (!isPacked(source) || !copyPages(from, to)) vacuumInto(source, to)
    })
  } finally {
    source.close(true)
  }
}

const creatingCopy = (from: Sqlite, to: string, copy: () => void): void => {
  try {
    removeCopy(to)
    requireRoom(dirname(to), databaseBytes(from), 'a copy of the database')
    makePrivateFile(to)
    try {
      copy()
      chmodSync(to, 0o600)
      requireIntegrity(to)
    } catch (error) {
      removeCopy(to)
      throw error
    }
  } catch (error) {
    throw copyFault(error)
  }
}

/** Writes the rows to a new file, without free pages. It reads all the while, so nothing in the WAL is
 * checkpointed meanwhile. */
const vacuumInto = (from: Sqlite, to: string): void => {
  if (!returnsSpace(from)) from.run(RETURNS_SPACE)
  from.run('VACUUM INTO ?', [to])
}

/** True if a copy of the pages is as good as one of the rows: few pages are free, and the database returns
 * free ones to the disk. */
const isPacked = (db: Sqlite): boolean => {
  const row = db
    .query<{ pages: number; free: number }, []>(
      `SELECT page_count AS pages, freelist_count AS free
       FROM pragma_page_count(), pragma_freelist_count()`,
    )
    .get()
  return returnsSpace(db) && row !== null && row.free <= row.pages / FREE_PART_MAX
}

const FREE_PART_MAX = 16

/** Removes a copy, and what SQLite left beside it, which must not be applied to another copy: a journal after a
 * kill, and the WAL of a copy of a home on a server. */
export const removeCopy = (path: string): void => {
  for (const end of ['', '-journal', '-wal', '-shm']) removeLargeFile(`${path}${end}`)
}

/** Returns how many bytes a copy of a database file takes at most. */
export const databaseFileBytes = (path: string): number => {
  const source = openSource(path)
  try {
    return databaseBytes(source)
  } finally {
    source.close(true)
  }
}

/** Throws `unavailable` if the pages of a database file are inconsistent. */
export const requireIntegrity = (path: string): void => {
  const db = openSource(path)
  try {
    const rows = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check(1)').all()
    const verdict = rows[0]?.integrity_check ?? 'it cannot be checked'
    if (verdict !== 'ok')
      throw new AppError('unavailable', `The database ${path} is damaged: ${verdict}`)
  } catch (error) {
    throw copyFault(error)
  } finally {
    db.close()
  }
}

const SOURCE_BUSY_MS = 5000

const openSource = (path: string): Sqlite => {
  try {
    const source = new Sqlite(path, { strict: true, readonly: true })
    source.run(`PRAGMA busy_timeout = ${SOURCE_BUSY_MS}`)
    return source
  } catch (error) {
    throw copyFault(error)
  }
}

const databaseBytes = (db: Sqlite): number => {
  const row = db
    .query<{ bytes: number }, []>(
      `SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`,
    )
    .get()
  return row?.bytes ?? 0
}

const copyFault = (error: unknown): unknown =>
  error instanceof AppError
    ? error
    : new AppError('unavailable', `Cannot copy the database: ${fileFault(unavailable(error))}`, {
        cause: error,
      })
