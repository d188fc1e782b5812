import { styleText } from 'node:util'
import { type Token, type Tokens, lexer } from 'marked'
import { targetOf } from './pages.ts'

type Form = {
  /** The width of the terminal. */
  readonly columns: number
  readonly hasColours: boolean
}

const COLUMNS_MIN = 40
const COLUMNS_MAX = 100
const INDENT = '  '

/** Returns a page of the manual as plain text for a terminal: wrapped, its headings bold. */
export const terminalText = (markdown: string, { columns, hasColours }: Form): string => {
  const width = Math.min(Math.max(columns, COLUMNS_MIN), COLUMNS_MAX)
  return blocks(lexer(markdown), { width, bold: hasColours ? bold : plain, hasColours })
}

type Style = {
  readonly width: number
  readonly bold: (text: string) => string
  readonly hasColours: boolean
}

const bold = (text: string): string => styleText('bold', text, { validateStream: false })
const plain = (text: string): string => text

const blocks = (tokens: readonly Token[], style: Style): string =>
  tokens
    .map((token) => block(token, style))
    .filter((text) => text !== '')
    .join('\n\n')

const block = (token: Token, style: Style): string => {
  switch (token.type) {
    case 'heading':
      return style.bold(inline((token as Tokens.Heading).tokens, style))
    case 'paragraph':
    case 'text':
      return wrapped(inline((token as Tokens.Paragraph).tokens ?? [token], style), INDENT, style)
    case 'code':
      return indented((token as Tokens.Code).text, INDENT.repeat(3))
    case 'list':
      return list(token as Tokens.List, style)
    case 'table':
      return table(token as Tokens.Table, style)
    default:
      return ''
  }
}

const list = ({ items, ordered, start, loose }: Tokens.List, style: Style): string =>
  items
    .map((item, index) => {
      const mark = ordered ? `${(start || 1) + index}. ` : '- '
      const inner = { ...style, width: style.width - mark.length }
      const text = blocks(item.tokens, inner)
      // The text is indented already; its first line makes room for the mark.
      return `${INDENT}${mark}${indented(text, ' '.repeat(mark.length)).trimStart()}`
    })
    .join(loose ? '\n\n' : '\n')

/** A table as columns if it fits; otherwise each row as a term with its meaning below. */
const table = ({ header, rows }: Tokens.Table, style: Style): string => {
  const cells = rows.map((row) => row.map(({ tokens }) => inline(tokens, style)))
  const heads = header.map(({ tokens }) => inline(tokens, style))
  const widths = heads.map((head, column) =>
    Math.max(
      ...[head, ...cells.map((row) => row[column] ?? '')].map((cell) => Bun.stringWidth(cell)),
    ),
  )
  const total = widths.reduce((sum, width) => sum + width + 2, INDENT.length)
  if (total - 2 > style.width) return cells.map((row) => term(row, style)).join('\n')
  const line = (row: readonly string[]) =>
    `${INDENT}${row.map((cell, column) => padded(cell, widths[column] ?? 0)).join(INDENT)}`.trimEnd()
  return [style.bold(line(heads)), ...cells.map(line)].join('\n')
}

const padded = (cell: string, width: number): string =>
  cell + ' '.repeat(Math.max(width - Bun.stringWidth(cell), 0))

const term = ([name = '', ...rest]: readonly string[], style: Style): string => {
  const meaning = rest.at(-1) ?? ''
  const between = rest.slice(0, -1).filter((cell) => cell !== '')
  const head = [name, ...between.map((cell) => `[${cell}]`)].join(' ')
  return [wrapped(head, INDENT, style), wrapped(meaning, INDENT.repeat(3), style)].join('\n')
}

const inline = (tokens: readonly Token[], style: Style): string =>
  tokens.map((token) => inlineOne(token, style)).join('')

const inlineOne = (token: Token, style: Style): string => {
  switch (token.type) {
    case 'strong':
      return style.bold(inline((token as Tokens.Strong).tokens, style))
    case 'em':
      return inline((token as Tokens.Em).tokens, style)
    case 'codespan':
      return style.hasColours ? bold((token as Tokens.Codespan).text) : token.raw
    case 'link': {
      const { tokens, href } = token as Tokens.Link
      return inline(tokens, style) + linkNote(href)
    }
    case 'br':
      return '\n'
    case 'html':
      return ''
    case 'text': {
      const { tokens, text } = token as Tokens.Text
      return tokens ? inline(tokens, style) : text
    }
    default:
      return 'text' in token ? String(token.text) : token.raw
  }
}

/** Where a link leads, in words that can be typed. */
const linkNote = (href: string): string => {
  const target = targetOf(href)
  if (target.kind === 'web') return ` <${target.url}>`
  return target.kind === 'page' && target.name !== '' ? ` (help ${target.name})` : ''
}

const wrapped = (text: string, indent: string, { width }: Style): string =>
  indented(Bun.wrapAnsi(text.replaceAll('\n', ' '), width - indent.length), indent)

const indented = (text: string, indent: string): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : indent + line))
    .join('\n')
