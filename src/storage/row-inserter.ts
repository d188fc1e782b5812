import type { Params, Queries } from './queries.ts'

/** The most rows that one statement inserts; more save little. */
const ROWS_MAX = 16

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

/** Returns a function that inserts rows, many at a time, because each statement takes longer to call than to
 * run. The statements are sent together, so that a server is waited for once. It returns the number of rows inserted. */
export const rowInserter = ({ insert, columns, ending = '' }: Insertion) => {
  const row = `(${Array.from({ length: columns }, () => '?').join(', ')})`
  const statementFor = (rows: number): string =>
    `${insert} VALUES ${Array.from({ length: rows }, () => row).join(', ')} ${ending}`
  const [one, most] = [statementFor(1), statementFor(ROWS_MAX)]
  const insertSome = async (tx: Pick<Queries, 'run'>, rows: readonly Params[]): Promise<number> => {
    const inMost = rows.length - (rows.length % ROWS_MAX)
    const inserted: Promise<number>[] = []
    for (let at = 0; at < inMost; at += ROWS_MAX)
      inserted.push(tx.run(most, ...rows.slice(at, at + ROWS_MAX).flat()))
    for (const params of rows.slice(inMost)) inserted.push(tx.run(one, ...params))
    return (await Promise.all(inserted)).reduce((sum, count) => sum + count, 0)
  }
  return async (tx: Pick<Queries, 'run'>, rows: readonly Params[]): Promise<number> => {
    let inserted = 0
    for (let at = 0; at < rows.length; at += TOGETHER_MAX)
      inserted += await insertSome(tx, rows.slice(at, at + TOGETHER_MAX))
    return inserted
  }
}
