import { takeTurn } from '../domain/event-loop.ts'
import { shownText } from '../domain/text/shown-text.ts'
import { PAGE_HEADERS } from '../http/response-headers.ts'
import { streamed } from '../http/streamed.ts'

/** Text that came from a client, if it is still there, and what the server says about it. A page shows the
 * two differently, so that no text can pass for a mark; in JSON they are one text. */
export type Marked = {
  readonly text: string | undefined
  readonly marks: readonly string[]
  readonly toJSON: () => string
}

export const marked = (text: string | undefined, marks: readonly string[]): Marked => ({
  text,
  marks,
  toJSON: () => [...(text === undefined ? [] : [text]), ...marks].join(' '),
})

type Cell = string | number | null | Marked

type Row = { readonly id: number } & Readonly<Record<string, Cell>>

/** Rows to show, however many there are. */
export type Table = {
  readonly title: string
  /** The heading of each member of a row, in order. */
  readonly columns: Readonly<Record<string, string>>
  /** Returns up to `limit` rows whose id is greater than `afterId`, in the order of ids, and the id to
   * continue after, which is undefined at the end. */
  readonly page: (afterId: number, limit: number) => Promise<Page>
}

type Page = { readonly rows: readonly Row[]; readonly next: number | undefined }

const ROWS_PER_PAGE = 500

/** Answers `{"1":{"id":1,…},…}`, with one page of rows in memory at a time. */
export const streamJson = (table: Table, signal: AbortSignal): Response =>
  streamed(jsonParts(table, signal), { 'content-type': 'application/json' })

/** Answers the same rows as an HTML table. */
export const streamHtml = (table: Table, signal: AbortSignal): Response =>
  streamed(htmlParts(table, signal), PAGE_HEADERS)

async function* jsonParts(table: Table, signal: AbortSignal) {
  let separator = '{'
  for await (const rows of pages(table, signal)) {
    yield rows
      .map((row) => {
        const member = `${separator}"${row.id}":${JSON.stringify(row)}`
        separator = ','
        return member
      })
      .join('')
  }
  yield separator === '{' ? '{}' : '}'
}

async function* htmlParts({ title, columns, page }: Table, signal: AbortSignal) {
  const note = TIME in columns ? ' Times are UTC.' : ''
  const headings = Object.values(columns).map((heading) => `<th scope="col">${heading}</th>`)
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Secure Lock Server</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" type="module"></script>
</head>
<body class="wide">
<header><a href="/">Secure Lock Server</a></header>
<main>
<h1>${title}</h1>
<p class="aside">Oldest first. <a href="#newest">Jump to the newest</a></p>
<div class="scroll" tabindex="0" role="region" aria-label="${title}">
<table>
<thead><tr>${headings.join('')}</tr></thead>
<tbody>
`
  let count = 0
  for await (const rows of pages({ page }, signal)) {
    count += rows.length
    yield rows.map((row) => htmlRow(row, Object.keys(columns))).join('')
  }
  yield `</tbody>
</table>
</div>
<p id="newest" class="aside">${count === 0 ? 'Nothing yet.' : `${count} in total.`}${note}</p>
</main>
</body>
</html>
`
}

const htmlRow = (row: Row, names: readonly string[]): string =>
  `<tr>${names.map((name) => `<td>${htmlCell(name, row[name] ?? '')}</td>`).join('')}</tr>\n`

const htmlCell = (name: string, cell: NonNullable<Cell>): string => {
  if (typeof cell === 'object')
    return [
      ...(cell.text === undefined ? [] : [htmlText(cell.text)]),
      ...cell.marks.map((mark) => `<em class="mark">${mark}</em>`),
    ].join(' ')
  const value = String(cell)
  if (name === TIME)
    return `<time datetime="${value}">${value.slice(0, 19).replace('T', ' ')}</time>`
  if (name === PUBLIC_ID) return `<code>${htmlText(value)}</code>`
  return htmlText(value)
}

const htmlText = (text: string): string => Bun.escapeHTML(shownText(text))

/** Columns whose values must not be wrapped: an ISO 8601 time in UTC, and a UUID. */
const TIME = 'date_time'
const PUBLIC_ID = 'public_id'

async function* pages({ page }: Pick<Table, 'page'>, signal: AbortSignal) {
  let afterId: number | undefined = 0
  while (afterId !== undefined) {
    await takeTurn(signal)
    const { rows, next }: Page = await page(afterId, ROWS_PER_PAGE)
    if (rows.length > 0) yield rows
    afterId = next
  }
}
