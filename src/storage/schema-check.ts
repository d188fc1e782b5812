import { Database as Sqlite } from 'bun:sqlite'
import { runStep, schemaVersion } from './migrate.ts'
import { MIGRATIONS } from './migrations.ts'

type Entry = {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly sql: string | null
}

/** How many faults are named; there may be any number. */
const NAMED_MAX = 5

/** Throws an Error that names what in the schema of a database is not as the migrations made it, such as
 * a trigger that someone added to a backup and that would run with the next write. */
export const requireOwnSchema = (connection: Sqlite): void => {
  // In one transaction: another process may be upgrading it.
  const fault = connection.transaction(() => schemaFault(connection))()
  if (fault !== undefined) throw new Error(`its schema is ${fault}; ${SCHEMA_FIX}`)
}

export const SCHEMA_FIX =
  'copy the data folder, then restore a backup from before, or undo the change with the sqlite3 program'

/** Returns how the schema of a database differs from the expected one, in words. */
export const schemaFault = (connection: Sqlite): string | undefined => {
  const faults = schemaFaults(connection)
  if (faults.length === 0) return undefined
  const more = faults.length > NAMED_MAX ? ` and ${faults.length - NAMED_MAX} more` : ''
  return `not what this server created: ${faults.slice(0, NAMED_MAX).join(', ')}${more}`
}

/** Returns how the schema of a database differs from what the migrations up to its version make: foreign
 * tables, views and triggers, and tables, triggers and indexes of ours that are missing or altered. An
 * index of plain columns that someone added for their own queries changes nothing. */
export const schemaFaults = (connection: Sqlite): readonly string[] => {
  const expected = expectedSchema(Math.max(schemaVersion(connection), 0))
  const found = entriesOf(connection)
  const foreign = [...found].filter(
    ([key, { definition }]) => !expected.has(key) && !PLAIN_INDEX.test(definition),
  )
  const altered = [...expected].filter(([key]) => {
    const entry = found.get(key)
    return entry !== undefined && entry.definition !== expected.get(key)?.definition
  })
  const missing = [...expected].filter(([key]) => !found.has(key))
  return [
    ...foreign.map(([, { label }]) => `foreign ${label}`),
    ...altered.map(([, { label }]) => `altered ${label}`),
    ...missing.map(([, { label }]) => `missing ${label}`),
  ]
}

const PLAIN_INDEX = /^create index \w+ on \w+ \( \w+( , \w+)* \)$/i

type Schema = ReadonlyMap<string, { readonly label: string; readonly definition: string }>

const entriesOf = (connection: Sqlite): Schema =>
  new Map(
    connection
      .query<Entry, []>('SELECT type, name, tbl_name, sql FROM sqlite_schema')
      .all()
      .filter((entry) => !isSqlites(entry))
      .map((entry) => [JSON.stringify([entry.type, entry.name]), described(entry)]),
  )

/** SQLite's own: indexes of constraints, and the statistics of ANALYZE. */
const isSqlites = ({ type, name, sql }: Entry): boolean =>
  (type === 'index' && sql === null) || (type === 'table' && /^sqlite_stat[14]$/.test(name))

const described = ({ type, name, tbl_name: table, sql }: Entry) => ({
  label: `${type} ${JSON.stringify(name)}${type === 'table' || type === 'view' ? '' : ` on ${JSON.stringify(table)}`}`,
  definition: normalised(sql ?? ''),
})

/** Returns the words of a definition without comments and without quotation marks around plain names,
 * which versions of this server and of SQLite write differently. */
const normalised = (sql: string): string =>
  [...sql.matchAll(TOKENS)].flatMap(([, token, name]) => token ?? name ?? []).join(' ')

/** Comments and space; a plain name in quotation marks; a string, a word or any other character. */
const TOKENS = /--[^\n]*|\/\*[^]*?\*\/|\s+|('(?:[^']|'')*'|\w+|"(?!\w+")|[^\s"])|"(\w+)"/g

const expectedByVersion = new Map<number, Schema>()

/** Returns the schema that the migrations make, which takes some milliseconds, once for each version. */
const expectedSchema = (version: number): Schema => {
  const known = expectedByVersion.get(version)
  if (known) return known
  const memory = new Sqlite(':memory:')
  try {
    for (const step of MIGRATIONS.slice(0, version)) runStep(memory, step)
    const schema = entriesOf(memory)
    expectedByVersion.set(version, schema)
    return schema
  } finally {
    memory.close()
  }
}
