import { decodeBase64, encodeBase64, sha256 } from '#crypto'
import { HASH_BYTES, isTreeSize } from '../tlog/merkle-tree.ts'

/** How an attempt to unlock the door ended. */
export const RESULTS = ['unlocked', 'denied'] as const
export type Result = (typeof RESULTS)[number]

/** Why the door stayed shut: OperationErrorEnum of the Matter Door Lock cluster. */
export const REASONS = [
  'unspecified',
  'invalid_credential',
  'disabled_user_denied',
  'restricted',
  'insufficient_battery',
] as const

/** Why this server itself denied access, in Matter's term if there is one. */
const REFUSALS = ['disabled_user_denied', 'session_ended', 'too_many_attempts'] as const
export type Refusal = (typeof REFUSALS)[number]

/** The reason of an event that stands in the log for lost ones. */
export const LOSS = 'unlocks_lost'

/** False for the reasons of events that happened at no door: refused logins, and lost unlocks. */
export const isAtDoor = (reason: string | null): boolean =>
  reason !== LOGIN_REFUSAL && reason !== LOSS

export const ALL_REASONS = [...new Set([...REASONS, ...REFUSALS, LOSS] as const)]
type Reason = (typeof ALL_REASONS)[number]

/** The reason of what did not happen at a door: somebody guessed at the person's password until their
 * logins were locked out. */
export const LOGIN_REFUSAL = 'too_many_attempts' satisfies Refusal

/** Who reported it. `claimed`: an app with the token of an account. `observed`: this server,
 * which refused it. `imported`: the legacy server, from whose database it comes. */
export const SOURCES = ['claimed', 'observed', 'imported'] as const
type Source = (typeof SOURCES)[number]

/** The account of an imported event whose person has none here. */
export const NO_ACCOUNT = ''

/** What the log knows about a person. Erasure removes it; the commitment to it stays. */
export type PersonalText = {
  readonly accountPublicId: string
  readonly username: string
  readonly method: string
}

/** An event to be recorded. */
export type NewUnlockEvent = PersonalText & {
  readonly id: string
  readonly lock: string
  readonly result: Result
  readonly reason: Reason | null
  readonly source: Source
  /** When it happened, by the phone's clock. */
  readonly occurredAtMs: number | null
  /** The id that earlier versions derived for it, which anyone can compute. */
  readonly formerId?: string
}

/** A recorded event without its personal text: the contents of its leaf in the tree. */
export type UnlockEntry = Omit<NewUnlockEvent, keyof PersonalText | 'formerId'> & {
  /** Counts from 0 without gaps, in the order of receipt. */
  readonly seq: number
  readonly receivedAtMs: number
  readonly isLate: boolean
  /** The server's clock could not be trusted when it was received. */
  readonly isTimeUncertain: boolean
  /** Commitment to the personal text. */
  readonly personHash: Uint8Array
}

/** A recorded event as stored. `person` is undefined once erased. */
export type UnlockEvent = UnlockEntry & {
  readonly person: (PersonalText & { readonly salt: Uint8Array }) | undefined
  /** When it happened: see `happenedAtMs`. */
  readonly happenedAtMs: number
  readonly leafHash: Uint8Array
}

/** An event of which nothing is erased. */
export type UnerasedEvent = UnlockEvent & { readonly person: NonNullable<UnlockEvent['person']> }

/** An event reported longer than this after it happened is marked `late`. */
const LATE_AFTER_MS = 5 * 60_000

export const isLate = (occurredAtMs: number | null, receivedAtMs: number): boolean =>
  occurredAtMs !== null && receivedAtMs - occurredAtMs > LATE_AFTER_MS

/** How long before receipt a phone may say that it happened: a phone is not offline for longer. */
export const HAPPENED_BEFORE_MS_MAX = 90 * 24 * 60 * 60_000

type Times = Pick<UnlockEntry, 'source' | 'occurredAtMs' | 'receivedAtMs'>

/** Returns when an event happened: when the phone says, unless that is after receipt or more than 90 days
 * before it, which makes it doubtful; then, and if the phone says nothing, when it was received. The
 * legacy server may say any time before receipt. A clock that is behind the `newestMs` certain time of
 * the log does not put an event before it. */
export const happenedAtMs = (
  { source, occurredAtMs, receivedAtMs }: Times,
  newestMs = 0,
): number => {
  const receiptMs = Math.max(receivedAtMs, newestMs)
  if (occurredAtMs === null || occurredAtMs > receiptMs) return receiptMs
  const isPlausible = source === 'imported' || receiptMs - occurredAtMs <= HAPPENED_BEFORE_MS_MAX
  return isPlausible ? occurredAtMs : receiptMs
}

/** True if an event says a time that `happenedAtMs` did not believe. */
export const isDoubted = (event: Pick<UnlockEvent, 'occurredAtMs' | 'happenedAtMs'>): boolean =>
  event.occurredAtMs !== null && event.occurredAtMs !== event.happenedAtMs

/** True if an event is listed at the time at which it happened, as far as the event itself tells. */
export const isListedRight = (event: UnlockEvent): boolean => {
  const { happenedAtMs: listedMs, isTimeUncertain, occurredAtMs, receivedAtMs } = event
  if (!isTimeUncertain) return listedMs === happenedAtMs(event)
  return listedMs === occurredAtMs || listedMs >= receivedAtMs
}

/** Length of a commitment's random salt in bytes. */
export const SALT_BYTES = 32

/** The commitment to personal text: SHA-256(salt || RFC 8785 JSON of account, method, username).
 * Without the salt it reveals nothing; with salt and text, anyone can check it. */
export const personHash = (salt: Uint8Array, person: PersonalText): Uint8Array => {
  const text = JSON.stringify({
    account: person.accountPublicId,
    method: person.method,
    username: person.username,
  })
  const bytes = UTF8.encode(text)
  const input = new Uint8Array(salt.length + bytes.length)
  input.set(salt)
  input.set(bytes, salt.length)
  return sha256(input)
}

/** The text of an event's leaf: RFC 8785 JSON, so that any tool can reproduce it. Members are in
 * sorted order, and JSON.stringify writes whole numbers and well-formed text as RFC 8785 does. */
const entryText = (entry: UnlockEntry): string =>
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

/** The bytes of an event's leaf in the tree. */
export const entryBytes = (entry: UnlockEntry): Uint8Array => UTF8.encode(entryText(entry))

/** One line of JSON with an event's leaf as text, whose UTF-8 bytes are the leaf, and beside it the
 * personal text that the leaf only commits to; null once erased. Receipts carry it, and so does
 * entries.ndjson of a bundle. */
export const entryLine = (event: UnlockEvent): string => {
  const { person } = event
  return JSON.stringify({
    entry: entryText(event),
    person: person
      ? {
          account: person.accountPublicId,
          username: person.username,
          method: person.method,
          salt: encodeBase64(person.salt),
        }
      : null,
  })
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
  }
  return entryText(entry) === text ? entry : undefined
}

type Leaf = {
  readonly seq: number
  readonly id: string
  readonly lock: string
  readonly result: Result
  readonly reason: Reason | null
  readonly source: Source
  readonly occurred_at_ms: number | null
  readonly received_at_ms: number
  readonly late: boolean
  readonly time_uncertain: boolean
  readonly person: string
}

const isLeaf = (leaf: Readonly<Record<string, unknown>>): leaf is Leaf =>
  typeof leaf['seq'] === 'number' &&
  isTreeSize(leaf['seq']) &&
  typeof leaf['id'] === 'string' &&
  typeof leaf['lock'] === 'string' &&
  RESULTS.some((word) => word === leaf['result']) &&
  (leaf['reason'] === null || ALL_REASONS.some((word) => word === leaf['reason'])) &&
  SOURCES.some((word) => word === leaf['source']) &&
  (leaf['occurred_at_ms'] === null || Number.isSafeInteger(leaf['occurred_at_ms'])) &&
  Number.isSafeInteger(leaf['received_at_ms']) &&
  typeof leaf['late'] === 'boolean' &&
  typeof leaf['time_uncertain'] === 'boolean' &&
  typeof leaf['person'] === 'string'

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
