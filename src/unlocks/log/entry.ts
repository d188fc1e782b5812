import { decodeBase64, encodeBase64, sha256 } from '#crypto'
import { DECISION_REASONS, FAILURE_REASONS, LOCK_REASONS } from '../../domain/access.ts'
import { HASH_BYTES, isTreeSize } from '../tlog/merkle-tree.ts'
import {
  ATTESTED,
  DECIDED,
  PLAIN_REASONS,
  type PersonalText,
  REPORTED_RESULTS,
  type Result,
  SOURCES,
  type UnlockEntry,
  type UnlockEvent,
  isByLock,
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

/** The commitment to personal text, as RFC 8785 JSON of its members. */
export const personHash = (salt: Uint8Array, person: PersonalText): Uint8Array =>
  commitment(salt, JSON.stringify(membersOf(person)))

/** The members that a leaf commits to, in sorted order: account, method and username. Those of a decision or a report
 * also have the grant, the device, which may be an access token, and for a guest the pass and the counter of the
 * device's statement. */
const membersOf = (person: PersonalText) => {
  const { accountPublicId: account, method, username, grantId: grant, guest } = person
  if (grant === undefined) return { account, method, username }
  const [counter, pass] = [guest?.counter ?? null, guest?.passId ?? null]
  return { account, counter, device: deviceOf(person), grant, method, pass, username }
}

const deviceOf = ({ tokenId, guest }: PersonalText): string | null => {
  if (guest) return guest.deviceId === null ? null : `${DEVICE}${guest.deviceId}`
  return tokenId === undefined ? null : `${TOKEN}${tokenId}`
}

const TOKEN = 'token:'
const DEVICE = 'device:'

/** The personal text beside a leaf, or undefined if it was erased, or is not what this log writes. `isClaim`: the leaf
 * commits to fewer members than that of a decision or a report. */
export const parsePerson = (value: unknown, isClaim: boolean): UnlockEvent['person'] => {
  if (typeof value !== 'object' || value === null) return undefined
  const {
    account,
    counter,
    device,
    grant,
    method,
    pass,
    username,
    salt,
  }: Readonly<Record<string, unknown>> = { ...value }
  const bytes = typeof salt === 'string' ? decodeBase64(salt) : undefined
  if (typeof account !== 'string' || typeof username !== 'string') return undefined
  if (typeof method !== 'string' || !bytes) return undefined
  const person = { accountPublicId: account, username, method, salt: bytes }
  if (isClaim) return person
  const grantId = typeof grant === 'string' ? grant : null
  if (typeof pass === 'string') {
    const deviceId = idAfter(DEVICE, device) ?? null
    const guest = { passId: pass, deviceId, counter: typeof counter === 'number' ? counter : null }
    return { ...person, grantId, guest }
  }
  const tokenId = idAfter(TOKEN, device)
  return { ...person, grantId, ...(tokenId === undefined ? {} : { tokenId }) }
}

const idAfter = (kind: string, device: unknown): string | undefined =>
  typeof device === 'string' && device.startsWith(kind) ? device.slice(kind.length) : undefined

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
    reporter_counter: entry.reporterCounter ?? null,
    result: entry.result,
    seq: entry.seq,
    source: entry.source,
    statement: entry.statementHash ? encodeBase64(entry.statementHash) : null,
    time_uncertain: entry.isTimeUncertain,
    v: 2,
  })

/** The bytes of an event's leaf in the tree. */
export const entryBytes = (entry: UnlockEntry): Uint8Array => UTF8.encode(entryText(entry))

/** One line of JSON with an event's leaf as text, whose UTF-8 bytes are the leaf, and beside it the
 * personal text that the leaf only commits to, and what was signed, if anything was; both are null once erased.
 * Receipts carry it, and so does entries.ndjson of a bundle. */
export const entryLine = (event: UnlockEvent): string => {
  const { person, statement, statementHash } = event
  return JSON.stringify({
    entry: entryText(event),
    person: person ? personLine(person) : null,
    ...(statementHash ? { statement: statement ? encodeBase64(statement) : null } : {}),
  })
}

const personLine = (person: NonNullable<UnlockEvent['person']>) => {
  const { accountPublicId: account, username, method } = person
  const salt = encodeBase64(person.salt)
  if (person.grantId === undefined) return { account, username, method, salt }
  return { ...membersOf(person), salt }
}

/** The entry in the text of a leaf, or undefined unless the text is exactly what this log writes. */
export const parseEntry = (text: string): UnlockEntry | undefined => {
  const leaf = parsedObject(text)
  if (!leaf || !isLeaf(leaf)) return undefined
  const personHashBytes = hashIn(leaf.person)
  if (!personHashBytes) return undefined
  const statementHash = hashIn(leaf.statement)
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
    ...(typeof leaf.reporter_counter === 'number'
      ? { reporterCounter: leaf.reporter_counter }
      : {}),
    ...(statementHash ? { statementHash } : {}),
  }
  return entryText(entry) === text ? entry : undefined
}

const hashIn = (text: unknown): Uint8Array | undefined => {
  const bytes = typeof text === 'string' ? decodeBase64(text) : undefined
  return bytes?.length === HASH_BYTES ? bytes : undefined
}

type Leaf = Pick<UnlockEntry, 'seq' | 'id' | 'lock' | 'result' | 'reason' | 'source'> & {
  readonly occurred_at_ms: number | null
  readonly received_at_ms: number
  readonly late: boolean
  readonly time_uncertain: boolean
  readonly person: string
  readonly attempt: string | null | undefined
  readonly reporter: unknown
  readonly reporter_counter: unknown
  readonly statement: unknown
}

const isLeaf = (leaf: Readonly<Record<string, unknown>>): leaf is Leaf =>
  typeof leaf['seq'] === 'number' &&
  isTreeSize(leaf['seq']) &&
  typeof leaf['id'] === 'string' &&
  typeof leaf['lock'] === 'string' &&
  (leaf['attempt'] === undefined
    ? isPlain(leaf)
    : isByLock(leaf)
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
  !isByLock(leaf) &&
  SOURCES.some((word) => word === leaf['source']) &&
  isOccurredAt(leaf['occurred_at_ms'])

const isOccurredAt = (ms: unknown): boolean => ms === null || Number.isSafeInteger(ms)

/** A decision is recorded when it is made, and says why exactly if it is a refusal. */
const isDecision = (leaf: Readonly<Record<string, unknown>>): boolean =>
  typeof leaf['attempt'] === 'string' &&
  leaf['source'] === DECIDED &&
  leaf['reporter'] === null &&
  leaf['reporter_counter'] === null &&
  leaf['occurred_at_ms'] === null &&
  leaf['late'] === false &&
  (leaf['result'] === 'permitted'
    ? leaf['reason'] === null
    : leaf['result'] === 'denied' && DECISION_REASONS.some((word) => word === leaf['reason']))

/** A lock reports that it was unlocked or released, or why it stayed shut. */
const isReport = (leaf: Readonly<Record<string, unknown>>): boolean =>
  (leaf['attempt'] === null || typeof leaf['attempt'] === 'string') &&
  isReporter(leaf) &&
  isOccurredAt(leaf['occurred_at_ms']) &&
  REPORT_REASONS.get(leaf['result'])?.some((word) => word === leaf['reason']) === true

/** The results that locks report, with their reasons. */
const REPORT_REASONS: ReadonlyMap<unknown, readonly (string | null)[]> = new Map<
  Result,
  readonly (string | null)[]
>([
  ['unlocked', [null]],
  ['released', [null]],
  ['denied', LOCK_REASONS],
  ['failed', FAILURE_REASONS],
])

/** Only controllers sign their reports, and number them. */
const isReporter = (leaf: Readonly<Record<string, unknown>>): boolean =>
  typeof leaf['reporter'] === 'string' &&
  (leaf['source'] === ATTESTED
    ? CONTROLLER.test(leaf['reporter']) &&
      Number.isSafeInteger(leaf['reporter_counter']) &&
      Number(leaf['reporter_counter']) > 0 &&
      leaf['statement'] !== null
    : DRIVER.test(leaf['reporter']) &&
      leaf['reporter_counter'] === null &&
      leaf['statement'] === null)

/** The kind of a driver. Any word of this form is valid, since later versions have more kinds. */
const DRIVER = /^[a-z0-9_-]{1,32}$/

/** The id of a controller. */
const CONTROLLER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

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
