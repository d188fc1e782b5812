import { AppError } from '../../errors.ts'

/** What a column holds. Whole numbers are exact: some do not fit into a number. */
export type Value = bigint | string | Uint8Array | null

export type Rows = readonly (readonly Value[])[]

/** A table with its columns, in the order of their names, and those of its primary key. */
export type Table = {
  readonly name: string
  readonly columns: readonly string[]
  readonly key: readonly string[]
}

/** The tables of a home, on either engine. Nobody else uses it meanwhile. */
export type Home = {
  /** In an order in which each refers only to earlier ones, if the engine minds. */
  readonly tables: readonly Table[]
  readonly count: (table: Table) => Promise<number>
  /** Yields the rows in the order of the primary key, `BATCH_ROWS` at a time. */
  readonly read: (table: Table) => AsyncIterable<Rows>
  /** Returns the number that rows of a table with a number of their own were given last, by table. */
  readonly lastNumbers: () => Promise<ReadonlyMap<string, bigint>>
}

/** A home that is being written, which nobody sees before it is published. */
export type NewHome = Home & {
  readonly write: (table: Table, rows: Rows) => Promise<void>
  readonly setLastNumbers: (numbers: ReadonlyMap<string, bigint>) => Promise<void>
}

export const BATCH_ROWS = 2000

/** Quotes a name for either engine. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Returns a column of some rows as an array of PostgreSQL
 * (postgresql.org/docs/15/arrays.html#ARRAYS-INPUT). Throws `unavailable` for a text that it cannot store. */
export const arrayText = (rows: Rows, column: number): string =>
  `{${rows.map((row) => element(row[column] ?? null)).join(',')}}`

const element = (value: Value): string => {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'string') return `"\\\\x${value.toHex()}"`
  if (value.includes('\0'))
    throw new AppError('unavailable', 'PostgreSQL cannot store text with a NUL character')
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`
}
