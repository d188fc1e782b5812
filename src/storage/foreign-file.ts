import { Database as Sqlite, SQLiteError, constants } from 'bun:sqlite'
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '../errors.ts'
import { fileFault } from './private-files.ts'

/** What a column of another program's table may hold, whatever its type says. */
export type Value = string | number | bigint | Uint8Array | null

/** A database of another program, as it stood when it was opened. */
export type ForeignFile = {
  /** Throws `unavailable` where the file has no such table, or the table lacks one of the columns. */
  readonly requireTable: (table: string, columns: readonly string[]) => void
  /** Rows one after another, none kept; throws `unavailable` where the file is damaged there. */
  readonly rows: <Row>(sql: string) => Generator<Row>
  readonly close: () => void
}

/** How long another program may hold its lock. */
const LOCK_WAIT_MS = 5000

/** Opens a SQLite file to be read, and changes neither it nor its folder. Throws `unavailable`. */
export const openForeignFile = (path: string): ForeignFile => {
  let connection: Sqlite | undefined
  const orTold = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (error) {
      throw cannotRead(path, error)
    }
  }
  const db = orTold(() => {
    if (!statSync(path).isFile()) throw new Error('it is no file')
    connection = connect(path)
    connection.run(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`)
    // All that is read is of one moment, though the older program may go on writing.
    connection.run('BEGIN')
    connection.query('SELECT count(*) FROM sqlite_schema').get()
    return connection
  })
  return {
    requireTable: (table, columns) => {
      const rows = orTold(() => db.query('SELECT name FROM pragma_table_info(?)').all(table))
      const names = new Set((rows as { name: string }[]).map(({ name }) => name.toLowerCase()))
      const missing = columns.filter((column) => !names.has(column))
      if (names.size === 0) throw cannotRead(path, new Error(`it has no table "${table}"`))
      if (missing.length > 0)
        throw cannotRead(
          path,
          new Error(`its table "${table}" has no column ${missing.join(', ')}`),
        )
    },
    *rows<Row>(sql: string) {
      const statement = orTold(() => db.prepare<Row, []>(sql))
      const rows = statement.iterate()
      try {
        for (;;) {
          const { value, done } = orTold(() => rows.next())
          if (done) return
          yield value
        }
      } finally {
        statement.finalize()
      }
    },
    close: () => db.close(),
  }
}

/** Where nothing waits in a write-ahead log, the file is read as one that nobody changes: SQLite
 * would otherwise put files of its own beside one that has ever had such a log. */
const connect = (path: string): Sqlite => {
  if (!hasWriteAheadLog(path)) return new Sqlite(path, { readonly: true })
  if (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0)
    throw new Error(
      'it has changes in its write-ahead log; stop the older server, which writes them into the file',
    )
  const uri = `${pathToFileURL(resolve(path)).href}?immutable=1`
  return new Sqlite(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI)
}

/** By the file's header: https://www.sqlite.org/fileformat.html, offset 19. */
const hasWriteAheadLog = (path: string): boolean => {
  const header = new Uint8Array(20)
  const file = openSync(path, 'r')
  try {
    return readSync(file, header, 0, header.length, 0) === header.length && header[19] === 2
  } finally {
    closeSync(file)
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'it is no SQLite database',
  SQLITE_CORRUPT: 'the file is damaged',
  SQLITE_BUSY: 'another program has locked it; try again',
  SQLITE_CANTOPEN: 'it was left half written; start and stop the older server once',
  SQLITE_READONLY: 'it was left half written; start and stop the older server once',
  SQLITE_IOERR: 'the disk does not answer',
}

const cannotRead = (path: string, error: unknown): AppError => {
  const primary =
    error instanceof SQLiteError ? error.code?.match(/^SQLITE_[A-Z]+/)?.[0] : undefined
  const fault = FAULTS[primary ?? ''] ?? fileFault(error)
  return new AppError('unavailable', `Cannot read ${path}: ${fault}`, { cause: error })
}
