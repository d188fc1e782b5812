import { shownText } from '../../domain/shown-text.ts'

type Rows = readonly (readonly string[])[]

/** Formats rows, the headings first: each column is padded to its widest cell, except the last. */
export const table = (cells: Rows): readonly string[] => {
  const rows = cells.map(shownRow)
  const columns = rows[0] ?? []
  const widths = columns.map((_, column) =>
    Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? ''))),
  )
  const padded = (cell: string, column: number) =>
    cell + ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell))
  return rows.map((row) => row.map(padded).join('  ').trimEnd())
}

/** Formats rows as `table` at a terminal, and with a tab between cells for other programs. */
export const listing = (
  rows: Rows,
  { isOutputShown }: { readonly isOutputShown: boolean },
): readonly string[] => (isOutputShown ? table(rows) : rows.map((row) => shownRow(row).join('\t')))

/** No cell can end its line or column. */
const shownRow = (row: readonly string[]): readonly string[] => row.map(shownText)
