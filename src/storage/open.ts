import { Database as Sqlite } from 'bun:sqlite'
import { statSync } from 'node:fs'
import { AppError } from '../errors.ts'
import { type Database, database, unavailable } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import { openFiles } from './open-files.ts'
import { fileFault, makePrivateFile } from './private-files.ts'
import { isWalDamaged } from './wal.ts'

/** "SLS1": marks a file as this service's, so that no other SQLite file is taken for it. */
const APPLICATION_ID = 0x53_4c_53_31

/** Since 3.51.3 SQLite does not lose a commit when a checkpoint meets a reset of the WAL. */
const SQLITE_VERSION_MIN = '3.51.3'

/** Files up to this size are checked whole at each start, which takes well under a second. */
const CHECKED_AT_START_BYTES_MAX = 64 * 1024 ** 2

const WAL_DAMAGED =
  'the newest changes in the -wal file beside it are damaged; copy the folder, then restore a backup, or remove that file to go on without them'

/** Set on each connection and read back, since SQLite ignores a pragma it cannot follow. */
const PRAGMAS = {
  /** Readers go on while a write commits. */
  journal_mode: 'wal',
  /** 2 is FULL: each COMMIT is synced, so what was acknowledged survives a power cut. */
  synchronous: 2,
  /** SQLite leaves them off by default. */
  foreign_keys: 1,
  /** Milliseconds for short waits; longer ones are waited for without blocking (see database.ts). */
  busy_timeout: 20,
  /** What is erased is overwritten, in pages that become free too: FAST (2) would leave those. */
  secure_delete: 1,
  /** Bytes that the WAL keeps of what it grew to while another program read for long. */
  journal_size_limit: 16 * 1024 ** 2,
  /** 2 is MEMORY: what is sorted is never written beside the data folder. */
  temp_store: 2,
} as const

/** Opens (or makes) the database file with mode 0600 and brings its schema up to date.
 * Throws AppError `unavailable` with a message for the operator, and never replaces a file. */
export const openDatabase = (path: string): Database => {
  if (path === ':memory:') {
    const memory = new Sqlite(path, { strict: true })
    memory.run(`PRAGMA foreign_keys = ${PRAGMAS.foreign_keys}`)
    migrate(memory)
    return database({ writer: memory, reader: memory })
  }
  try {
    makePrivateFile(path)
    if (isWalDamaged(`${path}-wal`, CHECKED_AT_START_BYTES_MAX)) throw new Error(WAL_DAMAGED)
    const writer = new Sqlite(path, { strict: true, readwrite: true, create: false })
    try {
      configure(writer)
      checkFile(writer, path)
      migrate(writer)
      const reader = new Sqlite(path, { strict: true, readonly: true })
      reader.run(`PRAGMA busy_timeout = ${PRAGMAS.busy_timeout}`)
      // From its first read on it is seen by whoever else opens or closes the file.
      reader.query('PRAGMA user_version').get()
      return database({ writer, reader, files: openFiles(path) })
    } catch (error) {
      writer.close()
      throw error
    }
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

const configure = (connection: Sqlite): void => {
  const version = String(pragma(connection, 'sqlite_version()', 'SELECT'))
  if (Bun.semver.order(version, SQLITE_VERSION_MIN) < 0)
    throw new Error(`SQLite ${version} is older than ${SQLITE_VERSION_MIN}`)
  for (const [name, value] of Object.entries(PRAGMAS).toReversed()) {
    connection.run(`PRAGMA ${name} = ${value}`)
    const now = pragma(connection, name)
    if (now !== value) throw new Error(`SQLite keeps ${name} at ${String(now)} instead of ${value}`)
  }
}

const checkFile = (connection: Sqlite, path: string): void => {
  const applicationId = pragma(connection, 'application_id')
  const tables = connection.query('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number }
  if (applicationId !== APPLICATION_ID && (applicationId !== 0 || tables.n > 0))
    throw new Error('it is a database of another program')
  if (statSync(path).size > CHECKED_AT_START_BYTES_MAX) return
  const verdict = pragma(connection, 'quick_check(1)')
  if (verdict !== 'ok') throw new Error('the file is damaged; restore a backup of it')
}

/** Runs the missing schema steps, each with its version in one transaction. */
export const migrate = (connection: Sqlite, steps: readonly string[] = MIGRATIONS): void => {
  const version = () => Number(pragma(connection, 'user_version'))
  if (version() > steps.length)
    throw new Error(`schema version ${version()} is newer than ${steps.length}; upgrade the server`)
  while (version() < steps.length) {
    connection
      .transaction(() => {
        const from = version()
        const step = steps[from]
        if (step === undefined) return
        connection.run(step)
        connection.run(`PRAGMA application_id = ${APPLICATION_ID}`)
        connection.run(`PRAGMA user_version = ${from + 1}`)
      })
      .immediate()
  }
}

const pragma = (connection: Sqlite, name: string, verb = 'PRAGMA'): unknown => {
  const row = connection.query(`${verb} ${name}`).get() as Record<string, unknown> | null
  return row ? Object.values(row)[0] : undefined
}

const cannotOpen = (path: string, error: unknown): AppError => {
  const fault = fileFault(unavailable(error))
  return new AppError('unavailable', `Cannot open database ${path}: ${fault}`, { cause: error })
}
