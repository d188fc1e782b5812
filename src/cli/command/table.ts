import { withLocalTimes } from '../../domain/text/local-time.ts'
import { shownText } from '../../domain/text/shown-text.ts'
import type { Terminal } from './command.ts'

type Rows = readonly (readonly string[])[]
type Shown = Pick<Terminal, 'isOutputShown'>

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

/** Formats rows at a terminal as `table` does, with local times, and with a tab between cells for other
 * programs. */
export const listing = (rows: Rows, terminal: Shown): readonly string[] =>
  terminal.isOutputShown
    ? table(rows.map((row) => row.map(withLocalTimes)))
    : rows.map((row) => shownRow(row).join('\t'))

/** Text of ours with times: local ones at a terminal, and in UTC for other programs. */
export const withTimes = (text: string, { isOutputShown }: Shown): string =>
  isOutputShown ? withLocalTimes(text) : text

/** Breaks text into lines that fit the terminal beside `first`, and indents all but the first as far. */
export const besideTerm = (
  first: string,
  text: string,
  { columns }: Pick<Terminal, 'columns'>,
): string => {
  const indent = Bun.stringWidth(first)
  const width = (columns ?? 0) - indent
  if (width < TEXT_COLUMNS_MIN) return first + text
  return first + Bun.wrapAnsi(text, width).replaceAll('\n', `\n${' '.repeat(indent)}`)
}

/** In less room, the terminal breaks lines better. */
const TEXT_COLUMNS_MIN = 30

/** No cell can end its line or column. */
const shownRow = (row: readonly string[]): readonly string[] => row.map(shownText)
