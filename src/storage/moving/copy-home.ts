import { AppError } from '../../errors.ts'
import { type Home, type NewHome, type Rows, type Table, arrayTexts } from './table.ts'

type Copying = {
  readonly from: Home
  readonly to: NewHome
  readonly onCopied: OnCopied
  readonly onCompared?: OnCopied
}

export type Copied = { readonly rows: number; readonly changed: number }

/** Says that texts had to be changed, and how. */
export const changedWords = (changed: number): string =>
  `${changed === 1 ? '1 text contains' : `${changed} texts contain`} a NUL character, which PostgreSQL cannot store: U+FFFD replaces it there.`

/** Called with how many rows of how many are done. */
export type OnCopied = (done: number, total: number) => void

/** Copies all rows of a home into an empty one, then reads both again and compares the number of rows and a hash of
 * each table. Returns how many rows there are, and how many texts were changed. Rejects with `unavailable` if they
 * differ, or either cannot be used. */
export const copyHome = async ({
  from,
  to,
  onCopied,
  onCompared = () => {},
}: Copying): Promise<Copied> => {
  const tables = sameTables(from, to)
  const sources = new Map(from.tables.map((table) => [table.name, table]))
  const counts = await Promise.all(tables.map((table) => from.count(table)))
  const total = counts.reduce((sum, count) => sum + count, 0)
  let done = 0
  let changed = 0
  for (const table of tables)
    for await (const rows of from.read(sources.get(table.name) ?? table)) {
      changed += await to.write(table, rows).catch((error: unknown) => {
        throw cannotCopy(table, error)
      })
      done += rows.length
      onCopied(done, total)
    }
  await to.setLastNumbers(await from.lastNumbers())
  done = 0
  for (const table of tables) {
    const [before, after] = [await digest(from, table), await digest(to, table)]
    if (before.hash !== after.hash || before.count !== after.count)
      throw new AppError(
        'unavailable',
        `The copy of ${table.name} differs from the original (${before.count} rows, then ${after.count})`,
      )
    done += after.count
    onCompared(done, total)
  }
  return { rows: total, changed }
}

const cannotCopy = ({ name }: Table, error: unknown): AppError => {
  const reason = error instanceof Error ? error.message : String(error)
  return new AppError('unavailable', `Cannot copy ${name}: ${reason}`, { cause: error })
}

/** Returns the tables of the new home that the other has too. Tables that only a server has say what its replicas do at
 * the moment. */
const sameTables = (from: Home, to: NewHome): readonly Table[] => {
  const names = new Set(from.tables.map(({ name }) => name))
  const tables = to.tables.filter(({ name }) => names.has(name))
  const shape = ({ name, columns, key }: Table): string =>
    `${name} (${columns.join(', ')}; ${key.join(', ')})`
  const known = new Set(from.tables.map(shape))
  const other = tables.find((table) => !known.has(shape(table)))
  if (other) throw new AppError('unavailable', `The table ${other.name} has other columns there`)
  return tables
}

/** Returns the number of rows of a table, and a hash of all their values in order. */
const digest = async (home: Home, table: Table) => {
  const hash = new Bun.CryptoHasher('sha256')
  let count = 0
  for await (const rows of home.read(table)) {
    count += rows.length
    hash.update(batchText(table, rows))
  }
  return { count, hash: hash.digest('hex') }
}

const batchText = (table: Table, rows: Rows): string =>
  arrayTexts(table, rows)
    .map((text, at) => `${table.columns[at]}${text}\n`)
    .join('')
