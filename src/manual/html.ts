import { Marked, type Token, type Tokens } from 'marked'
import { anchorOf, targetOf } from './pages.ts'

export type Heading = { readonly text: string; readonly anchor: string }

export type RenderedPage = {
  readonly html: string
  /** The headings of its sections. */
  readonly headings: readonly Heading[]
}

/** Renders a page of the manual: each section in a `<section>`, links between pages as they are
 * served. Tables have their roles spelled out, because manual.css stacks their cells on a phone. */
export const renderPage = (markdown: string): RenderedPage => {
  const tokens = MARKED.lexer(markdown)
  const parts: Token[][] = [[]]
  for (const token of tokens) {
    if (isSectionHeading(token)) parts.push([])
    parts.at(-1)?.push(token)
  }
  return {
    html: parts.map((part) => `<section>\n${MARKED.parser(part)}</section>\n`).join(''),
    headings: tokens
      .filter(isSectionHeading)
      .map(({ text }) => ({ text: plain(text), anchor: anchorOf(text) })),
  }
}

const isSectionHeading = (token: Token): token is Tokens.Heading =>
  token.type === 'heading' && token['depth'] === 2

/** The text of a heading without Markdown. */
const plain = (heading: string): string => heading.replaceAll(/[`[\]]/g, '')

const MARKED = new Marked({
  renderer: {
    heading({ tokens, depth, text }) {
      const content = this.parser.parseInline(tokens)
      const anchor = anchorOf(text)
      return depth === 1
        ? `<h1>${content}</h1>\n`
        : `<h${depth} id="${anchor}"><a href="#${anchor}">${content}</a></h${depth}>\n`
    },
    link({ href, tokens }) {
      const content = this.parser.parseInline(tokens)
      const address = addressOf(href)
      return address === undefined ? content : `<a href="${Bun.escapeHTML(address)}">${content}</a>`
    },
    table(table) {
      const heads = table.header.map(
        ({ tokens }) =>
          `<th role="columnheader" scope="col">${this.parser.parseInline(tokens)}</th>`,
      )
      const names = table.header.map(({ text }) => Bun.escapeHTML(plain(text)))
      const rows = table.rows.map((cells) => {
        const row = cells.map(
          ({ tokens }, column) =>
            `<td role="cell" data-head="${names[column]}">${this.parser.parseInline(tokens)}</td>`,
        )
        return `<tr role="row">${row.join('')}</tr>`
      })
      return `<div class="scroll" tabindex="0" role="region" aria-label="Table: ${names.join(', ')}">
<table role="table">
<thead role="rowgroup"><tr role="row">${heads.join('')}</tr></thead>
<tbody role="rowgroup">
${rows.join('\n')}
</tbody>
</table>
</div>
`
    },
    code({ text }) {
      return `<pre tabindex="0"><code>${Bun.escapeHTML(text)}\n</code></pre>\n`
    },
    /** Pages hold no HTML but the markers of generated tables. */
    html: () => '',
  },
})

/** Returns where the running server serves what a link leads to, or undefined if it does not. */
const addressOf = (href: string): string | undefined => {
  const target = targetOf(href)
  if (target.kind === 'web') return target.url
  if (target.kind === 'file') return `/manual/${target.name}`
  if (target.kind !== 'page') return undefined
  const fragment = target.anchor ? `#${target.anchor}` : ''
  return target.name === '' ? fragment : `/manual/${target.name}${fragment}`
}
