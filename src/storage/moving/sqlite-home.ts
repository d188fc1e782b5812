import { Database as Sqlite } from 'bun:sqlite'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { timeText } from '../files/data-dir.ts'
import { syncPath } from '../files/private-files.ts'
import { openDatabase } from '../open.ts'
import {
  BATCH_ROWS,
  type Home,
  type NewHome,
  type Rows,
  type Table,
  type Value,
  quoted,
} from './table.ts'

/** Reads the tables of a database file as they are now. The caller closes it. */
export const sqliteHome = (path: string): Home & { readonly close: () => void } => {
  const connection = new Sqlite(path, { strict: true, readonly: true, safeIntegers: true })
  connection.run('BEGIN')
  return { ...homeOn(connection), close: () => connection.close(true) }
}

const homeOn = (connection: Sqlite): Home => ({
  tables: connection
    .query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
    )
    .all()
    .map(({ name }) => tableOf(connection, name)),
  count: async ({ name }) =>
    Number(
      connection.query<{ n: bigint }, []>(`SELECT count(*) AS n FROM ${quoted(name)}`).get()?.n,
    ),
  read: (table) => read(connection, table),
  lastNumbers: async () =>
    new Map(
      connection
        .query<{ name: string; seq: bigint }, []>('SELECT name, seq FROM sqlite_sequence')
        .all()
        .map(({ name, seq }) => [name, seq]),
    ),
})

const tableOf = (connection: Sqlite, name: string): Table => {
  const columns = connection
    .query<{ name: string; pk: bigint; hidden: bigint }, [string]>(
      'SELECT name, pk, hidden FROM pragma_table_xinfo(?) ORDER BY name',
    )
    .all(name)
    // Generated ones follow from the others.
    .filter(({ hidden }) => hidden === 0n)
  return {
    name,
    columns: columns.map((column) => column.name),
    key: columns
      .filter(({ pk }) => pk > 0n)
      .toSorted((left, right) => Number(left.pk - right.pk))
      .map((column) => column.name),
  }
}

async function* read(connection: Sqlite, { name, columns, key }: Table): AsyncGenerator<Rows> {
  const statement = connection.prepare<Readonly<Record<string, Value>>, []>(
    `SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(name)} ORDER BY ${key.map(quoted).join(', ')}`,
  )
  let batch: Value[][] = []
  for (const row of statement.iterate()) {
    batch.push(columns.map((column) => row[column] ?? null))
    if (batch.length < BATCH_ROWS) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
  statement.finalize()
}

/** Begins a database file that gets its name once it is complete; what an earlier attempt left is removed. */
export const newSqliteHome = async (path: string) => {
  const draft = `${path}.moving`
  const discard = (): void => {
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${draft}${end}`, { force: true })
  }
  discard()
  await openDatabase(draft).close()
  const connection = new Sqlite(draft, { strict: true, safeIntegers: true })
  // The draft is discarded unless it is complete, and synced before it gets its name. The journal, which Bun's SQLite
  // cannot turn off, holds only the few pages that the draft begins with.
  for (const pragma of ['foreign_keys = OFF', 'journal_mode = MEMORY', 'synchronous = OFF'])
    connection.run(`PRAGMA ${pragma}`)
  connection.run('BEGIN')
  const home = homeOn(connection)
  const types = connection
    .query<{ name: string; type: string }, []>(
      `SELECT t.name || '.' || c.name AS name, c.type FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'`,
    )
    .all()
  const typeOf = new Map(types.map(({ name, type }) => [name, type]))
  for (const { name } of home.tables) connection.run(`DELETE FROM ${quoted(name)}`)
  const write: NewHome['write'] = async ({ name, columns }, rows) => {
    const insert = connection.query(
      `INSERT INTO ${quoted(name)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
    for (const row of rows) insert.run(...row)
    return 0
  }
  const suspended: string[] = []
  return {
    ...home,
    /** Lets rows come in any order, until the file is complete. */
    suspendTriggers: (): void => {
      const triggers = connection
        .query<{ name: string; sql: string }, []>(
          "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'",
        )
        .all()
      for (const { name, sql } of triggers) {
        suspended.push(sql)
        connection.run(`DROP TRIGGER ${quoted(name)}`)
      }
    },
    /** Returns the type of a column: `INTEGER`, `TEXT` or `BLOB`. */
    typeOf: (table: string, column: string) => typeOf.get(`${table}.${column}`),
    write,
    setLastNumbers: async (numbers: ReadonlyMap<string, bigint>) => {
      for (const [name, seq] of numbers) {
        // A table without rows has no number there yet.
        connection.run(
          `INSERT INTO sqlite_sequence (name, seq)
           SELECT name, 0 FROM sqlite_schema
           WHERE name = ? AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)`,
          [name],
        )
        connection.run('UPDATE sqlite_sequence SET seq = ? WHERE name = ? AND seq < ?', [
          seq,
          name,
          seq,
        ])
      }
    },
    draft,
    /** Completes the file under its draft's name, where it can be read. Returns that name. */
    complete: (): string => {
      for (const sql of suspended) connection.run(sql)
      connection.run('COMMIT')
      if (connection.query('PRAGMA foreign_key_check').get() !== null)
        throw new Error('the copy has a row that refers to one that is not there')
      connection.close(true)
      return draft
    },
    /** Renames the complete file to its final name. A file that already has it is kept beside it. */
    publish: (nowMs: number): void => {
      syncPath(draft)
      const aside = `${path}.moved-${timeText(nowMs)}`
      for (const end of ['', '-wal', '-shm'])
        if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${aside}${end}`)
      renameSync(draft, path)
      syncPath(dirname(path))
    },
    discard: (): void => {
      connection.close()
      discard()
    },
  }
}
