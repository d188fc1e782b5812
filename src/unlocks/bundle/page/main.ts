import { encodeBase64 } from '#crypto'
import { foldedText } from '../../../domain/text/folded-text.ts'
import { BUNDLE_FILES, type Bundle, verifyBundle } from '../verify.ts'
import { bundleOf, droppedFiles } from './bundle-files.ts'
import { create, number, time } from './elements.ts'
import { addedMs, isErased, leafRow, searchedText } from './leaf-row.ts'
import { parseCheckpoint } from '../../tlog/checkpoint.ts'
import type { Leaf } from '../../log/leaf.ts'
import { ProofError } from '../../tlog/proof-format.ts'
import { type VerifierKey, parseNote, parseVerifierKey } from '../../tlog/signed-note.ts'
import type { Verdict } from '../../verify/verify-log.ts'

/** How many of the newest events can be listed, how many are listed at first, and how many more each
 * time someone asks. */
const LISTED_MAX = 20_000
const LISTED_FIRST = 15
const LISTED_STEP = 200

const element = <Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind => {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}`)
  return found
}

const page = {
  verdict: element('verdict', HTMLElement),
  title: element('verdict-title', HTMLElement),
  words: element('verdict-words', HTMLElement),
  progress: element('progress', HTMLProgressElement),
  facts: element('facts', HTMLElement),
  events: element('events', HTMLElement),
  filter: element('filter', HTMLInputElement),
  count: element('events-count', HTMLElement),
  rows: element('rows', HTMLElement),
  more: element('more', HTMLButtonElement),
  compare: element('compare', HTMLFormElement),
  key: element('expected-key', HTMLInputElement),
  kept: element('kept', HTMLTextAreaElement),
  drop: element('drop', HTMLElement),
  folder: element('folder', HTMLInputElement),
  files: element('files', HTMLInputElement),
}

type Origin = { readonly bundle: Bundle; readonly name: string }

/** What one verification found, besides its verdict. */
type Findings = {
  readonly events: Leaf[]
  firstMs: number
  lastMs: number
  erased: number
}

let chosen: Origin | undefined
/** Counts verifications, so that one that was superseded shows nothing more. */
let started = 0
let listed: readonly Leaf[] = []
let faultSeq: number | undefined
let listedMax = LISTED_FIRST

const verify = async (): Promise<void> => {
  if (!chosen) return say('waiting', 'Choose a bundle to verify', 'No bundle is chosen yet.')
  started += 1
  const own = started
  const { bundle, name } = chosen
  page.facts.hidden = true
  page.events.hidden = true
  page.progress.hidden = true
  const expected = expectedKey()
  if (expected instanceof ProofError)
    return say('waiting', 'The key that you entered cannot be used', `${expected.message}.`)
  page.progress.hidden = false
  page.progress.value = 0
  say('verifying', 'Verifying…', `Recomputing every event of ${name}.`)
  const findings: Findings = { events: [], firstMs: Infinity, lastMs: -Infinity, erased: 0 }
  try {
    const stated = parseCheckpoint(parseNote(await bundle.checkpoint.text()).text)
    page.progress.max = Math.max(1, stated.size)
  } catch {
    // The verification says what is wrong with the checkpoint.
  }
  try {
    const verdict = await verdictOf(bundle, {
      expected,
      isSuperseded: () => own !== started,
      onLeaves: (leaves) => collect(findings, leaves),
    })
    const facts = await factsOf(verdict, findings, { bundle, name })
    if (own !== started) return
    page.progress.hidden = true
    show(verdict, findings, facts)
  } catch (error) {
    if (own === started) sayUnable(error)
  }
}

/** The key that the reader expects, or why it is none. */
const expectedKey = (): VerifierKey | ProofError | undefined => {
  const text = page.key.value.trim()
  try {
    return text === '' ? undefined : parseVerifierKey(text)
  } catch (error) {
    if (error instanceof ProofError) return error
    throw error
  }
}

/** Anything but a fault that was found says nothing about the log. */
const sayUnable = (error: unknown): void => {
  page.progress.hidden = true
  page.facts.hidden = true
  page.events.hidden = true
  say(
    'unable',
    'This browser cannot check it',
    `The verification stopped (${String(error)}), which says nothing about the log. Try a newer ` +
      'browser, or the program: secure-lock-server log verify --bundle FOLDER.',
  )
}

type Running = {
  readonly expected: VerifierKey | undefined
  readonly isSuperseded: () => boolean
  readonly onLeaves: (leaves: readonly Leaf[]) => void
}

class Superseded extends Error {}

const verdictOf = (
  bundle: Bundle,
  { expected, isSuperseded, onLeaves }: Running,
): Promise<Verdict> => {
  const kept = page.kept.value.trim()
  return verifyBundle(bundle, {
    ...(expected ? { key: expected } : {}),
    kept: kept ? [`${kept.replaceAll('\r\n', '\n')}\n`] : [],
    onLeaves,
    afterPage: async (verified) => {
      page.progress.value = verified
      // Lets the browser paint and respond.
      await new Promise((resolve) => setTimeout(resolve))
      if (isSuperseded()) throw new Superseded()
    },
  })
}

const collect = (findings: Findings, leaves: readonly Leaf[]): void => {
  for (const leaf of leaves) {
    findings.firstMs = Math.min(findings.firstMs, addedMs(leaf))
    findings.lastMs = Math.max(findings.lastMs, addedMs(leaf))
    if (isErased(leaf)) findings.erased += 1
  }
  findings.events.push(...leaves)
  const tooMany = findings.events.length - LISTED_MAX
  if (tooMany > LISTED_STEP) findings.events.splice(0, tooMany)
}

const show = (verdict: Verdict, findings: Findings, facts: readonly Fact[]): void => {
  if (verdict.ok) {
    const { size } = verdict
    say('intact', 'The log is intact', intactWords(size, findings))
  } else {
    const where = verdict.seq === undefined ? '' : ` First fault: event number ${verdict.seq}.`
    say('broken', 'The log is broken', `${verdict.fault}.${where} Do not rely on this bundle.`)
  }
  page.facts.replaceChildren(...facts.map(factRow))
  page.facts.hidden = false
  const wrong = verdict.ok ? undefined : verdict.seq
  faultSeq = wrong
  listed = findings.events.filter(({ seq }) => wrong === undefined || seq <= wrong).reverse()
  listedMax = LISTED_FIRST
  page.events.hidden = listed.length === 0
  list()
}

const intactWords = (size: number, { erased }: Findings): string => {
  const kept = page.kept.value.trim() !== ''
  const events = size === 1 ? 'The one event is' : `All ${number(size)} events are`
  return [
    size === 0
      ? 'The log has no events yet, as the signature confirms.'
      : `${events} exactly as the holder of the key signed them, in this order.`,
    erased > 0
      ? `Name and method were erased from ${number(erased)}; these events are still proven.`
      : '',
    kept ? 'It extends the kept checkpoint: since then it only grew.' : '',
    page.key.value.trim() === ''
      ? 'The key comes from the bundle itself: compare it with the one you know.'
      : 'The key is the one you expected.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

type Fact = readonly [term: string, words: string, form?: 'code']

const factsOf = async (
  verdict: Verdict,
  findings: Findings,
  { bundle, name }: Origin,
): Promise<readonly Fact[]> => {
  const facts: Fact[] = [['Verified', name]]
  try {
    const { origin, size, root } = parseCheckpoint(parseNote(await bundle.checkpoint.text()).text)
    facts.push(['Log', origin, 'code'], ['Events', number(size)])
    if (verdict.ok && size > 0)
      facts.push(['Received', `${time(findings.firstMs)} to ${time(findings.lastMs)} UTC`])
    facts.push(['Root', encodeBase64(root), 'code'])
    facts.push(['Key', (await bundle.key.text()).trim(), 'code'])
  } catch {
    // A checkpoint that cannot be read has no facts; the verdict says so.
  }
  return facts
}

const factRow = ([term, words, form]: Fact): HTMLElement =>
  create('div', create('dt', term), create('dd', form === 'code' ? create('code', words) : words))

const list = (): void => {
  const wanted = foldedText(page.filter.value)
  const found = wanted ? listed.filter((event) => searchedText(event).includes(wanted)) : listed
  page.rows.replaceChildren(
    ...found.slice(0, listedMax).map((event) => leafRow(event, event.seq === faultSeq)),
  )
  page.more.hidden = found.length <= listedMax
  const shown = Math.min(found.length, listedMax)
  page.count.textContent = [
    `${number(shown)} of ${number(found.length)}${wanted ? ' matching' : ''}, newest first.`,
    listed.length >= LISTED_MAX ? `Only the newest ${number(listed.length)} are listed here.` : '',
    page.verdict.dataset['state'] === 'intact' ? '' : 'Read up to the fault; none of it is proven.',
  ].join(' ')
}

const say = (
  state: 'waiting' | 'verifying' | 'intact' | 'broken' | 'unable',
  title: string,
  words: string,
) => {
  page.verdict.dataset['state'] = state
  page.title.textContent = title
  page.words.textContent = words
}

const choose = async (files: readonly File[]): Promise<void> => {
  // A chosen folder includes the files of its subfolders, which may have the same names.
  const own = files.filter(({ webkitRelativePath: path }) => path.split('/').length <= 2)
  const byName = new Map<string, Blob>(own.map((file) => [file.name, file]))
  const missing = BUNDLE_FILES.filter((name) => !byName.has(name))
  if (missing.length > 0) {
    started += 1
    chosen = undefined
    page.progress.hidden = true
    page.facts.hidden = true
    page.events.hidden = true
    return say(
      'waiting',
      'Some files are missing',
      `Not among those chosen: ${missing.join(', ')}.`,
    )
  }
  chosen = { bundle: bundleOf((name) => byName.get(name)), name: 'the files you chose' }
  page.verdict.scrollIntoView({ block: 'nearest' })
  await verify()
}

page.folder.addEventListener('change', () => void choose([...(page.folder.files ?? [])]))
page.files.addEventListener('change', () => void choose([...(page.files.files ?? [])]))
page.compare.addEventListener('submit', (event) => {
  event.preventDefault()
  page.verdict.scrollIntoView({ block: 'nearest' })
  void verify()
})
page.filter.addEventListener('input', () => {
  listedMax = LISTED_FIRST
  list()
})
page.more.addEventListener('click', () => {
  listedMax += LISTED_STEP
  list()
})
addEventListener('dragover', (event) => {
  event.preventDefault()
  page.drop.classList.add('over')
})
addEventListener('dragleave', () => page.drop.classList.remove('over'))
addEventListener('drop', (event) => {
  event.preventDefault()
  page.drop.classList.remove('over')
  if (event.dataTransfer) void droppedFiles(event.dataTransfer).then(choose)
})

const embedded = JSON.parse(element('bundle', HTMLElement).textContent ?? 'null') as Record<
  string,
  string
> | null
if (embedded) {
  const parts = embedded
  chosen = {
    bundle: bundleOf((name) => new Blob([parts[name] ?? ''])),
    name: 'the bundle in this page',
  }
  await verify()
} else {
  say(
    'waiting',
    'Choose a bundle to verify',
    'This page does not contain a bundle. Choose the folder that it came in.',
  )
}
