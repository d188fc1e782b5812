type Cell = string | number | boolean | null

/** A line of CSV (RFC 4180); null is an empty field. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(field).join(',')}\r\n`

const field = (cell: Cell): string => {
  if (cell === null) return ''
  const text = typeof cell === 'string' ? neutral(cell) : String(cell)
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const QUOTED = /[",\r\n]/

/** A spreadsheet must not take text for a formula: what begins as one gets an apostrophe in front,
 * and so does what begins with an apostrophe, so that taking one away always gives the text back.
 * Numbers are left alone, the sign of a negative one too. */
const neutral = (text: string): string => (FORMULA.test(text) ? `'${text}` : text)

const FORMULA = /^[=+\-@\t\r\n'＝＋－＠]/
