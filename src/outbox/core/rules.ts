import { isWithinHours } from '../../domain/calendar/hours.ts'
import type { AppendedEvent, HomeEventKind, Rule } from '../../domain/home-event.ts'

/** Reasons of denials that are not about a lock: a refused login, and lost unlocks. */
const NOT_AT_A_LOCK = new Set<string | null>(['too_many_attempts', 'unlocks_lost'])

type AtLockKind = 'unlocked' | 'denied' | 'guest.opened'

/** Returns the kind of event that targets receive for an appended one, or undefined if they receive none: for a
 * permission, since the door may have stayed shut, unless it is a guest’s; and for what is not about a lock. A lock that
 * was released counts as opened. */
export const homeEventOf = ({
  result,
  reason,
  passId,
}: Pick<AppendedEvent, 'result' | 'reason' | 'passId'>): AtLockKind | undefined => {
  if (NOT_AT_A_LOCK.has(reason)) return undefined
  switch (result) {
    case 'permitted':
      return passId === undefined ? undefined : 'guest.opened'
    case 'unlocked':
    case 'released':
      return 'unlocked'
    case 'denied':
      return 'denied'
    default:
      return undefined
  }
}

/** A target with its rules. */
export type Listener = {
  readonly id: string
  /** The public id of the account that owns it and receives only events of its own and its guests; null for a target
   * of the home. */
  readonly accountPublicId: string | null
  readonly rules: readonly Rule[]
}

type AtLock = Pick<AppendedEvent, 'lock' | 'accountPublicId' | 'happenedAtMs'>

/** Returns whether the rules of a target match an event at a lock. Hours are local to the home’s `zone`, at the time of
 * the event. `host` is the account that invited the guest, if it was one. */
export const wantsEvent = (
  listener: Listener,
  {
    on,
    host,
    ...event
  }: AtLock & { readonly on: HomeEventKind; readonly host?: string | undefined },
  zone: () => string,
): boolean => {
  const { accountPublicId: owner, rules } = listener
  if (owner !== null && owner !== (on === 'guest.opened' ? host : event.accountPublicId))
    return false
  return rules.some(
    (rule) =>
      rule.on === on &&
      (rule.locks?.includes(event.lock) ?? true) &&
      (rule.people?.includes(event.accountPublicId) ?? true) &&
      isWithinHours(rule.hours, event.happenedAtMs, zone),
  )
}

/** Returns whether the rules of a target match an event that concerns the whole home or, for the target of a host, one
 * of their guests. */
export const wantsNews = (
  { accountPublicId, rules }: Listener,
  {
    on,
    host,
    atMs,
  }: { readonly on: HomeEventKind; readonly host?: string | undefined; readonly atMs: number },
  zone: () => string,
): boolean =>
  (accountPublicId === null || accountPublicId === host) &&
  rules.some((rule) => rule.on === on && isWithinHours(rule.hours, atMs, zone))

/** Returns stored rules. One that cannot be read, as after damage to the file, wants nothing: no unlock fails because
 * of a target. */
export const rulesOf = (text: string): readonly Rule[] => {
  const rules = storedJson(text)
  return Array.isArray(rules) ? rules.filter((rule) => isRule(rule)) : []
}

const isRule = (rule: unknown): rule is Rule => {
  if (typeof rule !== 'object' || rule === null) return false
  const { locks = [], people = [] } = rule as Readonly<Record<string, unknown>>
  return Array.isArray(locks) && Array.isArray(people)
}

/** Returns the value of stored JSON, or undefined if it cannot be read. */
export const storedJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
