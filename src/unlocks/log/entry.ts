import { decodeBase64, encodeBase64, sha256 } from '#crypto'
import { DECISION_REASONS, LOCK_REASONS } from '../../domain/access.ts'
import { HASH_BYTES, isTreeSize } from '../tlog/merkle-tree.ts'
import {
  DECIDED,
  PLAIN_REASONS,
  type PersonalText,
  REPORTED,
  REPORTED_RESULTS,
  SOURCES,
  type UnlockEntry,
  type UnlockEvent,
} from './event.ts'

/** Length of a commitment's random salt in bytes. */
export const SALT_BYTES = 32

/** SHA-256(salt || text). Without the salt it reveals nothing; with salt and text, anyone can check it. */
export const commitment = (salt: Uint8Array, text: string): Uint8Array => {
  const bytes = UTF8.encode(text)
  const input = new Uint8Array(salt.length + bytes.length)
  input.set(salt)
  input.set(bytes, salt.length)
  return sha256(input)
}

/** The commitment to personal text, as RFC 8785 JSON of account, method and username. That of a decision or a
 * report also has the grant, the device, which may be an access token, and members that are null until there are
 * guests. */
export const personHash = (salt: Uint8Array, person: PersonalText): Uint8Array => {
  const { accountPublicId: account, method, username, grantId: grant } = person
  const committed =
    grant === undefined
      ? { account, method, username }
      : { account, counter: null, device: deviceOf(person), grant, method, pass: null, username }
  return commitment(salt, JSON.stringify(committed))
}

const deviceOf = ({ tokenId }: Pick<PersonalText, 'tokenId'>): string | null =>
  tokenId === undefined ? null : `${TOKEN}${tokenId}`

const TOKEN = 'token:'

/** Returns the access token that the device of a decision stands for, if any. */
export const tokenOf = (device: unknown): Pick<PersonalText, 'tokenId'> =>
  typeof device === 'string' && device.startsWith(TOKEN)
    ? { tokenId: device.slice(TOKEN.length) }
    : {}

/** The text of an event's leaf: RFC 8785 JSON, so that any tool can reproduce it. Members are in
 * sorted order, and JSON.stringify writes whole numbers and well-formed text as RFC 8785 does. */
const entryText = (entry: UnlockEntry): string =>
  entry.attemptId === undefined ? plainText(entry) : accessText(entry, entry.attemptId)

const plainText = (entry: UnlockEntry): string =>
  JSON.stringify({
    id: entry.id,
    late: entry.isLate,
    lock: entry.lock,
    occurred_at_ms: entry.occurredAtMs,
    person: encodeBase64(entry.personHash),
    reason: entry.reason,
    received_at_ms: entry.receivedAtMs,
    result: entry.result,
    seq: entry.seq,
    source: entry.source,
    time_uncertain: entry.isTimeUncertain,
    v: 1,
  })

/** The text of a decision or a report. */
const accessText = (entry: UnlockEntry, attempt: string | null): string =>
  JSON.stringify({
    attempt,
    id: entry.id,
    kind: 'access',
    late: entry.isLate,
    lock: entry.lock,
    occurred_at_ms: entry.occurredAtMs,
    person: encodeBase64(entry.personHash),
    reason: entry.reason,
    received_at_ms: entry.receivedAtMs,
    reporter: entry.reporter ?? null,
    reporter_counter: null,
    result: entry.result,
    seq: entry.seq,
    source: entry.source,
    statement: null,
    time_uncertain: entry.isTimeUncertain,
    v: 2,
  })

/** The bytes of an event's leaf in the tree. */
export const entryBytes = (entry: UnlockEntry): Uint8Array => UTF8.encode(entryText(entry))

/** One line of JSON with an event's leaf as text, whose UTF-8 bytes are the leaf, and beside it the
 * personal text that the leaf only commits to; null once erased. Receipts carry it, and so does
 * entries.ndjson of a bundle. */
export const entryLine = (event: UnlockEvent): string => {
  const { person } = event
  return JSON.stringify({ entry: entryText(event), person: person ? personLine(person) : null })
}

const personLine = ({
  accountPublicId: account,
  username,
  method,
  salt: bytes,
  grantId: grant,
  ...person
}: NonNullable<UnlockEvent['person']>) => {
  const salt = encodeBase64(bytes)
  const device = deviceOf(person)
  return grant === undefined
    ? { account, username, method, salt }
    : { account, counter: null, device, grant, method, pass: null, username, salt }
}

/** The entry in the text of a leaf, or undefined unless the text is exactly what this log writes. */
export const parseEntry = (text: string): UnlockEntry | undefined => {
  const leaf = parsedObject(text)
  if (!leaf || !isLeaf(leaf)) return undefined
  const personHashBytes = decodeBase64(leaf.person)
  if (personHashBytes?.length !== HASH_BYTES) return undefined
  const entry: UnlockEntry = {
    seq: leaf.seq,
    id: leaf.id,
    lock: leaf.lock,
    result: leaf.result,
    reason: leaf.reason,
    source: leaf.source,
    occurredAtMs: leaf.occurred_at_ms,
    receivedAtMs: leaf.received_at_ms,
    isLate: leaf.late,
    isTimeUncertain: leaf.time_uncertain,
    personHash: personHashBytes,
    ...(leaf.attempt === undefined ? {} : { attemptId: leaf.attempt }),
    ...(typeof leaf.reporter === 'string' ? { reporter: leaf.reporter } : {}),
  }
  return entryText(entry) === text ? entry : undefined
}

type Leaf = Pick<UnlockEntry, 'seq' | 'id' | 'lock' | 'result' | 'reason' | 'source'> & {
  readonly occurred_at_ms: number | null
  readonly received_at_ms: number
  readonly late: boolean
  readonly time_uncertain: boolean
  readonly person: string
  readonly attempt: string | null | undefined
  readonly reporter: unknown
}

const isLeaf = (leaf: Readonly<Record<string, unknown>>): leaf is Leaf =>
  typeof leaf['seq'] === 'number' &&
  isTreeSize(leaf['seq']) &&
  typeof leaf['id'] === 'string' &&
  typeof leaf['lock'] === 'string' &&
  (leaf['attempt'] === undefined
    ? isPlain(leaf)
    : leaf['source'] === REPORTED
      ? isReport(leaf)
      : isDecision(leaf)) &&
  Number.isSafeInteger(leaf['received_at_ms']) &&
  typeof leaf['late'] === 'boolean' &&
  typeof leaf['time_uncertain'] === 'boolean' &&
  typeof leaf['person'] === 'string'

const isPlain = (leaf: Readonly<Record<string, unknown>>): boolean =>
  REPORTED_RESULTS.some((word) => word === leaf['result']) &&
  (leaf['reason'] === null || PLAIN_REASONS.some((word) => word === leaf['reason'])) &&
  leaf['source'] !== DECIDED &&
  leaf['source'] !== REPORTED &&
  SOURCES.some((word) => word === leaf['source']) &&
  isOccurredAt(leaf['occurred_at_ms'])

const isOccurredAt = (ms: unknown): boolean => ms === null || Number.isSafeInteger(ms)

/** A decision is recorded when it is made, and says why exactly if it is a refusal. */
const isDecision = (leaf: Readonly<Record<string, unknown>>): boolean =>
  typeof leaf['attempt'] === 'string' &&
  leaf['source'] === DECIDED &&
  leaf['reporter'] === null &&
  leaf['occurred_at_ms'] === null &&
  leaf['late'] === false &&
  (leaf['result'] === 'permitted'
    ? leaf['reason'] === null
    : leaf['result'] === 'denied' && DECISION_REASONS.some((word) => word === leaf['reason']))

/** A lock reports that it was unlocked, or why it stayed shut. */
const isReport = (leaf: Readonly<Record<string, unknown>>): boolean =>
  (leaf['attempt'] === null || typeof leaf['attempt'] === 'string') &&
  typeof leaf['reporter'] === 'string' &&
  REPORTER.test(leaf['reporter']) &&
  isOccurredAt(leaf['occurred_at_ms']) &&
  (leaf['result'] === 'unlocked'
    ? leaf['reason'] === null
    : leaf['result'] === 'denied' && LOCK_REASONS.some((word) => word === leaf['reason']))

/** The kind of a driver. Any word of this form is valid, since later versions have more kinds. */
const REPORTER = /^[a-z0-9_-]{1,32}$/

/** Returns the members of a JSON object, or undefined if the text is not one. */
export const parsedObject = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const UTF8 = new TextEncoder()
