import { Database as Sqlite } from 'bun:sqlite'
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { version as serverVersion } from '../../package.json'
import { copyDatabase } from './database-copy.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Migration, OnProgress } from './migrations/migration.ts'
import { syncPath } from './files/private-files.ts'

/** "SLS1": marks a file as ours, so that no other SQLite file is mistaken for it. */
export const APPLICATION_ID = 0x53_4c_53_31

/** Runs the missing migrations, each with its version number in one transaction. */
export const migrate = (
  connection: Sqlite,
  steps: readonly Migration[] = MIGRATIONS,
  onProgress: OnProgress = () => {},
): void => {
  sortingInFiles(connection, () => {
    while (schemaVersion(connection) < steps.length)
      connection.transaction(() => migrateOnce(connection, steps, onProgress)).immediate()
  })
}

const migrateOnce = (
  connection: Sqlite,
  steps: readonly Migration[],
  onProgress: OnProgress,
): void => {
  const from = schemaVersion(connection)
  const step = steps[from]
  if (step === undefined) return
  runStep(connection, step, onProgress)
  connection.run(`PRAGMA application_id = ${APPLICATION_ID}`)
  connection.run(`PRAGMA user_version = ${from + 1}`)
  noteWriter(connection, from + 1)
}

/** Runs one migration, inside the transaction of the caller. */
export const runStep = (
  connection: Sqlite,
  step: Migration,
  onProgress: OnProgress = () => {},
): void => {
  if (typeof step === 'string') return void connection.run(step)
  connection.run(step.prepare)
  step.move(connection, onProgress)
  connection.run(step.finish)
}

/** Pages that an upgrade keeps in memory, in KiB: more makes it faster. */
const UPGRADE_CACHE_KIB = 32 * 1024

/** Lets SQLite sort in unnamed files beside the database during some work, so that the memory of an upgrade
 * does not grow with the database. They are gone when the process ends in any way. */
const sortingInFiles = (connection: Sqlite, work: () => void): void => {
  if (connection.filename === '' || connection.filename === ':memory:') return work()
  const before = ['cache_size', 'temp_store'].map(
    (name) => [name, pragma(connection, name)] as const,
  )
  connection.run(`PRAGMA cache_size = -${UPGRADE_CACHE_KIB}`)
  connection.run('PRAGMA temp_store = 1')
  setTemporaryFolder(connection, dirname(connection.filename))
  try {
    work()
  } finally {
    for (const [name, value] of before) connection.run(`PRAGMA ${name} = ${String(value)}`)
    setTemporaryFolder(connection, '')
  }
}

/** Deprecated, but there is no other way to choose it (sqlite.org/tempfiles.html). It is the process's, so
 * it is taken back. */
const setTemporaryFolder = (connection: Sqlite, folder: string): void => {
  connection.run(`PRAGMA temp_store_directory = '${folder.replaceAll("'", "''")}'`)
}

/** Stores which version of the server migrated to this schema. */
const noteWriter = (connection: Sqlite, schema: number): void => {
  if (!hasWriters(connection)) return
  connection.run(
    `INSERT INTO schema_change (schema_version, server_version, at_ms) VALUES (?, ?, ?)
     ON CONFLICT (schema_version) DO NOTHING`,
    [schema, serverVersion, Date.now()],
  )
}

const hasWriters = (connection: Sqlite): boolean =>
  connection.query("SELECT 1 FROM sqlite_schema WHERE name = 'schema_change'").get() !== null

export const schemaVersion = (connection: Sqlite): number =>
  Number(pragma(connection, 'user_version'))

/** Returns the value of a pragma, or of another expression with the verb SELECT. */
export const pragma = (connection: Sqlite, name: string, verb = 'PRAGMA'): unknown => {
  const row = connection.query(`${verb} ${name}`).get() as Record<string, unknown> | null
  return row ? Object.values(row)[0] : undefined
}

/** Returns an error that says which version a database with a newer schema needs, and where a copy is
 * that this version can read. */
export const newerSchema = (connection: Sqlite, path: string): Error => {
  const schema = schemaVersion(connection)
  const writer = writerOf(connection, schema)
  const copy = copiesBeside(path).find((one) => isReadable(one.path))
  const use = writer ? `use version ${writer} of the server, which wrote it, or a later one` : ''
  const back = copy
    ? `; the copy from before it was upgraded, which this version reads, is ${copy.path}`
    : ''
  return new Error(
    `schema version ${schema} is newer than ${MIGRATIONS.length}, the newest that version ${serverVersion} knows; ${use || 'upgrade the server'}${back}`,
  )
}

const writerOf = (connection: Sqlite, schema: number): string | undefined => {
  if (!hasWriters(connection)) return undefined
  return connection
    .query<{ server_version: string }, [number]>(
      'SELECT server_version FROM schema_change WHERE schema_version = ?',
    )
    .get(schema)?.server_version
}

const isReadable = (path: string): boolean => {
  try {
    const copy = new Sqlite(path, { readonly: true })
    try {
      return schemaVersion(copy) <= MIGRATIONS.length
    } finally {
      copy.close()
    }
  } catch {
    return false
  }
}

/** How many copies from before upgrades are kept beside the database. */
const COPIES_KEPT = 2

const COPY_NAME = /\.before-schema-(?<schema>\d+)$/

/** Keeps a copy of a database before its schema is changed, as `….before-schema-N`, where N is the new
 * schema: complete, on disk, mode 0600, replacing an earlier attempt at the same. Throws if there is
 * no room for it. */
export const keepCopy = (connection: Sqlite, path: string): void => {
  const copy = `${path}.before-schema-${MIGRATIONS.length}`
  const draft = `${copy}.part`
  copyDatabase(connection, draft)
  syncPath(draft)
  renameSync(draft, copy)
  syncPath(dirname(path))
  const others = copiesBeside(path).filter((other) => other.path !== copy)
  for (const { path: old } of others.slice(COPIES_KEPT - 1)) rmSync(old)
}

/** Returns the copies beside a database, the newest schema first. */
const copiesBeside = (path: string): readonly { readonly path: string }[] => {
  const folder = dirname(path)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .flatMap((name) => {
      const schema = COPY_NAME.exec(name)?.groups?.['schema']
      const isOurs = name.startsWith(`${basename(path)}.before-schema-`)
      return schema !== undefined && isOurs ? [{ path: join(folder, name), schema }] : []
    })
    .toSorted((left, right) => Number(right.schema) - Number(left.schema))
}
