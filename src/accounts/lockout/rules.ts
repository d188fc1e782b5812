import { HOUR_MS } from '../../domain/duration.ts'

/** What failed logins count against: a client across all names, a name across all clients, and a
 * client at one name. */
export const LOCKOUT_KINDS = ['client', 'name', 'client_at_name'] as const
export type LockoutKind = (typeof LOCKOUT_KINDS)[number]

/** Where a name and password are sent. Any page can make a browser send them to the tables, with every
 * request: failures there lock nobody out of logging in. */
export const LOCKOUT_PLACES = ['login', 'tables'] as const
export type LockoutPlace = (typeof LOCKOUT_PLACES)[number]

/** Failures since the last success, and until when attempts are refused. */
export type Counter = { readonly failures: number; readonly lockedUntilMs: number | null }

export type Counters = Readonly<Record<LockoutKind, Counter>>

/** The outcome of an attempt: `unfinished` is the right password without its second factor. */
export type Outcome = 'right' | 'unfinished' | 'wrong'

type Attempt = {
  readonly outcome: Outcome
  readonly counters: Counters
  /** True if the client has logged in to this account before. */
  readonly isKnown: boolean
  readonly atMs: number
}

/** Whether an attempt passes; if not, the counters after it and the lockouts that it started. */
export type Evaluation =
  | { readonly passes: true }
  | {
      readonly passes: false
      readonly after: Counters
      readonly started: readonly StartedLockout[]
    }

type StartedLockout = {
  readonly kind: LockoutKind
  readonly failures: number
  readonly durationMs: number
}

/** Consecutive failures that start a lockout; 100 per account is NIST SP 800-63B-4 section 3.2.2. */
const FAILURES_MAX: Readonly<Record<LockoutKind, number>> = {
  client: 100,
  name: 100,
  client_at_name: 10,
}

const LOCKOUT_MS_MIN = 30_000
const LOCKOUT_MS_MAX = HOUR_MS

/** No failures, or only forgotten ones. */
export const NO_FAILURES: Counter = { failures: 0, lockedUntilMs: null }

/** Decides whether an attempt passes, and if not, what the counters are after it.
 *
 * A known client is locked out only by its own failures at the name, so that no stranger can lock
 * it out. A client counts against the name only until it is itself locked out there, so that one
 * stranger alone never locks out others. An attempt that is refused during a lockout reveals
 * nothing about the password, so it counts against the client only and makes no lockout longer. */
export const evaluateAttempt = ({ outcome, counters, isKnown, atMs }: Attempt): Evaluation => {
  const isLockedOut = (kind: LockoutKind): boolean => (counters[kind].lockedUntilMs ?? 0) > atMs
  const isFull = (kind: LockoutKind): boolean => counters[kind].failures >= FAILURES_MAX[kind]
  const isEvaluated =
    !isLockedOut('client_at_name') && (isKnown || !(isLockedOut('client') || isLockedOut('name')))
  if (isEvaluated && outcome !== 'wrong') return { passes: true }
  const counts: Readonly<Record<LockoutKind, boolean>> = {
    client: !isLockedOut('client'),
    name: isEvaluated && !isLockedOut('name') && (isFull('name') || !isFull('client_at_name')),
    client_at_name: isEvaluated,
  }
  const after = { ...counters }
  const started: StartedLockout[] = []
  for (const kind of LOCKOUT_KINDS.filter((candidate) => counts[candidate])) {
    const failures = counters[kind].failures + 1
    const durationMs = lockoutMsAfter(failures - FAILURES_MAX[kind])
    after[kind] = { failures, lockedUntilMs: durationMs > 0 ? atMs + durationMs : null }
    if (durationMs > 0) started.push({ kind, failures, durationMs })
  }
  return { passes: false, after, started }
}

/** Returns how long a lockout lasts after this many failures beyond the first that starts one. */
const lockoutMsAfter = (excess: number): number =>
  excess < 0 ? 0 : Math.min(LOCKOUT_MS_MIN * 2 ** excess, LOCKOUT_MS_MAX)
