import type { Database as Sqlite } from 'bun:sqlite'
import { schemaVersion } from '../migrate.ts'
import { MIGRATIONS } from '../migrations.ts'
import { type Entry, entriesOf, schemaAfter } from './newest-schema.ts'
import { newestSchema } from './newest-schema.ts' with { type: 'macro' }

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
  const found = byKey(entriesOf(connection))
  const foreign = [...found].filter(
    ([key, entry]) => !expected.has(key) && !PLAIN_INDEX.test(definitionOf(entry)),
  )
  const altered = [...expected].filter(([key, entry]) => {
    const one = found.get(key)
    // The text is nearly always the same.
    return one !== undefined && one.sql !== entry.sql && definitionOf(one) !== definitionOf(entry)
  })
  const missing = [...expected].filter(([key]) => !found.has(key))
  return [
    ...foreign.map(([, entry]) => `foreign ${labelOf(entry)}`),
    ...altered.map(([, entry]) => `altered ${labelOf(entry)}`),
    ...missing.map(([, entry]) => `missing ${labelOf(entry)}`),
  ]
}

const PLAIN_INDEX = /^create index \w+ on \w+ \( \w+( , \w+)* \)$/i

type Schema = ReadonlyMap<string, Entry>

const byKey = (entries: readonly Entry[]): Schema =>
  new Map(
    entries
      .filter((entry) => !isSqlites(entry))
      .map((entry) => [JSON.stringify([entry.type, entry.name]), entry]),
  )

/** SQLite's own: indexes of constraints, and the statistics of ANALYZE. */
const isSqlites = ({ type, name, sql }: Entry): boolean =>
  (type === 'index' && sql === null) || (type === 'table' && /^sqlite_stat[14]$/.test(name))

const labelOf = ({ type, name, tbl_name: table }: Entry): string =>
  `${type} ${JSON.stringify(name)}${type === 'table' || type === 'view' ? '' : ` on ${JSON.stringify(table)}`}`

/** Returns the words of a definition without comments and without quotation marks around plain names,
 * which versions of this server and of SQLite write differently. */
const definitionOf = ({ sql }: Entry): string =>
  [...(sql ?? '').matchAll(TOKENS)].flatMap(([, token, name]) => token ?? name ?? []).join(' ')

/** Comments and space; a plain name in quotation marks; a string, a word or any other character. */
const TOKENS = /--[^\n]*|\/\*[^]*?\*\/|\s+|('(?:[^']|'')*'|\w+|"(?!\w+")|[^\s"])|"(\w+)"/g

const NEWEST = newestSchema()

/** Returns the schema that the migrations up to a version create. */
const expectedSchema = (version: number): Schema =>
  byKey(version === MIGRATIONS.length ? NEWEST : schemaAfter(version))
