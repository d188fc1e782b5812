import { AppError } from '../../errors.ts'
import type { Client } from './client.ts'

/** How many faults are named; there may be any number. */
const NAMED_MAX = 5

/** Throws `unavailable` if a schema is not as the migrations made it; see `schemaFault`. */
export const requireOwnSchema = async (
  client: Pick<Client, 'query'>,
  schema: string,
  steps: readonly string[],
): Promise<void> => {
  const fault = await schemaFault(client, schema, steps)
  if (fault !== undefined)
    throw new AppError('unavailable', `the schema ${schema} is ${fault}; ${SCHEMA_FIX}`)
}

export const SCHEMA_FIX = 'undo the change with psql, or drop the schema and restore a backup'

/** Describes which tables, columns and triggers of the migrations a schema lacks, and which other triggers it has:
 * those would run with the next write. Returns undefined if all is well. */
export const schemaFault = async (
  client: Pick<Client, 'query'>,
  schema: string,
  steps: readonly string[],
): Promise<string | undefined> => {
  const expected = new Set(steps.flatMap(entriesOf))
  const found = new Set((await client.query(ENTRIES, [schema])).map(({ entry }) => String(entry)))
  const faults = [
    ...[...expected].filter((entry) => !found.has(entry)).map((entry) => `missing ${entry}`),
    ...[...found]
      .filter((entry) => entry.startsWith('trigger ') && !expected.has(entry))
      .map((entry) => `foreign ${entry}`),
  ]
  if (faults.length === 0) return undefined
  const more = faults.length > NAMED_MAX ? ` and ${faults.length - NAMED_MAX} more` : ''
  return `not what this server created: ${faults.slice(0, NAMED_MAX).join(', ')}${more}`
}

/** The tables of schema `n` as `c`, for a FROM. They are found through the indexed dependencies of the schema: anything
 * else reads the catalog of all schemas, so that each further home would slow down the start of every home. */
export const TABLES_OF_SCHEMA = `pg_namespace n
  JOIN pg_depend d
    ON d.refclassid = CAST('pg_namespace' AS regclass) AND d.refobjid = n.oid
    AND d.classid = CAST('pg_class' AS regclass)
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'`

const ENTRIES = `
  SELECT 'column ' || c.relname || '.' || a.attname AS entry
  FROM ${TABLES_OF_SCHEMA}
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE n.nspname = $1
  UNION ALL
  SELECT 'trigger ' || t.tgname || ' on ' || c.relname
  FROM ${TABLES_OF_SCHEMA}
  JOIN pg_trigger t ON t.tgrelid = c.oid
  WHERE n.nspname = $1 AND NOT t.tgisinternal AND t.tgenabled <> 'D'`

/** Returns the columns and triggers that a migration makes. Its tables have a column a line. */
const entriesOf = (step: string): readonly string[] => [
  ...[...step.matchAll(/^CREATE (?:UNLOGGED )?TABLE (\w+) \(\n([^]*?)^\)/gm)].flatMap(
    ([, table, lines]) =>
      [...(lines ?? '').matchAll(/^ {2}([a-z]\w*) /gm)].map(
        ([, name]) => `column ${table}.${name}`,
      ),
  ),
  ...[...step.matchAll(/^CREATE TRIGGER (\w+)[^;]*? ON (\w+)/gm)].map(
    ([, trigger, table]) => `trigger ${trigger} on ${table}`,
  ),
]
