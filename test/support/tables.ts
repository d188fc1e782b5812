import { type Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open.ts'

/** Returns the names of all tables, which are the same on a server. */
export const tableNames = async (): Promise<readonly string[]> => {
  const newest = openDatabase(':memory:')
  const tables = await newest.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  )
  await newest.close()
  return tables.map(({ name }) => name)
}

/** Returns all rows of some tables as text, with bytes in hexadecimal. */
export const textOf = async (
  db: Pick<Database, 'all'>,
  tables: readonly string[],
): Promise<string> => {
  const rows: unknown[] = []
  for (const table of tables) rows.push(await db.all(`SELECT * FROM ${table}`))
  return JSON.stringify(rows, (_, value: unknown) =>
    value instanceof Uint8Array ? value.toHex() : value,
  )
}
