/** Formats rows, the headings first: each column is padded to its widest cell, except the last. */
export const table = (rows: readonly (readonly string[])[]): readonly string[] => {
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
  rows: readonly (readonly string[])[],
  { isOutputShown }: { readonly isOutputShown: boolean },
): readonly string[] => (isOutputShown ? table(rows) : rows.map((row) => row.join('\t')))
