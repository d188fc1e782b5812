import type { DecisionReason } from '../../domain/access.ts'
import { grantWords } from '../../domain/text/grant-words.ts'
import {
  type Asking,
  type Decision,
  type Host,
  barOf,
  decide,
  isSpent,
  isUnfit,
  stopOf,
} from './decide.ts'
import type { Grant, Interval } from './grant.ts'
import type { GrantTerms } from './terms.ts'
import { wallClockAt } from './wall-clock.ts'
import { nextOpening, nextOpenings } from './window.ts'

/** Why a lock opens, or does not, and when it will. */
type Explanation = {
  readonly decision: Decision
  readonly nextAtMs: number | null
  readonly grants: readonly {
    readonly id: string
    /** The check that stops it, or null if it opens the lock, for a holder who is not kept out. */
    readonly reason: DecisionReason | null
    /** Such as `Tue and Thu 09:00-13:00 · until 31 March`. */
    readonly words: string
    readonly occurs: readonly Interval[]
  }[]
}

/** Explains the decision at any instant, past or future, based on the grants as they are now: uses count as
 * they stand, and a grant that was revoked after that instant is not yet revoked. */
export const explain = (asking: Asking): Explanation => {
  const then = { ...asking, grants: asking.grants.map((grant) => grantAt(grant, asking.nowMs)) }
  return {
    decision: decide(then),
    nextAtMs: nextAt(then),
    grants: then.grants.map((grant) => ({
      id: grant.id,
      reason: stopOf(grant, then) ?? null,
      words: wordsOf(grant, then),
      occurs: occurrences(grant, then),
    })),
  }
}

const grantAt = (grant: Grant, ms: number): Grant =>
  grant.revokedAtMs !== null && grant.revokedAtMs > ms ? { ...grant, revokedAtMs: null } : grant

/** Returns the first instant at which a grant opens a lock that is shut now, within 370 days, or null if time
 * alone does not open it. After a lockdown that ends by itself, that is its end or later. */
export const nextAt = (asking: Asking): number | null => {
  const bar = barOf(asking)
  const fromMs = bar === 'lockdown' ? lockdownEnd(asking) : asking.nowMs
  if (asking.isClockDoubted || fromMs === null || (bar !== undefined && bar !== 'lockdown'))
    return null
  const stops = asking.grants.map((grant) => stopOf(grant, asking))
  if (bar === undefined && stops.includes(undefined)) return null
  const openings = asking.grants.flatMap((grant, index) => {
    if (isOver(grant) || (bar === undefined && !mayWait(stops[index], asking))) return []
    return openingOf(grant, asking, fromMs) ?? []
  })
  return openings.length > 0 ? Math.min(...openings) : null
}

/** Returns when the last lockdown ends, or null if somebody has to end it. */
const lockdownEnd = ({ lock }: Asking): number | null => {
  const ends = lock.lockdowns.map(({ untilMs }) => untilMs ?? Infinity)
  return Number.isFinite(Math.max(...ends)) ? Math.max(...ends) : null
}

/** The checks that a grant may pass later. */
const WAITING: ReadonlySet<DecisionReason | undefined> = new Set<DecisionReason>([
  'not_yet_valid',
  'closed_on_holiday',
  'outside_schedule',
])

/** Also a guest whose host may open the lock at other times. */
const mayWait = (stop: DecisionReason | undefined, asking: Asking): boolean => {
  const host = asking.guest?.host
  return WAITING.has(stop) || (stop === 'suspended' && host !== undefined && !isUnfit(host, asking))
}

const isOver = (grant: Grant): boolean =>
  grant.revokedAtMs !== null || grant.suspendedAtMs !== null || isSpent(grant)

/** Returns the first instant from `fromMs` on at which a grant opens; for a guest, one at which the host may open the
 * lock too. */
const openingOf = (grant: Grant, asking: Asking, fromMs: number): number | undefined => {
  const host = asking.guest?.host
  const first = nextOpening(whileHeld(grant, asking), asking.home, fromMs)
  return host?.grants ? commonOpening(grant, host, { ...asking, nowMs: first ?? fromMs }) : first
}

/** How often a guest's and a host's next openings may follow each other before one search gives up. */
const TURNS_MAX = 50

const commonOpening = (grant: Grant, host: Host, asking: Asking): number | undefined => {
  const { home } = asking
  const shared = (host.grants ?? []).filter((one) => !isOver(one))
  let atMs: number | undefined = asking.nowMs
  for (let turn = 0; atMs !== undefined && turn < TURNS_MAX; turn++) {
    const fromMs: number = atMs
    const own = nextOpening(whileHeld(grant, asking), home, fromMs)
    const hosts = shared.flatMap(
      (one) => nextOpening(whileHeld(one, { holder: host }), home, own ?? fromMs) ?? [],
    )
    if (own === undefined || hosts.length === 0) return undefined
    atMs = Math.min(...hosts)
    if (atMs === own) return atMs
  }
  return undefined
}

type Held = Pick<Asking, 'home' | 'nowMs'> & {
  readonly holder: Pick<Asking['holder'], 'endsAtMs'>
}

const whileHeld = (grant: Grant, { holder }: Pick<Held, 'holder'>): Grant => {
  const endsAtMs = Math.min(grant.endsAtMs ?? Infinity, holder.endsAtMs ?? Infinity)
  return { ...grant, endsAtMs: Number.isFinite(endsAtMs) ? endsAtMs : null }
}

/** Returns the next five openings of a grant, assuming that its holder stays: none once it is revoked or spent. */
export const occurrences = (grant: Grant, held: Held): readonly Interval[] =>
  isOver(grant) ? [] : nextOpenings(whileHeld(grant, held), held.home, held.nowMs)

/** Returns the terms of a grant in words, in local time of the home. */
export const wordsOf = (
  grant: GrantTerms,
  { home: { zone }, nowMs }: Pick<Held, 'home' | 'nowMs'>,
): string => {
  const { terms, startsAtMs, endsAtMs, usesMax } = grant
  const { windows = null, holidays, homeNetwork } = terms
  const local = (ms: number | null) => (ms === null ? null : localTimeIn(zone, ms))
  return grantWords(
    {
      windows,
      holidays,
      homeNetwork,
      usesMax,
      startsAt: local(startsAtMs),
      endsAt: local(endsAtMs),
    },
    localTimeIn(zone, nowMs),
  )
}

/** Returns the local time, such as `2027-03-31T13:00`. */
export const localTimeIn = (zone: string, ms: number): string =>
  new Date(wallClockAt(zone, ms)).toISOString().slice(0, 16)
