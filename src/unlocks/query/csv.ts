type Cell = string | number | boolean | null

/** Returns a line of CSV (RFC 4180); null becomes an empty field. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(field).join(',')}\r\n`

const field = (cell: Cell): string => {
  if (cell === null) return ''
  const text = typeof cell === 'string' ? escapeFormula(cell) : String(cell)
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const QUOTED = /[",\r\n]/

/** Puts an apostrophe in front of text that a spreadsheet would take for a formula, and of text that
 * begins with an apostrophe, so that removing one always restores the text. Numbers stay as they
 * are, including the sign of a negative one. */
const escapeFormula = (text: string): string => (FORMULA.test(text) ? `'${text}` : text)

const FORMULA = /^[=+\-@\t\r\n'＝＋－＠]/
