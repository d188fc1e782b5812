// Search within a page: shows the sections, table rows and entries that contain every word typed, and
// highlights the words.
const search = document.querySelector('search')
const input = search.querySelector('input')
const status = search.querySelector('[role=status]')
const sections = [...document.querySelectorAll('main section')]
const entries = [...document.querySelectorAll('.entries > li')]
const hasHighlights = typeof Highlight !== 'undefined' && CSS.highlights !== undefined

search.hidden = false
input.addEventListener('input', filter)
input.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') clear()
})
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target instanceof HTMLInputElement) return
  event.preventDefault()
  input.focus()
})
// A heading may be in a section that the search has hidden.
document.addEventListener('click', ({ target }) => {
  const link = target instanceof Element ? target.closest('a[href*="#"]') : null
  if (link && link.pathname === location.pathname) clear()
})

function clear() {
  if (input.value === '') return
  input.value = ''
  filter()
}

function filter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
  for (const section of sections) {
    section.hidden = !hasAll(section, words)
    filterParts(section, words)
  }
  status.textContent = words.length === 0 ? '' : found()
  highlight(words)
}

/** What the search has left: pages in the contents, sections in a page. */
function found() {
  const shown = sections.filter((section) => !section.hidden)
  if (shown.length === 0) return 'Nothing found'
  if (entries.length === 0) return `${shown.length} of ${sections.length} sections`
  const pages = entries.filter((entry) => !entry.hidden && shown.includes(entry.closest('section')))
  return pages.length === 1 ? '1 page' : `${pages.length} pages`
}

const hasAll = (element, words) => {
  const text = element.textContent.toLowerCase()
  return words.every((word) => text.includes(word))
}

/** Of a table or list of entries, leaves those that match, or all if the words are spread over it. */
function filterParts(section, words) {
  for (const list of section.querySelectorAll('tbody, .entries')) {
    const parts = [...list.children]
    const matching = parts.filter((part) => hasAll(part, words))
    for (const part of parts) part.hidden = matching.length > 0 && !matching.includes(part)
  }
}

function highlight(words) {
  if (!hasHighlights) return
  const ranges = sections
    .filter((section) => !section.hidden)
    .flatMap((section) => textsIn(section).flatMap((node) => rangesIn(node, words)))
  CSS.highlights.set('found', new Highlight(...ranges))
}

function textsIn(section) {
  const walker = document.createTreeWalker(section, NodeFilter.SHOW_TEXT)
  const nodes = []
  while (walker.nextNode()) nodes.push(walker.currentNode)
  return nodes
}

function rangesIn(node, words) {
  const text = node.data.toLowerCase()
  const ranges = []
  for (const word of words)
    for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + word.length)) {
      const range = new Range()
      range.setStart(node, at)
      range.setEnd(node, Math.min(at + word.length, node.length))
      ranges.push(range)
    }
  return ranges
}
