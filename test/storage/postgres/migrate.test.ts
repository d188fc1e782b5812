import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { AppError } from '../../../src/errors.ts'
import { runStep } from '../../../src/storage/migrate.ts'
import { MIGRATIONS } from '../../../src/storage/migrations.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'

const program = () => Promise.reject(new Error('this database has no program'))

/** What both engines say of a table, in words that are the same. */
type Shape = {
  /** `name` or `name?` if it may be NULL. */
  readonly columns: readonly string[]
  readonly primaryKey: readonly string[]
  readonly unique: readonly string[]
  readonly references: readonly string[]
}

/** Tables that exist only on a server: turns, the leader, the replicas and their counts. */
const SERVER_ONLY = new Set(['home', 'lease', 'replica', 'rate_window'])

const sqliteShapes = (): Record<string, Shape> => {
  using memory = new Sqlite(':memory:')
  for (const step of MIGRATIONS) runStep(memory, step)
  const all = <Row>(sql: string) => memory.query<Row, []>(sql).all()
  const tables = all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  )
  return Object.fromEntries(
    tables.map(({ name: table }) => {
      const columns = all<{ name: string; notnull: number; pk: number }>(
        `SELECT name, "notnull", pk FROM pragma_table_xinfo('${table}')`,
      )
      const unique = all<{ name: string; partial: number }>(
        `SELECT name, partial FROM pragma_index_list('${table}') WHERE "unique" = 1 AND origin <> 'pk'`,
      )
      const references = all<{ id: number; table: string; from: string; on_delete: string }>(
        `SELECT id, "table", "from", on_delete FROM pragma_foreign_key_list('${table}')`,
      )
      return [
        table,
        {
          columns: columns
            .map(({ name, notnull, pk }) => (notnull || pk ? name : `${name}?`))
            .toSorted(),
          primaryKey: columns
            .filter(({ pk }) => pk > 0)
            .toSorted((left, right) => left.pk - right.pk)
            .map(({ name }) => name),
          unique: unique
            .map(
              ({ name, partial }) =>
                all<{ name: string }>(`SELECT name FROM pragma_index_info('${name}')`)
                  .map((one) => one.name)
                  .join() + (partial ? ' partial' : ''),
            )
            .toSorted(),
          references: references
            .map((one) => `${one.from} ${one.table} ${one.on_delete}`)
            .toSorted(),
        },
      ]
    }),
  )
}

describe.if(CAN_POSTGRES)('the schema on a server', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const faultOf = (schema: string): Promise<string> =>
    openPostgres(postgresAddress(server.home(schema)), { program }).then(
      async (db) => {
        await db.close()
        return 'opened'
      },
      (error: unknown) => (error instanceof AppError ? error.message : String(error)),
    )

  const serverShapes = async (schema: string): Promise<Record<string, Shape>> => {
    const rows = await server.query<{ name: string } & Shape>(`
      SELECT c.relname AS name,
        (SELECT array_agg(a.attname || CASE WHEN a.attnotnull THEN '' ELSE '?' END)
           FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
        (SELECT array_agg(a.attname ORDER BY k.at)
           FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(num, at), pg_attribute a
           WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.num) AS "primaryKey",
        (SELECT array_agg(cols || CASE WHEN partial THEN ' partial' ELSE '' END) FROM (
           SELECT string_agg(a.attname, ',' ORDER BY k.at) AS cols, i.indpred IS NOT NULL AS partial
           FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(num, at), pg_attribute a
           WHERE i.indrelid = c.oid AND i.indisunique AND NOT i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.num
           GROUP BY i.indexrelid, i.indpred) u) AS "unique",
        (SELECT array_agg(a.attname || ' ' || f.relname || ' ' ||
             CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END)
           FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid, unnest(k.conkey) AS num, pg_attribute a
           WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attrelid = c.oid AND a.attnum = num) AS "references"
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = '${schema}' AND c.relkind = 'r' ORDER BY c.relname`)
    const list = (value: readonly string[] | null) => [...(value ?? [])]
    return Object.fromEntries(
      rows
        .filter(({ name }) => !SERVER_ONLY.has(name))
        .map(({ name, ...shape }) => [
          name,
          {
            columns: list(shape.columns).toSorted(),
            primaryKey: list(shape.primaryKey),
            unique: list(shape.unique).toSorted(),
            references: list(shape.references).toSorted(),
          },
        ]),
    )
  }

  test('has the tables, columns, keys, unique indexes and references of the schema in a file', async () => {
    await faultOf('pair')
    const shapes = await serverShapes('pair')
    expect(Object.keys(shapes).length).toBeGreaterThan(50)
    expect(shapes).toEqual(sqliteShapes())
  })

  test('is created once by many that start at the same time', async () => {
    const starts = await Promise.all(Array.from({ length: 20 }, () => faultOf('many')))
    expect(starts.filter((start) => start !== 'opened')).toEqual([])
    expect(await server.query('SELECT schema_version FROM many.schema_change')).toHaveLength(1)
  })

  test('is refused by name where something is missing, or a foreign trigger would run', async () => {
    await faultOf('altered')
    await server.query(`
      ALTER TABLE altered.session DROP COLUMN user_agent;
      DROP TABLE altered.schema_change CASCADE;
      CREATE FUNCTION altered.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER spy AFTER INSERT ON altered.account EXECUTE FUNCTION altered.spy();
      ALTER TABLE altered.audit_event DISABLE TRIGGER audit_event_only_grows`)
    expect(await faultOf('altered')).toEndWith(
      'the schema altered is not what this server created: missing column session.user_agent, ' +
        'missing column schema_change.schema_version, missing column schema_change.server_version, ' +
        'missing column schema_change.at_ms, missing trigger audit_event_only_grows on audit_event and 1 more; ' +
        'undo the change with psql, or drop the schema and restore a backup',
    )
  })

  test('of a newer version is refused', async () => {
    await faultOf('newer')
    await server.query('UPDATE newer.home SET schema_version = 1000')
    expect(await faultOf('newer')).toContain('The schema newer has version 1000, newer than')
  })
})
