import { Database as Sqlite, SQLiteError, constants } from 'bun:sqlite'
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '../../errors.ts'
import { fileFault } from '../files/private-files.ts'

/** What a column of another program's table may contain, regardless of its type. */
export type Value = string | number | bigint | Uint8Array | null

/** A database of another program, as it stood when it was opened. */
export type ExternalDatabase = {
  /** Returns a table with these columns. Throws `unavailable` if the file has none. */
  readonly table: <Column extends string>(
    name: string,
    columns: readonly Column[],
  ) => ExternalTable<Column>
  readonly close: () => void
}

type ExternalTable<Column extends string> = {
  /** Returns the id of the last row. */
  readonly lastId: () => Value
  /** Returns the rows in the order of their ids, keeping none in memory. Throws `unavailable` at a
   * damaged one. */
  readonly rows: () => Generator<Readonly<Record<Column, Value>>>
}

/** How long to wait for another program's lock. */
const LOCK_WAIT_MS = 5000

/** Opens a SQLite file for reading, and changes neither it nor its folder. Throws `unavailable`. */
export const openExternalDatabase = (path: string): ExternalDatabase => {
  let connection: Sqlite | undefined
  const asUnavailable = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (error) {
      throw cannotRead(path, error)
    }
  }
  const db = asUnavailable(() => {
    if (!statSync(path).isFile()) throw new Error('it is not a regular file')
    connection = connect(path)
    connection.run(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`)
    // Everything that is read is from one moment, even if the legacy server keeps writing.
    connection.run('BEGIN')
    connection.query('SELECT count(*) FROM sqlite_schema').get()
    return connection
  })
  const requireTable = (table: string, columns: readonly string[]): void => {
    const kind = db.query("SELECT type FROM pragma_table_list(?) WHERE schema = 'main'").get(table)
    if (!kind) throw new Error(`it has no table "${table}"`)
    // A view can run anything for each row, and may have no last row.
    if ((kind as { type: string }).type !== 'table')
      throw new Error(`its "${table}" is not a table`)
    const found = db.query('SELECT name FROM pragma_table_info(?)').all(table)
    const names = new Set((found as { name: string }[]).map(({ name }) => name.toLowerCase()))
    const missing = columns.filter((column) => !names.has(column))
    if (missing.length > 0)
      throw new Error(`its table "${table}" has no column ${missing.join(', ')}`)
  }
  function* rows<Row>(sql: string): Generator<Row> {
    const statement = asUnavailable(() => db.prepare<Row, []>(sql))
    const found = statement.iterate()
    try {
      for (;;) {
        const { value, done } = asUnavailable(() => found.next())
        if (done) return
        yield value
      }
    } finally {
      statement.finalize()
    }
  }
  return {
    table: <Column extends string>(name: string, columns: readonly Column[]) => {
      asUnavailable(() => requireTable(name, columns))
      const cells = columns.map((column) => `${bounded(column)} AS ${column}`).join(', ')
      return {
        lastId: () =>
          [...rows<{ id: Value }>(`SELECT ${bounded('max(id)')} AS id FROM ${name}`)][0]?.id ??
          null,
        rows: () =>
          rows<Readonly<Record<Column, Value>>>(`SELECT ${cells} FROM ${name} ORDER BY ${name}.id`),
      }
    },
    close: () => db.close(),
  }
}

/** Far more than any of our columns accepts, and small enough to keep a thousand in memory. */
const CELL_BYTES_MAX = 4096

/** Returns a value, or for a longer one an empty blob, which none of our columns accepts. */
const bounded = (value: string): string =>
  `CASE WHEN octet_length(${value}) > ${CELL_BYTES_MAX} THEN x'' ELSE ${value} END`

/** If the write-ahead log is empty, the file is opened as immutable: SQLite would otherwise create files
 * beside one that has ever had such a log. */
const connect = (path: string): Sqlite => {
  if (!hasWriteAheadLog(path)) return new Sqlite(path, { readonly: true })
  if (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0)
    throw new Error(
      'it has changes in its write-ahead log; stop the legacy server, which writes them into the file',
    )
  const uri = `${pathToFileURL(resolve(path)).href}?immutable=1`
  return new Sqlite(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI)
}

/** According to the file header: https://www.sqlite.org/fileformat.html, offset 19. */
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
  SQLITE_NOTADB: 'it is not a SQLite database',
  SQLITE_CORRUPT: 'the file is damaged',
  SQLITE_BUSY: 'another program has locked it; try again',
  SQLITE_CANTOPEN: 'it was left half written; start and stop the legacy server once',
  SQLITE_READONLY: 'it was left half written; start and stop the legacy server once',
  SQLITE_IOERR: 'the disk does not answer',
}

const cannotRead = (path: string, error: unknown): AppError => {
  const primary =
    error instanceof SQLiteError ? error.code?.match(/^SQLITE_[A-Z]+/)?.[0] : undefined
  const fault = FAULTS[primary ?? ''] ?? fileFault(error)
  return new AppError('unavailable', `Cannot read ${path}: ${fault}`, { cause: error })
}
