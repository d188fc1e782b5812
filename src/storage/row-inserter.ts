import type { Params, Queries } from './queries.ts'
import { together } from './writing/together.ts'

/** How many rows a statement may insert: any number of rows takes few statements. */
const SIZES = [64, 32, 16, 8, 4, 2, 1] as const

/** The most rows that are sent together. */
const TOGETHER_MAX = 512

type Insertion = {
  /** `INSERT INTO table (column, …)` */
  readonly insert: string
  /** The number of columns. */
  readonly columns: number
  /** What follows the rows. */
  readonly ending?: string
}

/** Returns a function that inserts rows, many at a time, because each statement takes longer to call than to run. The
 * statements are sent together, so that a server is waited for once. It returns the number of rows inserted. */
export const rowInserter = ({ insert, columns, ending = '' }: Insertion) => {
  const row = `(${Array.from({ length: columns }, () => '?').join(', ')})`
  const statementFor = (rows: number): string =>
    `${insert} VALUES ${Array.from({ length: rows }, () => row).join(', ')} ${ending}`
  const statements = SIZES.map((size) => ({ size, statement: statementFor(size) }))
  const insertSome = async (tx: Pick<Queries, 'run'>, rows: readonly Params[]): Promise<number> => {
    const inserted: Promise<number>[] = []
    let at = 0
    for (const { size, statement } of statements)
      for (; at + size <= rows.length; at += size)
        inserted.push(tx.run(statement, ...rows.slice(at, at + size).flat()))
    return (await together(inserted)).reduce((sum, count) => sum + count, 0)
  }
  return async (tx: Pick<Queries, 'run'>, rows: readonly Params[]): Promise<number> => {
    let inserted = 0
    for (let at = 0; at < rows.length; at += TOGETHER_MAX)
      inserted += await insertSome(tx, rows.slice(at, at + TOGETHER_MAX))
    return inserted
  }
}
