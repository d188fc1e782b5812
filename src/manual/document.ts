import { type Heading, renderPage } from './html.ts'
import { GROUPS, type Page } from './pages.ts'

/** Returns a page of the manual as an HTML document. */
export const pageDocument = (page: Page): string => {
  const { html, headings } = renderPage(page.markdown)
  return htmlDocument({
    title: page.title,
    hint: 'Search this page',
    contents: contents(page, headings),
    main: `${onThisPage(headings)}\n${html}`,
  })
}

/** Returns the table of contents of the whole manual as an HTML document. */
export const contentsDocument = (): string =>
  htmlDocument({
    title: 'Manual',
    hint: 'Search page titles and headings',
    contents: contents(),
    main: `<section>
<h1>Manual</h1>
<p>Everything about this server, from the server itself. <a href="/swagger">The API page</a> shows each
endpoint with schemas and examples. In a terminal, <code>secure-lock-server help</code> lists the same
topics.</p>
</section>
${GROUPS.map(
  ({ title, pages }) => `<section>
<h2>${title}</h2>
<ul class="entries">
${pages.map(entry).join('\n')}
</ul>
</section>`,
).join('\n')}`,
  })

/** Returns the answer to a browser that asks for a page which does not exist. */
export const missingPageDocument = (): string =>
  htmlDocument({
    title: 'Page not found',
    hint: 'Search this page',
    contents: contents(),
    main: `<section>
<h1>Page not found</h1>
<p>The manual has no such page. <a href="/manual">The contents</a> list every page.</p>
</section>`,
  })

const entry = (page: Page): string => {
  const { headings } = renderPage(page.markdown)
  const parts = headings.map((heading) => sectionLink(page.name, heading))
  return `<li><a href="/manual/${page.name}"><strong>${Bun.escapeHTML(page.title)}</strong></a>
<span>${parts.join(' · ')}</span></li>`
}

const sectionLink = (name: string, { text, anchor }: Heading): string =>
  `<a href="/manual/${name}#${anchor}">${Bun.escapeHTML(text)}</a>`

/** All pages, with the sections of the current one. */
const contents = (current?: Page, headings: readonly Heading[] = []): string =>
  GROUPS.map(
    ({ title, pages }) => `<h2>${title}</h2>
<ul>
${pages.map((page) => contentsItem(page, page === current ? headings : undefined)).join('\n')}
</ul>`,
  ).join('\n')

const contentsItem = ({ name, title }: Page, headings: readonly Heading[] | undefined): string => {
  const label = Bun.escapeHTML(title)
  if (!headings) return `<li><a href="/manual/${name}">${label}</a></li>`
  const sections = headings.map((heading) => `<li>${sectionLink(name, heading)}</li>`)
  return `<li><a href="/manual/${name}" aria-current="page">${label}</a>
<ul>${sections.join('')}</ul></li>`
}

/** The sections of this page, for screens on which the contents come last. */
const onThisPage = (headings: readonly Heading[]): string =>
  headings.length < 2
    ? ''
    : `<details class="here">
<summary>On this page</summary>
<ul>${headings.map(({ text, anchor }) => `<li><a href="#${anchor}">${Bun.escapeHTML(text)}</a></li>`).join('')}</ul>
</details>`

type Document = {
  readonly title: string
  readonly hint: string
  readonly contents: string
  readonly main: string
}

const htmlDocument = (of: Document): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${Bun.escapeHTML(of.title)} · Secure Lock Server</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/manual.css">
<script src="/manual.js" type="module"></script>
</head>
<body class="manual">
<a class="skip" href="#main">Skip to the page</a>
<header>
<a href="/console">Secure Lock</a>
<a href="/manual">Manual</a>
<a class="to-contents" href="#contents">All pages</a>
<search hidden>
<input type="search" aria-label="${of.hint}" placeholder="${of.hint}" autocomplete="off" spellcheck="false">
<p role="status"></p>
</search>
</header>
<main id="main" tabindex="-1">
${of.main}
</main>
<nav id="contents" aria-label="All pages">
${of.contents}
</nav>
</body>
</html>
`
