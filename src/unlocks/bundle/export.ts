import type { Clock } from '../../domain/clock.ts'
import { leafLine } from '../log/leaf.ts'
import type { UnlockLog } from '../recording/service.ts'
import type { UnlockStore } from '../log/store.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { parseNote } from '../tlog/signed-note.ts'
import { verificationPage } from './page.ts'
import bundleReadme from './readme.txt' with { type: 'text' }
import { BUNDLE_FILES, proofLine } from './verify.ts'

type Dependencies = {
  readonly log: Pick<UnlockLog, 'head' | 'verifierKey' | 'origin' | 'receipt'>
  readonly store: Pick<UnlockStore, 'leaves'>
  readonly clock: Pick<Clock, 'wallMs'>
  /** Creates a file from pieces of text, in order. */
  readonly write: (name: string, pieces: Iterable<string> | AsyncIterable<string>) => Promise<void>
}

/** The file of hashes for `sha256sum -c`; covers all other files. */
export const SUMS_FILE = 'SHA256SUMS'

/** How many of the newest events get a receipt by default: about 12 MB. The receipts of a million
 * would take over a gigabyte, and each can be computed from the entries. */
export const PROOFS_DEFAULT = 10_000

/** Up to this size the page contains the whole bundle. */
const EMBEDDED_CHARACTERS_MAX = 4 * 1024 * 1024

const PAGE_ROWS = 1000

/** Writes an evidence bundle of the log as it is now: entries, the receipts of the newest `proofs`
 * events, checkpoint, key, a README, a page that verifies it all, and hashes. Returns the number of
 * events. */
export const exportBundle = async (
  { log, store, clock, write }: Dependencies,
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
      const rows = await store.leaves(seq - 1, Math.min(PAGE_ROWS, head.size - seq))
      const last = rows.at(-1)
      if (!last) return
      yield rows.map((row) => `${leafLine(row)}\n`).join('')
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
    readme({
      origin: log.origin,
      size: String(head.size),
      exported_at: new Date(clock.wallMs()).toISOString(),
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

/** Returns the README with its {placeholders} filled in. */
const readme = (values: Readonly<Record<string, string>>): string =>
  bundleReadme.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
