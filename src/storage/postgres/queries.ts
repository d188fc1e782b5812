import type { Params, Queries } from '../queries.ts'
import type { Client } from './client.ts'

/** Runs the statements of the stores. Whole numbers are read as numbers, and truth values as 1 and 0, as SQLite gives
 * them. */
export const queriesOn = (
  client: Pick<Client, 'query'>,
  translate: (sql: string) => string,
): Queries => {
  const query = (sql: string, params: Params) => client.query(translate(sql), params)
  return {
    all: async <Row>(sql: string, ...params: Params) =>
      Array.from(await query(sql, params), (row) => plain(row)) as Row[],
    get: async <Row>(sql: string, ...params: Params) => {
      const [row] = await query(sql, params)
      return row && (plain(row) as Row)
    },
    run: async (sql, ...params) => (await query(sql, params)).count,
  }
}

const plain = (row: Readonly<Record<string, unknown>>): unknown => {
  const values = row as Record<string, unknown>
  for (const name in values) {
    const value = values[name]
    if (typeof value === 'bigint' || typeof value === 'boolean') values[name] = Number(value)
    // A copy costs less than a view, for which the bytes of a small Buffer would be moved.
    else if (value instanceof Buffer) values[name] = new Uint8Array(value)
  }
  return values
}
