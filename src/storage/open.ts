import { Database as Sqlite } from 'bun:sqlite'
import { statSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../errors.ts'
import { type Database, type OnCommit, type Queries, database } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import type { OnProgress } from './migrations/migration.ts'
import { APPLICATION_ID, keepCopy, migrate, newerSchema, pragma, schemaVersion } from './migrate.ts'
import { requireRoom } from './files/data-dir.ts'
import { fileIdentity } from './files/file-identity.ts'
import { RETURNS_SPACE, returnsSpace } from './database-copy.ts'
import { fileFault, makePrivateFile } from './files/private-files.ts'
import { requireOwnSchema } from './sqlite/schema-check.ts'
import { isBusy, unavailable } from './sqlite/faults.ts'
import { memoryDatabase } from './sqlite/memory.ts'
import { readQueries, sqliteReader } from './sqlite/queries.ts'
import { isWalDamaged } from './sqlite/wal.ts'
import { type Program, type Writer, localWriter } from './writing/writer.ts'

/** The first version that loses no commit when a checkpoint coincides with a reset of the WAL
 * (https://sqlite.org/wal.html, "The WAL-Reset Bug"). */
const SQLITE_VERSION_MIN = '3.51.3'

/** Files up to this size are checked completely at each start, which takes about 30 milliseconds. */
const CHECKED_AT_START_BYTES_MAX = 16 * 1024 ** 2

/** A WAL up to this size is examined at each start; it is rarely larger than 16 MiB. */
const EXAMINED_WAL_BYTES_MAX = 64 * 1024 ** 2

/** Larger files are not rewritten at an upgrade, which would take more than a second. */
const REWRITTEN_BYTES_MAX = 64 * 1024 ** 2

const WAL_DAMAGED =
  'the newest changes in the -wal file beside it are damaged; copy the folder, then restore a backup, or remove that file to continue without them'

/** Set on each connection and read back, because SQLite ignores a pragma it cannot apply. */
const PRAGMAS = {
  /** Readers continue while a write commits. */
  journal_mode: 'wal',
  /** 2 is FULL: each COMMIT is synced, so what was acknowledged survives a power cut. */
  synchronous: 2,
  /** Off by default in SQLite. */
  foreign_keys: 1,
  /** Milliseconds, for short waits; longer ones do not block (see writer.ts). */
  busy_timeout: 20,
  /** Erased data is overwritten, also in pages that become free, which FAST (2) would leave. */
  secure_delete: 1,
  /** Bytes to which the WAL shrinks again after another program has read for a long time. */
  journal_size_limit: 16 * 1024 ** 2,
  /** 2 is MEMORY: sorting never writes outside the data folder. */
  temp_store: 2,
  /** No COMMIT waits for a checkpoint: they are made between groups (see database.ts). */
  wal_autocheckpoint: 0,
} as const

type OpenOptions = {
  /** Called before the schema is changed, to keep others out of the database. Returns a function that
   * lets them in again. */
  readonly beforeMigration?: () => () => void
  /** Called now and then while an upgrade moves data. */
  readonly onProgress?: OnProgress
  /** Called after each commit. */
  readonly onCommit?: OnCommit
  /** What `append` runs, if this thread writes. */
  readonly program?: Program
  /** Starts the writer thread, which opens the file with `openWriter`, and returns its writer. */
  readonly writerThread?: () => Writer
}

/** Opens or creates the database file with mode 0600 and migrates its schema, after keeping a copy (see
 * `keepCopy`). Throws AppError `unavailable` with a message for the operator, and never replaces a
 * file. */
export const openDatabase = (path: string, options: OpenOptions = {}): Database => {
  if (path === ':memory:') {
    const memory = memoryDatabase()
    memory.run(`PRAGMA foreign_keys = ${PRAGMAS.foreign_keys}`)
    return databaseOn(memory, options)
  }
  const deadlineMs = performance.now() + HELD_MS_MAX
  for (;;)
    try {
      return openFile(path, options)
    } catch (error) {
      if (!isHeld(error) || performance.now() > deadlineMs) throw cannotOpen(path, error)
      Bun.sleepSync(HELD_RETRY_MS)
    }
}

/** Returns the database interface over a single connection, such as that of a database in memory. */
export const databaseOn = (
  connection: Sqlite,
  { program, onCommit }: Pick<OpenOptions, 'program' | 'onCommit'> = {},
): Database => {
  const writer = localWriter({ connection, program })
  return database({ writer, reader: sqliteReader(connection, true), onCommit })
}

/** How long another process may hold the file or the right to change its schema, as one that is just
 * starting does. */
const HELD_MS_MAX = 3000
const HELD_RETRY_MS = 50

const isHeld = (error: unknown): boolean =>
  isBusy(error) || (error instanceof AppError && isBusy(error.cause))

const openFile = (path: string, options: OpenOptions): Database => {
  makePrivateFile(path)
  if (isWalDamaged(`${path}-wal`, EXAMINED_WAL_BYTES_MAX)) throw new Error(WAL_DAMAGED)
  const connection = new Sqlite(path, { strict: true, readwrite: true, create: false })
  try {
    // Only an empty file can still choose.
    if (statSync(path).size === 0) connection.run(RETURNS_SPACE)
    configure(connection)
    checkFile(connection, path)
    bringUpToDate(connection, path, options)
    const reader = new Sqlite(path, { strict: true, readonly: true })
    reader.run(`PRAGMA busy_timeout = ${PRAGMAS.busy_timeout}`)
    // It never writes, but if it is closed last, SQLite syncs the WAL and the folder all the same, which
    // delays a stop.
    reader.run('PRAGMA synchronous = OFF')
    // After its first read, any process that opens or closes the file sees it.
    reader.query('PRAGMA user_version').get()
    const { onCommit, program, writerThread } = options
    if (!writerThread) {
      const writer = localWriter({ connection, files: fileIdentity(path), program })
      return database({ writer, reader: sqliteReader(reader), onCommit })
    }
    connection.close(true)
    return database({ writer: writerThread(), reader: sqliteReader(reader), onCommit })
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Opens a file that `openDatabase` has just brought up to date, in the writer thread. */
export const openWriter = (path: string, program: Program): Writer => {
  let connection: Sqlite | undefined
  try {
    connection = new Sqlite(path, { strict: true, readwrite: true, create: false })
    configure(connection)
    return localWriter({ connection, files: fileIdentity(path), program })
  } catch (error) {
    connection?.close()
    throw cannotOpen(path, error)
  }
}

const bringUpToDate = (
  writer: Sqlite,
  path: string,
  { beforeMigration, onProgress = () => {} }: OpenOptions,
): void => {
  const from = schemaVersion(writer)
  if (from > MIGRATIONS.length) throw newerSchema(writer, path)
  if (from < 0) throw new Error(`schema version ${from} does not exist`)
  // Before a migration too, since foreign triggers would run with it.
  requireOwnSchema(writer)
  if (from === MIGRATIONS.length) return
  const done = beforeMigration?.()
  try {
    // Another process may have done so by now.
    if (schemaVersion(writer) === MIGRATIONS.length) return
    // A new, empty database has nothing to lose.
    if (schemaVersion(writer) > 0) {
      requireRoom(dirname(path), UPGRADE_SIZES * statSync(path).size, 'upgrading the database')
      if (statSync(path).size > REWRITTEN_BYTES_MAX) onProgress('copying it first')
      keepCopy(writer, path)
      returnSpaceFromNowOn(writer, path)
    }
    const tell = everySecond(onProgress)
    migrate(writer, MIGRATIONS, tell)
    if (from > 0) giveBackSpace(writer, tell)
  } finally {
    done?.()
  }
}

/** Pages that are given back in one transaction, and then written to the file. */
const GIVEN_BACK_PAGES = 4096

/** Returns the pages that an upgrade left free to the disk, if the file allows it. An interruption leaves
 * them for new data. */
const giveBackSpace = (writer: Sqlite, onProgress: OnProgress): void => {
  const free = () => Number(pragma(writer, 'freelist_count'))
  for (let before = free(); returnsSpace(writer) && before > 0;) {
    // All rows of its answer: each stands for a page.
    writer.query(`PRAGMA incremental_vacuum(${GIVEN_BACK_PAGES})`).all()
    const after = free()
    if (after >= before) break
    before = after
    onProgress(`giving ${before.toLocaleString('en')} pages back to the disk`)
  }
  writer.run('PRAGMA wal_checkpoint(TRUNCATE)')
}

/** What an upgrade may take of the disk, in sizes of the database: a copy, the new rows, and the WAL with
 * these and with the old ones, which are overwritten. */
const UPGRADE_SIZES = 3.5

/** Returns a function that passes on what it is told at most once a second. */
const everySecond = (onProgress: OnProgress): OnProgress => {
  let toldAtMs = performance.now()
  return (done) => {
    const nowMs = performance.now()
    if (nowMs - toldAtMs < 1000) return
    toldAtMs = nowMs
    onProgress(done)
  }
}

/** Rewrites a database from an earlier version so that it can give space back, if it is small enough to
 * do so at once and the disk has room. A larger one does when it is copied: by `backup` and
 * `restore`. */
const returnSpaceFromNowOn = (writer: Sqlite, path: string): void => {
  const { size } = statSync(path)
  const { bavail, bsize } = statfsSync(dirname(path))
  if (returnsSpace(writer) || size > REWRITTEN_BYTES_MAX || bavail * bsize < 4 * size) return
  writer.run(RETURNS_SPACE)
  writer.run('VACUUM')
}

/** A database file that is only read, and not migrated. */
export type ReadOnlyDatabase = Pick<Queries, 'all' | 'get'> & {
  readonly schemaVersion: number
  readonly close: () => void
}

/** Opens a database file for reading only. Throws `unavailable`, also if it has a newer schema or
 * belongs to another program. */
export const openReadOnly = (path: string): ReadOnlyDatabase => {
  try {
    const connection = new Sqlite(path, { strict: true, readonly: true })
    try {
      connection.run(`PRAGMA busy_timeout = ${READ_BUSY_MS}`)
      if (pragma(connection, 'application_id') !== APPLICATION_ID)
        throw new Error('it is the database of another program')
      const schema = schemaVersion(connection)
      if (schema > MIGRATIONS.length) throw newerSchema(connection, path)
      return { ...readQueries(connection), schemaVersion: schema }
    } catch (error) {
      connection.close()
      throw error
    }
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

const READ_BUSY_MS = 5000

/** Configures a connection and returns the pragmas as they are read back. Throws if one is not applied,
 * or SQLite is too old. */
export const configure = (connection: Sqlite): Readonly<Record<string, unknown>> => {
  const readBack: Record<string, unknown> = {}
  const version = String(pragma(connection, 'sqlite_version()', 'SELECT'))
  if (Bun.semver.order(version, SQLITE_VERSION_MIN) < 0)
    throw new Error(`SQLite ${version} is older than ${SQLITE_VERSION_MIN}`)
  for (const [name, value] of Object.entries(PRAGMAS).toReversed()) {
    connection.run(`PRAGMA ${name} = ${value}`)
    const now = pragma(connection, name)
    if (now !== value) throw new Error(`SQLite keeps ${name} at ${String(now)} instead of ${value}`)
    readBack[name] = now
  }
  return readBack
}

const checkFile = (connection: Sqlite, path: string): void => {
  const applicationId = pragma(connection, 'application_id')
  const tables = connection.query('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number }
  if (applicationId !== APPLICATION_ID && (applicationId !== 0 || tables.n > 0))
    throw new Error('it is the database of another program')
  if (statSync(path).size > CHECKED_AT_START_BYTES_MAX) return
  const verdict = pragma(connection, 'quick_check(1)')
  if (verdict !== 'ok') throw new Error('the file is damaged; restore a backup of it')
}

/** Returns an error that tells the operator why a database file cannot be used. */
export const cannotOpen = (path: string, error: unknown): AppError => {
  const fault = fileFault(unavailable(error))
  return new AppError('unavailable', `Cannot open database ${path}: ${fault}`, { cause: error })
}
