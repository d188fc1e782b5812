import { shownText } from '../../domain/text/shown-text.ts'

type Cell = string | number | boolean | null

/** Returns a line of CSV (RFC 4180); null becomes an empty field. Text is written as `shownText`. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(field).join(',')}\r\n`

const field = (cell: Cell): string => {
  if (cell === null) return ''
  if (typeof cell !== 'string' || ORDINARY.test(cell)) return String(cell)
  const text = escapeFormula(shownText(cell))
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Matches most text: none of its characters is changed or quoted below. */
const ORDINARY = /^[A-Za-z0-9][\w .:-]*$/

const QUOTED = /[",\r\n]/

/** Puts an apostrophe in front of text that a spreadsheet would take for a formula, and of text that
 * begins with an apostrophe, so that removing one always restores the text. Numbers stay as they
 * are, including the sign of a negative one. */
const escapeFormula = (text: string): string => (FORMULA.test(text) ? `'${text}` : text)

/** Also after blanks, which some programs remove, and with signs of full or small width. */
const FORMULA = /^\s*[=+\-@＝＋－＠﹦﹢﹣﹫']/
