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
  /** Returns how many texts were changed. */
  readonly write: (table: Table, rows: Rows) => Promise<number>
  readonly setLastNumbers: (numbers: ReadonlyMap<string, bigint>) => Promise<void>
}

export const BATCH_ROWS = 2000

/** Quotes a name for either engine. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Returns the columns of rows as PostgreSQL arrays (postgresql.org/docs/15/arrays.html#ARRAYS-INPUT). U+FFFD replaces
 * NUL characters, which PostgreSQL cannot store; `onChanged` is called for each text that contains any. Throws
 * `unavailable` if a hash commits to the text. */
export const arrayTexts = (
  { name, columns }: Table,
  rows: Rows,
  onChanged: () => void = () => {},
): readonly string[] => {
  const withoutNul = (text: string): string => {
    if (!text.includes('\0')) return text
    if (HASHED.has(name)) throw new AppError('unavailable', CANNOT_CHANGE)
    onChanged()
    return text.replaceAll('\0', '\uFFFD')
  }
  const element = (value: Value): string => {
    if (value === null) return 'NULL'
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'string') return `"\\\\x${value.toHex()}"`
    return `"${withoutNul(value).replaceAll(/["\\]/g, '\\$&')}"`
  }
  return columns.map((_, at) => `{${rows.map((row) => element(row[at] ?? null)).join(',')}}`)
}

/** The tables whose texts the log commits to. */
const HASHED = new Set(['unlock_event', 'log_record', 'log_head'])

const CANNOT_CHANGE =
  'a text contains a NUL character, which PostgreSQL cannot store, and the log commits to this text: erase the account it is about with secure-lock-server user erase, or stay with the file'
