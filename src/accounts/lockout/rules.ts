import { HOUR_MS } from '../../domain/duration.ts'

/** Whom failed logins count against: a client over all names, a name over all clients, and a client
 * at one name. */
export const LOCKOUT_KINDS = ['client', 'name', 'client_at_name'] as const
export type LockoutKind = (typeof LOCKOUT_KINDS)[number]

/** Failures since the last success, and until when further attempts are refused. */
export type Counter = { readonly failures: number; readonly lockedUntilMs: number | null }

export type Counters = Readonly<Record<LockoutKind, Counter>>

/** How an attempt turned out: `unfinished` is a right password to which a second factor is missing. */
export type Outcome = 'right' | 'unfinished' | 'wrong'

type Attempt = {
  readonly outcome: Outcome
  readonly counters: Counters
  /** The client has signed in to this account before. */
  readonly isKnown: boolean
  readonly atMs: number
}

/** Whether an attempt passes; where it is refused, what that leaves behind and which waits it began. */
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

/** Consecutive failures until there are waits; 100 an account is NIST SP 800-63B-4 section 3.2.2. */
const FAILURES_MAX: Readonly<Record<LockoutKind, number>> = {
  client: 100,
  name: 100,
  client_at_name: 10,
}

const LOCKOUT_MS_MIN = 30_000
const LOCKOUT_MS_MAX = HOUR_MS

/** Forgotten failures, or none yet. */
export const NO_FAILURES: Counter = { failures: 0, lockedUntilMs: null }

/** Decides whether an attempt passes, and what it leaves behind where it does not.
 *
 * A known client waits for its own failures at the name alone, so that no stranger keeps it out. A
 * client counts at the name only until its own waits begin there, so that one stranger alone never
 * makes the others wait. What is refused in a wait says nothing to the keys, so it counts against
 * the client alone and makes no wait longer. */
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
  for (const kind of LOCKOUT_KINDS.filter((one) => counts[one])) {
    const failures = counters[kind].failures + 1
    const durationMs = lockoutMsAfter(failures - FAILURES_MAX[kind])
    after[kind] = { failures, lockedUntilMs: durationMs > 0 ? atMs + durationMs : null }
    if (durationMs > 0) started.push({ kind, failures, durationMs })
  }
  return { passes: false, after, started }
}

/** How long to wait after so many failures more than are free of it. */
const lockoutMsAfter = (excess: number): number =>
  excess < 0 ? 0 : Math.min(LOCKOUT_MS_MIN * 2 ** excess, LOCKOUT_MS_MAX)
