import { BUNDLE_FILES, proofLine } from './verify.ts'
import { entryLine } from '../log/event.ts'
import bundleReadme from './readme.txt' with { type: 'text' }
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import type { UnlockLog } from '../log/service.ts'
import { parseNote } from '../tlog/signed-note.ts'
import type { UnlockStore } from '../log/store.ts'
import { verificationPage } from './page.ts'

type Dependencies = {
  readonly log: Pick<UnlockLog, 'head' | 'verifierKey' | 'origin' | 'receipt'>
  readonly store: Pick<UnlockStore, 'page'>
  readonly now: () => number
  /** Makes a file of pieces of text, in their order. */
  readonly write: (name: string, pieces: Iterable<string> | AsyncIterable<string>) => Promise<void>
}

/** The file of hashes that `sha256sum -c` reads; it covers all the others. */
export const SUMS_FILE = 'SHA256SUMS'

/** So many events have a receipt of their own unless asked otherwise: some 12 MB of them. The
 * receipts of a million would be over a gigabyte, and each follows from the entries. */
export const PROOFS_DEFAULT = 10_000

/** Up to this size the page carries the bundle within itself. */
const EMBEDDED_CHARACTERS_MAX = 4 * 1024 * 1024

const PAGE_ROWS = 1000

/** Writes the evidence bundle of the log as it stands: entries, the receipts of the newest `proofs`
 * events, checkpoint, key, words, the page that verifies, and sums. Gives the number of events. */
export const exportBundle = async (
  { log, store, now, write }: Dependencies,
  { proofs }: { readonly proofs: number },
): Promise<number> => {
  const head = await log.head()
  const sums: string[] = []
  const copies: Record<string, string> = {}
  let embeddedCharacters = 0

  const writeSummed = async (name: string, pieces: Iterable<string> | AsyncIterable<string>) => {
    const hasher = new Bun.CryptoHasher('sha256')
    const passed = async function* passed() {
      for await (const piece of pieces) {
        hasher.update(piece)
        yield piece
      }
    }
    await write(name, passed())
    sums.push(`${hasher.digest('hex')}  ${name}\n`)
  }

  const copied = async function* copied(name: string, pieces: AsyncIterable<string>) {
    const copy: string[] = []
    for await (const piece of pieces) {
      embeddedCharacters += piece.length
      if (embeddedCharacters <= EMBEDDED_CHARACTERS_MAX) copy.push(piece)
      yield piece
    }
    copies[name] = copy.join('')
  }

  const entries = async function* entries() {
    for (let seq = 0; seq < head.size;) {
      const rows = await store.page(seq - 1, Math.min(PAGE_ROWS, head.size - seq))
      const last = rows.at(-1)
      if (!last) return
      yield rows.map((row) => `${entryLine(row)}\n`).join('')
      seq = last.seq + 1
    }
  }

  const receipts = async function* receipts() {
    for (let seq = Math.max(0, head.size - proofs); seq < head.size; seq += 1)
      yield `${proofLine(seq, await log.receipt(seq, head))}\n`
  }

  const contents: Record<(typeof BUNDLE_FILES)[number], AsyncIterable<string>> = {
    'entries.ndjson': entries(),
    'proofs.ndjson': receipts(),
    checkpoint: only(head.checkpoint),
    key: only(`${log.verifierKey}\n`),
  }
  for (const name of BUNDLE_FILES) await writeSummed(name, copied(name, contents[name]))

  await writeSummed('README.txt', [
    words({
      origin: log.origin,
      size: String(head.size),
      exported_at: new Date(now()).toISOString(),
      proofs: String(Math.min(proofs, head.size)),
      root: rootLine(head.checkpoint),
      key: log.verifierKey,
    }),
  ])
  const isEmbedded = embeddedCharacters <= EMBEDDED_CHARACTERS_MAX
  await writeSummed('verify.html', [verificationPage(isEmbedded ? copies : undefined)])
  await write(SUMS_FILE, sums)
  return head.size
}

async function* only(text: string) {
  yield text
}

const rootLine = (note: string): string =>
  Buffer.from(parseCheckpoint(parseNote(note).text).root).toString('base64')

/** The README with its {placeholders} filled in. */
const words = (values: Readonly<Record<string, string>>): string =>
  bundleReadme.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
