/** Whom failed logins count against: a client over all names, a name over all clients, and a client
 * at one name. */
export const KINDS = ['client', 'name', 'client_at_name'] as const
export type Kind = (typeof KINDS)[number]

/** Failures since the last success, and until when further attempts are refused. */
export type Counter = { readonly failures: number; readonly waitsUntilMs: number | null }

export type Counters = Readonly<Record<Kind, Counter>>

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
export type Judgement =
  | { readonly passes: true }
  | { readonly passes: false; readonly after: Counters; readonly begun: readonly Begun[] }

type Begun = { readonly kind: Kind; readonly failures: number; readonly waitMs: number }

/** Consecutive failures until there are waits; 100 an account is NIST SP 800-63B-4 section 3.2.2. */
const FAILURES_MAX: Readonly<Record<Kind, number>> = { client: 100, name: 100, client_at_name: 10 }

const WAIT_MS_MIN = 30_000
const WAIT_MS_MAX = 3_600_000

/** Forgotten failures, or none yet. */
export const UNCOUNTED: Counter = { failures: 0, waitsUntilMs: null }

/** Decides whether an attempt passes, and what it leaves behind where it does not.
 *
 * A known client waits for its own failures at the name alone, so that no stranger keeps it out. A
 * client counts at the name only until its own waits begin there, so that one stranger alone never
 * makes the others wait. What is refused in a wait says nothing to the guesser, so it counts against
 * the client alone and makes no wait longer. */
export const judged = ({ outcome, counters, isKnown, atMs }: Attempt): Judgement => {
  const waits = (kind: Kind): boolean => (counters[kind].waitsUntilMs ?? 0) > atMs
  const isFull = (kind: Kind): boolean => counters[kind].failures >= FAILURES_MAX[kind]
  const isHeard = !waits('client_at_name') && (isKnown || !(waits('client') || waits('name')))
  if (isHeard && outcome !== 'wrong') return { passes: true }
  const counts: Readonly<Record<Kind, boolean>> = {
    client: !waits('client'),
    name: isHeard && !waits('name') && (isFull('name') || !isFull('client_at_name')),
    client_at_name: isHeard,
  }
  const after = { ...counters }
  const begun: Begun[] = []
  for (const kind of KINDS.filter((one) => counts[one])) {
    const failures = counters[kind].failures + 1
    const waitMs = waitAfter(failures - FAILURES_MAX[kind])
    after[kind] = { failures, waitsUntilMs: waitMs > 0 ? atMs + waitMs : null }
    if (waitMs > 0) begun.push({ kind, failures, waitMs })
  }
  return { passes: false, after, begun }
}

/** How long to wait after so many failures more than are free of it. */
const waitAfter = (excess: number): number =>
  excess < 0 ? 0 : Math.min(WAIT_MS_MIN * 2 ** excess, WAIT_MS_MAX)
