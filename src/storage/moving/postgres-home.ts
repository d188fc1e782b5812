import type { PostgresAddress } from '../../config/postgres-address.ts'
import { WITHOUT_LIMITS } from '../postgres/migrate.ts'
import { TABLES_OF_SCHEMA } from '../postgres/schema-check.ts'
import { type Client, postgresClient } from '../postgres/client.ts'
import {
  BATCH_ROWS,
  type Home,
  type NewHome,
  type Rows,
  type Table,
  type Value,
  arrayTexts,
  quoted,
} from './table.ts'

/** How long a statement may take: one sorts or counts a whole table. */
const ANSWER_MS_MAX = 600_000

/** Begins to read a home as it is at one moment. */
export const BEGIN_READING = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${WITHOUT_LIMITS}`

/** Returns a connection for statements about a whole home, few of which are repeated. */
export const movingClient = (address: PostgresAddress): Client =>
  postgresClient({ address, max: 1, prepares: false, answerMs: ANSWER_MS_MAX })

/** Reads the tables of a home on a server, in the transaction of a client. */
export const postgresHome = async (client: Client, schema: string): Promise<Home> => ({
  tables: await tablesOf(client, schema),
  count: async ({ name }) => {
    const [row] = await client.query(`SELECT count(*) AS n FROM ${schema}.${quoted(name)}`, [])
    return Number(row?.['n'])
  },
  read: (table) => read(client, schema, table),
  lastNumbers: async () => {
    const numbers = new Map<string, bigint>()
    for (const { name, sequence } of await sequencesOf(client, schema)) {
      const [row] = await client.query(`SELECT last_value, is_called FROM ${sequence}`, [])
      if (row?.['is_called'] === true) numbers.set(name, BigInt(String(row['last_value'])))
    }
    return numbers
  },
})

/** Writes a home on a server, in the transaction of a client. */
export const newPostgresHome = async (client: Client, schema: string): Promise<NewHome> => {
  const home = await postgresHome(client, schema)
  const types = await typesOf(client, schema)
  return {
    ...home,
    write: async (table, rows) => {
      const { name, columns } = table
      let changed = 0
      const arrays = columns.map((column, index) => {
        const type = types.get(`${name}.${column}`) ?? 'text'
        return `CAST(CAST($${index + 1} AS text) AS ${type}[])`
      })
      await client.query(
        `INSERT INTO ${schema}.${quoted(name)} (${columns.map(quoted).join(', ')})
         SELECT * FROM unnest(${arrays.join(', ')})`,
        arrayTexts(table, rows, () => (changed += 1)),
      )
      return changed
    },
    setLastNumbers: async (numbers) => {
      for (const { name, column, sequence } of await sequencesOf(client, schema))
        await client.query(
          `SELECT setval(CAST(CAST($1 AS text) AS regclass), greatest(max(${quoted(column)}), CAST($2 AS bigint)))
           FROM ${schema}.${quoted(name)}`,
          [sequence, String(numbers.get(name) ?? 1n)],
        )
    },
  }
}

/** The tables, each after those that it refers to. */
const tablesOf = async (client: Client, schema: string): Promise<readonly Table[]> => {
  const columns = await client.query(
    `SELECT c.relname AS name, a.attname AS column,
       array_position(CAST(i.indkey AS int2[]), a.attnum) AS key
     FROM ${TABLES_OF_SCHEMA}
     JOIN pg_attribute a
       ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
     WHERE n.nspname = $1
     ORDER BY c.relname COLLATE "C", a.attname COLLATE "C"`,
    [schema],
  )
  const references = await client.query(
    `SELECT c.relname AS name, t.relname AS to
     FROM ${TABLES_OF_SCHEMA}
     JOIN pg_constraint r ON r.conrelid = c.oid AND r.contype = 'f'
     JOIN pg_class t ON t.oid = r.confrelid
     WHERE n.nspname = $1`,
    [schema],
  )
  const tables = [...Map.groupBy(columns, ({ name }) => String(name))].map(([name, own]) => ({
    name,
    columns: own.map(({ column }) => String(column)),
    key: own
      .filter(({ key }) => key !== null)
      .toSorted((left, right) => Number(left['key']) - Number(right['key']))
      .map(({ column }) => String(column)),
  }))
  const ordered = new Map<string, Table>()
  const add = (table: Table): void => {
    if (ordered.has(table.name)) return
    for (const { name, to } of references)
      if (name === table.name && to !== table.name)
        for (const other of tables.filter((one) => one.name === to)) add(other)
    ordered.set(table.name, table)
  }
  for (const table of tables) add(table)
  return [...ordered.values()]
}

/** The type of each column, by `table.column`. */
const typesOf = async (client: Client, schema: string): Promise<ReadonlyMap<string, string>> => {
  const rows = await client.query(
    `SELECT c.relname || '.' || a.attname AS name, format_type(a.atttypid, NULL) AS type
     FROM ${TABLES_OF_SCHEMA}
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = $1`,
    [schema],
  )
  return new Map(rows.map(({ name, type }) => [String(name), String(type)]))
}

/** The columns that number their rows, with their sequences. */
const sequencesOf = async (client: Client, schema: string) => {
  const rows = await client.query(
    `SELECT c.relname AS name, a.attname AS column,
       pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname) AS sequence
     FROM ${TABLES_OF_SCHEMA}
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attidentity <> '' AND NOT a.attisdropped
     WHERE n.nspname = $1`,
    [schema],
  )
  return rows.map(({ name, column, sequence }) => ({
    name: String(name),
    column: String(column),
    sequence: String(sequence),
  }))
}

async function* read(
  client: Client,
  schema: string,
  { name, columns, key }: Table,
): AsyncGenerator<Rows> {
  const cursor = quoted(`rows of ${name}`)
  await client.script(
    `DECLARE ${cursor} NO SCROLL CURSOR FOR
     SELECT ${columns.map(quoted).join(', ')} FROM ${schema}.${quoted(name)} ORDER BY ${key.map(quoted).join(', ')}`,
  )
  for (;;) {
    const rows = await client.query(`FETCH ${BATCH_ROWS} FROM ${cursor}`, [])
    if (rows.length > 0) yield rows.map((row) => columns.map((column) => valueOf(row[column])))
    if (rows.length < BATCH_ROWS) break
  }
  await client.script(`CLOSE ${cursor}`)
}

const valueOf = (value: unknown): Value => {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value)
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  throw new Error('a column is neither a whole number nor a text nor bytes')
}
