import { AppError } from '../../errors.ts'
import { type Home, type NewHome, type Rows, type Table, arrayText } from './table.ts'

type Copying = {
  readonly from: Home
  readonly to: NewHome
  readonly onCopied: OnCopied
  readonly onCompared?: OnCopied
}

/** Called with how many rows of how many are done. */
export type OnCopied = (done: number, total: number) => void

/** Copies all rows of a home into an empty one, then reads both again and compares the number of rows and a hash of
 * each table. Returns the number of rows. Rejects with `unavailable` if they differ, or either cannot be used. */
export const copyHome = async ({
  from,
  to,
  onCopied,
  onCompared = () => {},
}: Copying): Promise<number> => {
  const tables = sameTables(from, to)
  const sources = new Map(from.tables.map((table) => [table.name, table]))
  const counts = await Promise.all(tables.map((table) => from.count(table)))
  const total = counts.reduce((sum, count) => sum + count, 0)
  let done = 0
  for (const table of tables)
    for await (const rows of from.read(sources.get(table.name) ?? table)) {
      await to.write(table, rows).catch((error: unknown) => {
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
  return total
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

const batchText = ({ columns }: Table, rows: Rows): string =>
  columns.map((name, column) => `${name}${arrayText(rows, column)}\n`).join('')
