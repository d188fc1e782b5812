import { DECISION_REASONS, type DecisionReason, type LockState } from '../../domain/access.ts'
import type { Role } from '../../domain/account.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Grant, Home } from './grant.ts'
import { isOpenAt } from './window.ts'

/** An attempt to open a lock: everything that the decision depends on. */
export type Asking = {
  readonly lock: {
    readonly state: LockState
    /** The lockdowns of the lock and of the home that have begun and that nobody has ended. */
    readonly lockdowns: readonly { readonly untilMs: number | null }[]
  }
  readonly holder: {
    readonly role: Role
    readonly isDisabled: boolean
    readonly isAdmitted: boolean
    /** The time from which it is treated as disabled; null for never. */
    readonly endsAtMs: number | null
  }
  /** The grants of the holder and of its roles for this lock. */
  readonly grants: readonly Grant[]
  readonly home: Home
  readonly nowMs: number
  readonly isClockDoubted: boolean
  readonly isHome: boolean | 'unknown'
  /** Session and lock: the same one within two minutes is the same visit. */
  readonly visitor: string
  /** Only for guests. */
  readonly guest?: GuestAsking | undefined
}

/** What the decision on a guest depends on besides the grant of the pass. */
type GuestAsking = {
  /** Why the guest's device is refused, whatever the grant says; undefined if it is not. */
  readonly deviceStop?: DecisionReason | undefined
  /** The account that invited the guest, who may open nothing that it may not open; undefined for the command line,
   * which has no limit. */
  readonly host: Host | undefined
}

export type Host = {
  /** False if it may no longer invite guests. */
  readonly mayInvite: boolean
  /** The time from which it is treated as disabled; null for never. */
  readonly endsAtMs: number | null
  /** The grants for the lock that it may share: those without counted uses. Undefined if it may give access to
   * everything. */
  readonly grants: readonly Grant[] | undefined
}

/** A visit that is counted: the use of a grant. */
type Use = { readonly number: number; readonly max: number; readonly isNew: boolean }

export type Decision =
  | {
      readonly decision: 'permitted'
      readonly reason: null
      readonly grantId: string
      readonly use: Use | null
    }
  | {
      readonly decision: 'denied'
      readonly reason: DecisionReason
      readonly grantId: null
      readonly use: null
    }

/** Decides whether a lock opens. If no grant opens it, the reason is that of the grant that came furthest
 * through the checks. */
export const decide = (asking: Asking): Decision => {
  const barred = barOf(asking)
  if (barred) return denied(barred)
  const stops = asking.grants.map((grant) => [grant, stopOf(grant, asking)] as const)
  const [grant] = stops
    .flatMap(([candidate, stop]) => (stop === undefined ? [candidate] : []))
    .toSorted((left, right) => byChoice(left, right, asking))
  if (grant)
    return { decision: 'permitted', reason: null, grantId: grant.id, use: useOf(grant, asking) }
  const reasons = new Set(stops.map(([, stop]) => stop))
  return denied(DECISION_REASONS.findLast((reason) => reasons.has(reason)) ?? 'no_grant')
}

const denied = (reason: DecisionReason): Decision => ({
  decision: 'denied',
  reason,
  grantId: null,
  use: null,
})

/** Returns what keeps the holder out whatever the grants say, or undefined. A guest learns nothing about the state of
 * doors that the pass is not for. */
export const barOf = ({
  lock,
  holder,
  grants,
  nowMs,
  isClockDoubted,
  guest,
}: Asking): DecisionReason | undefined => {
  const isOver = ({ untilMs }: { readonly untilMs: number | null }) =>
    untilMs !== null && !isClockDoubted && nowMs >= untilMs
  if (guest && grants.length === 0) return 'no_grant'
  if (lock.state !== 'enabled') return 'lock_disabled'
  if (holder.isDisabled || isOver({ untilMs: holder.endsAtMs })) return 'holder_disabled'
  if (!holder.isAdmitted) return 'not_admitted'
  if (holder.role !== 'owner' && !lock.lockdowns.every(isOver)) return 'lockdown'
  return guest?.deviceStop
}

/** Returns the check that stops a grant, or undefined if it opens the lock. The checks come in the order of
 * DECISION_REASONS. */
export const stopOf = (grant: Grant, asking: Asking): DecisionReason | undefined => {
  const { nowMs, isClockDoubted, isHome } = asking
  const host = asking.guest?.host
  if (grant.revokedAtMs !== null) return 'revoked'
  if (grant.suspendedAtMs !== null || (host && isUnfit(host, asking))) return 'suspended'
  if (isClockDoubted && (isTimed(grant) || (host ?? asking.holder).endsAtMs !== null))
    return 'clock_uncertain'
  if (grant.endsAtMs !== null && nowMs >= grant.endsAtMs) return 'expired'
  if (grant.startsAtMs !== null && nowMs < grant.startsAtMs) return 'not_yet_valid'
  if (!isOpenAt(grant.terms, asking.home, nowMs)) return closedBy(grant, asking)
  if (grant.terms.homeNetwork && isHome !== true) return 'not_on_home_network'
  if (isSpent(grant) && !isSameVisit(grant, asking)) return 'uses_spent'
  return host?.grants && !sharedStops(host, asking).includes(undefined) ? 'suspended' : undefined
}

/** Returns whether a host can no longer open the lock to a guest at any time. */
export const isUnfit = (host: Host, asking: Asking): boolean =>
  !host.mayInvite ||
  (host.endsAtMs !== null && !asking.isClockDoubted && asking.nowMs >= host.endsAtMs) ||
  (host.grants !== undefined && sharedStops(host, asking).every((stop) => OVER.has(stop)))

/** Returns the check that stops each grant that a host shares. */
const sharedStops = (host: Host, asking: Asking) => {
  const asHost = {
    ...asking,
    guest: undefined,
    holder: { ...asking.holder, endsAtMs: host.endsAtMs },
  }
  return (host.grants ?? []).map((grant) => stopOf(grant, asHost))
}

/** The checks that a grant never passes later. */
const OVER: ReadonlySet<DecisionReason | undefined> = new Set<DecisionReason>([
  'revoked',
  'suspended',
  'expired',
])

/** Returns whether a grant depends on the time. */
const isTimed = ({ startsAtMs, endsAtMs, terms }: Grant): boolean =>
  startsAtMs !== null ||
  endsAtMs !== null ||
  terms.windows !== undefined ||
  terms.holidays !== 'ignore'

/** A grant is closed on a holiday if it would be open on any other such day. */
const closedBy = ({ terms }: Grant, { home, nowMs }: Asking): DecisionReason =>
  terms.holidays !== 'ignore' && isOpenAt({ ...terms, holidays: 'ignore' }, home, nowMs)
    ? 'closed_on_holiday'
    : 'outside_schedule'

export const isSpent = ({ uses, usesMax }: Grant): boolean => usesMax !== null && uses >= usesMax

/** How long further attempts of a visit belong to its use, however often it tries. */
const VISIT_MS = 2 * MINUTE_MS

/** How far the second of two attempts may appear to be before the first, because a time server set the clock
 * back or because one request overtook the other. */
const OVERTAKEN_MS = 3000

const isSameVisit = ({ usedAtMs, usedBy }: Grant, { nowMs, visitor }: Asking): boolean =>
  usedBy === visitor &&
  usedAtMs !== null &&
  usedAtMs - OVERTAKEN_MS <= nowMs &&
  nowMs < usedAtMs + VISIT_MS

const useOf = (grant: Grant, asking: Asking): Use | null => {
  if (grant.usesMax === null) return null
  const isNew = !isSameVisit(grant, asking)
  return { number: grant.uses + (isNew ? 1 : 0), max: grant.usesMax, isNew }
}

/** Unlimited ones come first, then those whose use is counted already, then those to be counted; of these
 * the one that ends first, then the older one. */
const byChoice = (left: Grant, right: Grant, asking: Asking): number =>
  costOf(left, asking) - costOf(right, asking) ||
  (left.endsAtMs ?? NEVER) - (right.endsAtMs ?? NEVER) ||
  (left.id < right.id ? -1 : 1)

const NEVER = Number.MAX_SAFE_INTEGER

const costOf = (grant: Grant, asking: Asking): number => {
  const use = useOf(grant, asking)
  if (use === null) return 0
  return use.isNew ? 2 : 1
}

/** Returns a grant after a decision that it permitted. */
export const afterDecision = (grant: Grant, { use }: Decision, { nowMs, visitor }: Asking): Grant =>
  use?.isNew ? { ...grant, uses: use.number, usedAtMs: nowMs, usedBy: visitor } : grant
