import { decodeBase64, encodeBase64 } from '#crypto'
import { type NewRecord, RECORD_KINDS, type RecordKind } from '../../domain/access.ts'
import { HASH_BYTES, isTreeSize } from '../tlog/merkle-tree.ts'
import { parsedObject } from './entry.ts'

/** A record to be added, with its body as RFC 8785 JSON. */
export type RecordToAdd = Omit<NewRecord, 'body'> & { readonly id: string; readonly text: string }

/** A record without its body: the contents of its leaf in the tree. */
export type RecordEntry = {
  readonly seq: number
  readonly id: string
  readonly kind: RecordKind
  readonly atMs: number
  /** The server's clock could not be trusted when it was recorded. */
  readonly isTimeUncertain: boolean
  /** Commitment to the body. */
  readonly bodyHash: Uint8Array
}

/** A leaf that is not an unlock, as stored. */
export type LogRecord = RecordEntry & {
  /** RFC 8785 JSON, and the salt of the commitment to it; undefined once erased. */
  readonly body: { readonly text: string; readonly salt: Uint8Array } | undefined
  readonly leafHash: Uint8Array
}

/** A record of which nothing is erased, with whom and what it is about. */
export type UnerasedRecord = LogRecord &
  Pick<NewRecord, 'subject' | 'by' | 'about'> & { readonly body: NonNullable<LogRecord['body']> }

/** The text of a record's leaf: RFC 8785 JSON, with its members in sorted order. */
const recordText = (record: RecordEntry): string =>
  JSON.stringify({
    at_ms: record.atMs,
    body: encodeBase64(record.bodyHash),
    id: record.id,
    kind: record.kind,
    seq: record.seq,
    time_uncertain: record.isTimeUncertain,
    v: 2,
  })

/** The bytes of a record's leaf in the tree. */
export const recordBytes = (record: RecordEntry): Uint8Array => UTF8.encode(recordText(record))

/** One line of JSON with a record's leaf as text, and beside it the body that the leaf only commits to; null
 * once erased. */
export const recordLine = (record: LogRecord): string => {
  const { body } = record
  return JSON.stringify({
    entry: recordText(record),
    body: body ? { text: body.text, salt: encodeBase64(body.salt) } : null,
  })
}

/** The record in the text of a leaf, or undefined unless the text is exactly what this log writes. */
export const parseRecord = (text: string): RecordEntry | undefined => {
  const leaf = parsedObject(text)
  if (!leaf || !isLeaf(leaf)) return undefined
  const bodyHash = decodeBase64(leaf.body)
  if (bodyHash?.length !== HASH_BYTES) return undefined
  const record: RecordEntry = {
    seq: leaf.seq,
    id: leaf.id,
    kind: leaf.kind,
    atMs: leaf.at_ms,
    isTimeUncertain: leaf.time_uncertain,
    bodyHash,
  }
  return recordText(record) === text ? record : undefined
}

type Leaf = Pick<RecordEntry, 'seq' | 'id' | 'kind'> & {
  readonly at_ms: number
  readonly body: string
  readonly time_uncertain: boolean
}

const isLeaf = (leaf: Readonly<Record<string, unknown>>): leaf is Leaf =>
  typeof leaf['seq'] === 'number' &&
  isTreeSize(leaf['seq']) &&
  typeof leaf['id'] === 'string' &&
  RECORD_KINDS.some((word) => word === leaf['kind']) &&
  Number.isSafeInteger(leaf['at_ms']) &&
  typeof leaf['body'] === 'string' &&
  typeof leaf['time_uncertain'] === 'boolean'

const UTF8 = new TextEncoder()
