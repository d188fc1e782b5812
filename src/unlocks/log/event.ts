import {
  DECISION_REASONS,
  FAILURE_REASONS,
  type GuestFacts,
  LOCK_REASONS,
  type NewDecision,
  type NewReport,
} from '../../domain/access.ts'
import { SECOND_MS } from '../../domain/duration.ts'

/** How an app may say that an attempt to unlock the door ended. */
export const REPORTED_RESULTS = ['unlocked', 'denied'] as const

/** How an attempt to unlock the door ended. `permitted`: this server decided that the door may open, which
 * does not tell whether it did. `released`: a controller released the lock, and has no sensor to tell whether it
 * opened. `failed`: it could not. */
export const RESULTS = [...REPORTED_RESULTS, 'permitted', 'released', 'failed'] as const
export type Result = (typeof RESULTS)[number]

/** Why this server itself denied access, in Matter's term if there is one. */
const REFUSALS = ['disabled_user_denied', 'session_ended', 'too_many_attempts'] as const
export type Refusal = (typeof REFUSALS)[number]

/** The reason of an event that stands in the log for lost ones. */
export const LOSS = 'unlocks_lost'

/** True if the door opened, or the lock was released so that it could be opened. */
export const isOpen = (result: Result): boolean => result === 'unlocked' || result === 'released'

/** True if statistics count an event: an unlock, or a refusal at a door. They count neither refused logins nor
 * lost unlocks, which happened at no door, nor permissions and failures, after which the door stayed shut or may
 * have. */
export const isCounted = ({ result, reason }: Counted): boolean =>
  result !== 'permitted' && result !== 'failed' && reason !== LOGIN_REFUSAL && reason !== LOSS

type Counted = { readonly result: string; readonly reason: string | null }

/** The reasons of events that are no decisions. */
export const PLAIN_REASONS = [...new Set([...LOCK_REASONS, ...REFUSALS, LOSS] as const)]

export const ALL_REASONS = [
  ...new Set([...PLAIN_REASONS, ...DECISION_REASONS, ...FAILURE_REASONS] as const),
]
type Reason = (typeof ALL_REASONS)[number]

/** The reason of what did not happen at a door: somebody guessed at the person's password until their
 * logins were locked out. */
export const LOGIN_REFUSAL = 'too_many_attempts' satisfies Refusal

/** The source of a decision. */
export const DECIDED = 'decided'

/** The source of a lock's own report. */
export const REPORTED = 'reported'

/** The source of a report that the lock's controller signed. */
export const ATTESTED = 'attested'

/** Who says so. `claimed`: an app with the token of an account. `observed`: this server, which refused
 * access. `imported`: the legacy server, from whose database it comes. `decided`: this server, by the rules
 * of who may open which lock. `reported`: the lock itself. `attested`: the lock itself, and its controller signed
 * it. */
export const SOURCES = ['claimed', 'observed', 'imported', DECIDED, REPORTED, ATTESTED] as const
type Source = (typeof SOURCES)[number]

/** True if the lock says so. */
export const isByLock = ({ source }: { readonly source?: unknown }): boolean =>
  source === REPORTED || source === ATTESTED

/** What the log knows about a person. Erasure removes it; the commitment to it stays. */
export type PersonalText = {
  readonly accountPublicId: string
  readonly username: string
  readonly method: string
  /** Only for decisions and reports: the grant that decided, or null if none did. */
  readonly grantId?: string | null
  /** The access token that was used; only decisions commit to it. */
  readonly tokenId?: string
  /** Only for decisions and reports: the guest who asked, if it was one. */
  readonly guest?: GuestFacts | undefined
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
  /** Only for decisions and reports: the attempt that was decided, or that the lock carried out. */
  readonly attemptId?: string | null
  /** Only for reports: the kind of the driver that received it, or the id of the controller that signed it. */
  readonly reporter?: string
  /** The number of a controller's report among all of its reports, from 1. */
  readonly reporterCounter?: number
  /** What the guest's device or the controller signed. */
  readonly statement?: Uint8Array
  /** The id that earlier versions derived for it, which anyone can compute. */
  readonly formerId?: string
}

/** An event as it is submitted. One without an id is new, and gets one. */
export type SubmittedEvent = Omit<NewUnlockEvent, 'id'> & { readonly id?: string }

/** Returns the event that records a decision. */
export const decisionEvent = (decision: NewDecision): NewUnlockEvent => ({
  ...decision,
  source: DECIDED,
  occurredAtMs: null,
})

/** Returns the event for a lock's report. */
export const reportedEvent = (
  id: string,
  { entry: _entry, signed, ...report }: NewReport,
): NewUnlockEvent => ({
  ...report,
  id,
  source: signed ? ATTESTED : REPORTED,
  grantId: null,
  attemptId: report.attemptId ?? null,
  ...(signed ? { statement: signed.statement, reporterCounter: signed.counter } : {}),
})

/** A recorded event without its personal text: the contents of its leaf in the tree. */
export type UnlockEntry = Omit<NewUnlockEvent, keyof PersonalText | 'formerId' | 'statement'> & {
  /** Counts from 0 without gaps, in the order of receipt. */
  readonly seq: number
  readonly receivedAtMs: number
  readonly isLate: boolean
  /** The server's clock could not be trusted when it was received. */
  readonly isTimeUncertain: boolean
  /** Commitment to the personal text. */
  readonly personHash: Uint8Array
  /** SHA-256 of what was signed. */
  readonly statementHash?: Uint8Array
}

/** A recorded event as stored. `person` is undefined once erased. */
export type UnlockEvent = UnlockEntry & {
  readonly person: (PersonalText & { readonly salt: Uint8Array }) | undefined
  /** What was signed; undefined if nothing was, or once erased. */
  readonly statement?: Uint8Array | undefined
  /** When it happened: see `happenedAtMs`. */
  readonly happenedAtMs: number
  /** The earlier leaf of the same opening, if any. Not part of the leaf itself. */
  readonly sameAs?: number
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
 * legacy server may say any time before receipt, and a controller says whole seconds. A clock that is behind the `newestMs` certain time of
 * the log does not put an event before it. */
export const happenedAtMs = (
  { source, occurredAtMs, receivedAtMs }: Times,
  newestMs = 0,
): number => {
  const receiptMs = Math.max(receivedAtMs, newestMs)
  if (occurredAtMs === null || occurredAtMs > receiptMs) return receiptMs
  const isPlausible = source === 'imported' || receiptMs - occurredAtMs <= HAPPENED_BEFORE_MS_MAX
  return isPlausible ? Math.min(receiptMs, occurredAtMs + roundedMs(source)) : receiptMs
}

/** How much of a time may be missing: controllers sign whole seconds. An opening counts at the end of its second, so
 * that it is not listed before its decision. */
const roundedMs = (source: Source): number => (source === ATTESTED ? SECOND_MS - 1 : 0)

/** True if an event says a time that `happenedAtMs` did not believe. */
export const isDoubted = (event: Said): boolean => event.occurredAtMs !== null && !isAsSaid(event)

type Said = Pick<UnlockEvent, 'source' | 'occurredAtMs' | 'happenedAtMs'>

const isAsSaid = ({ source, occurredAtMs, happenedAtMs: listedMs }: Said): boolean =>
  occurredAtMs !== null && listedMs >= occurredAtMs && listedMs <= occurredAtMs + roundedMs(source)

/** True if an event is listed at the time at which it happened, as far as the event itself tells. */
export const isListedRight = (event: UnlockEvent): boolean => {
  const { happenedAtMs: listedMs, isTimeUncertain, receivedAtMs } = event
  if (!isTimeUncertain) return listedMs === happenedAtMs(event)
  return isAsSaid(event) || listedMs >= receivedAtMs
}
