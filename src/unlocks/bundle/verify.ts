import { decodeBase64 } from '#crypto'
import { entryBytes, entryLine, parseEntry, parsePerson, parsedObject } from '../log/entry.ts'
import { happenedAtMs } from '../log/event.ts'
import { type Leaf, leafBytes } from '../log/leaf.ts'
import { type LogRecord, parseRecord, recordBytes, recordLine } from '../log/record.ts'
import { leafHash } from '../tlog/merkle-tree.ts'
import { ProofError } from '../tlog/proof-format.ts'
import { parseReceipt, verifyReceipt } from '../tlog/receipt.ts'
import { type VerifierKey, formatVerifierKey, parseVerifierKey } from '../tlog/signed-note.ts'
import {
  LogFault,
  type Verdict,
  type VerifyOptions,
  leafFault,
  faultVerdict,
  verifyLog,
} from '../verify/verify-log.ts'

/** The files of an evidence bundle that prove the log. */
export const BUNDLE_FILES = ['entries.ndjson', 'proofs.ndjson', 'checkpoint', 'key'] as const

/** The contents of a bundle, as Blobs, which both Bun and a browser can stream from. */
export type Bundle = Readonly<Record<(typeof BUNDLE_FILES)[number], Blob>>

type BundleOptions = VerifyOptions & {
  /** The expected key; without it the bundle's own, so that the bundle vouches for itself. */
  readonly key?: VerifierKey
  /** Called with each page of leaves as it is read, before it is proven. */
  readonly onLeaves?: (leaves: readonly Leaf[]) => void
}

/** A line of proofs.ndjson: the receipt of an event (C2SP tlog-proof). */
export const proofLine = (seq: number, receipt: string): string => JSON.stringify({ seq, receipt })

/** Verifies a bundle as verifyLog verifies a database, in constant memory. Every byte of its files
 * counts: a line that the export would have written differently is a fault. */
export const verifyBundle = async (
  bundle: Bundle,
  { key: expected, onLeaves, ...options }: BundleOptions = {},
): Promise<Verdict> => {
  const entries = lineReader(bundle['entries.ndjson'], 'entries.ndjson')
  const proofs = lineReader(bundle['proofs.ndjson'], 'proofs.ndjson')
  let read = 0
  try {
    const key = bundleKey(await smallText(bundle.key, 'key'), expected)
    const receipts = receiptReader(proofs)
    const verdict = await verifyLog({
      ...options,
      head: { checkpoint: await smallText(bundle.checkpoint, 'checkpoint') },
      key,
      source: {
        leaves: async (afterSeq, limit) => {
          const lines = await entries.take(limit, afterSeq + 1)
          const leaves = lines.map((line, at) => parseLeafLine(line, afterSeq + 1 + at))
          read += leaves.length
          onLeaves?.(leaves)
          return leaves
        },
        receiptsOf: receipts.of,
        strayLeaf: async () => ((await entries.take(1)).length > 0 ? read : undefined),
      },
    })
    if (verdict.ok) await receipts.requireEnd(verdict.size)
    return verdict
  } catch (error) {
    return faultVerdict(error)
  } finally {
    await entries.close()
    await proofs.close()
  }
}

/** Returns the leaf that a receipt contains and proves. ProofError or LogFault if it does not. */
export const provenLeaf = (receipt: string, key: VerifierKey): Leaf => {
  const { index, extra } = parseReceipt(receipt)
  if (!extra) throw new LogFault('It contains no event')
  const leaf = parseLeafLine(UTF8.decode(extra), index)
  const fault = leafFault(leaf)
  if (fault) throw new LogFault(`Event ${index}: ${fault}`, index)
  const verifierKey = formatVerifierKey(key)
  const verdict = verifyReceipt({ receipt, entry: leafBytes(leaf), verifierKey })
  if (!verdict.ok) throw new ProofError(verdict.failed, verdict.message)
  return leaf
}

/** Replaces what is not UTF-8, so that it matches no leaf and no commitment. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true })

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Far longer than any line of an export. */
const LINE_BYTES_MAX = 1024 * 1024

/** Reads a key or a checkpoint, which takes some hundred bytes. */
const smallText = async (file: Blob, name: string): Promise<string> => {
  const bytes = await file.slice(0, LINE_BYTES_MAX + 1).arrayBuffer()
  if (bytes.byteLength > LINE_BYTES_MAX) throw new LogFault(`The ${name} file is too long`)
  try {
    return TEXT.decode(bytes)
  } catch {
    throw new LogFault(`The ${name} file is not UTF-8`)
  }
}

const bundleKey = (file: string, expected: VerifierKey | undefined): VerifierKey => {
  try {
    const key = parseVerifierKey(file.replace(/\n$/, ''))
    if (file !== `${formatVerifierKey(key)}\n`) throw new LogFault('The key file is malformed')
    if (expected && formatVerifierKey(expected) !== formatVerifierKey(key))
      throw new LogFault(`The bundle belongs to another log: its key is ${formatVerifierKey(key)}`)
    return key
  } catch (error) {
    if (error instanceof ProofError) throw new LogFault(`The key file: ${error.message}`)
    throw error
  }
}

const parseLeafLine = (line: string, seq: number): Leaf => {
  const unreadable = (what: string) => new LogFault(`Event ${seq}: its ${what} cannot be read`, seq)
  const { entry: text, person, body, statement } = parsedObject(line) ?? {}
  if (typeof text !== 'string') throw unreadable('entry')
  const record = parseRecord(text)
  if (record) {
    const whole = { ...record, body: parseBody(body), leafHash: leafHash(recordBytes(record)) }
    if (recordLine(whole) !== line) throw unreadable('body')
    return whole
  }
  const entry = parseEntry(text)
  if (!entry) throw unreadable('entry')
  const event = {
    ...entry,
    person: parsePerson(person, entry.attemptId === undefined),
    statement: typeof statement === 'string' ? decodeBase64(statement) : undefined,
    happenedAtMs: happenedAtMs(entry),
    leafHash: leafHash(entryBytes(entry)),
  }
  if (entryLine(event) !== line) throw unreadable('personal text')
  return event
}

const parseBody = (value: unknown): LogRecord['body'] => {
  if (typeof value !== 'object' || value === null) return undefined
  const { text, salt }: Readonly<Record<string, unknown>> = { ...value }
  const bytes = typeof salt === 'string' ? decodeBase64(salt) : undefined
  return typeof text === 'string' && bytes ? { text, salt: bytes } : undefined
}

/** Reads the receipts of a page of events. They belong to the newest events, without gaps. */
const receiptReader = (proofs: LineReader) => {
  let next: { readonly seq: number; readonly receipt: string } | undefined
  let expected: number | undefined
  const read = async (): Promise<typeof next> => {
    const [line] = await proofs.take(1, expected)
    return line === undefined ? undefined : parseProofLine(line, expected)
  }
  return {
    of: async (_first: number, lastSeq: number): Promise<ReadonlyMap<number, string>> => {
      const found = new Map<number, string>()
      next ??= await read()
      while (next && next.seq <= lastSeq) {
        found.set(next.seq, next.receipt)
        expected = next.seq + 1
        next = await read()
      }
      return found
    },
    requireEnd: async (size: number): Promise<void> => {
      next ??= await read()
      if (next || (expected !== undefined && expected !== size))
        throw new LogFault('proofs.ndjson does not end with the newest event', expected)
    },
  }
}

const parseProofLine = (line: string, expected: number | undefined) => {
  const { seq, receipt } = parsedObject(line) ?? {}
  const isRead =
    typeof seq === 'number' &&
    typeof receipt === 'string' &&
    proofLine(seq, receipt) === line &&
    (expected === undefined || seq === expected)
  if (isRead) return { seq, receipt }
  const whose = expected === undefined ? 'The first receipt' : `The receipt of event ${expected}`
  throw new LogFault(`${whose} cannot be read`, expected)
}

type LineReader = ReturnType<typeof lineReader>

const NEWLINE = 0x0a

/** Reads a file line by line. LogFault at a line that is not UTF-8, too long or cut off. */
const lineReader = (file: Blob, name: string) => {
  const reader = file.stream().getReader()
  let chunk = new Uint8Array()
  let at = 0
  let isEnded = false

  /** Returns the bytes of the next line, or undefined at the end. */
  const nextLine = async (seq: number | undefined): Promise<Uint8Array | undefined> => {
    for (;;) {
      const end = chunk.indexOf(NEWLINE, at)
      if (end !== -1) {
        const line = chunk.subarray(at, end)
        at = end + 1
        return line
      }
      const rest = chunk.subarray(at)
      if (isEnded && rest.length === 0) return undefined
      if (isEnded || rest.length > LINE_BYTES_MAX)
        throw new LogFault(`${name} has an unterminated line`, seq)
      const { done, value } = await reader.read()
      isEnded = done
      const joined = new Uint8Array(rest.length + (value?.length ?? 0))
      joined.set(rest)
      if (value) joined.set(value, rest.length)
      chunk = joined
      at = 0
    }
  }

  return {
    /** Returns up to `count` lines; `seq` is the event that a fault in the first one names. */
    take: async (count: number, seq?: number): Promise<readonly string[]> => {
      const lines: string[] = []
      while (lines.length < count) {
        const which = seq === undefined ? undefined : seq + lines.length
        const line = await nextLine(which)
        if (!line) break
        try {
          lines.push(TEXT.decode(line))
        } catch {
          throw new LogFault(`${name} has a line that is not UTF-8`, which)
        }
      }
      return lines
    },
    close: () => reader.cancel(),
  }
}
