import type { AuditEvent, Actor } from '../domain/audit-event.ts'
import { BoundedMap } from '../domain/bounded-map.ts'
import type { Clock } from '../domain/clock.ts'
import { type DayTally, addTo, dayFullForMs, hourOf } from '../domain/limits/day-tally.ts'
import { clientKey } from '../http/request/client-address.ts'

/** Failures in 24 hours that have an audit event each; the rest of a day shares one a minute. More than
 * anyone mistypes, and a flood takes 25 KB a day and client. */
const FAILURES_MAX = 100

/** Beyond that, the first failure of a kind and of whom it was against still has its own, as often as
 * this: a flood of one must not hide another. */
const KINDS_MAX = 100

const CLIENTS_MAX = 10_000

/** Returns whether a failure may have an audit event of its own, and counts it: by account or, without
 * one, by client. Successes always may. */
export const strangerDays = ({ monotonicMs }: Pick<Clock, 'monotonicMs'>) => {
  const [days, kinds] = [dayCounter(monotonicMs), dayCounter(monotonicMs)]
  const seen = dayCounter(monotonicMs)
  return ({ account, address }: Actor, { action, result, subject = '' }: AuditEvent): boolean => {
    if (result === 'success') return true
    const key = account?.publicId ?? clientKey(address)
    const kind = `${key} ${action} ${subject}`
    if (days.count(key, FAILURES_MAX)) {
      seen.count(kind, 1)
      return true
    }
    return !seen.isFull(kind, 1) && kinds.count(key, KINDS_MAX) && seen.count(kind, 1)
  }
}

/** Counts by key what happens in 24 hours. */
const dayCounter = (monotonicMs: () => number) => {
  const days = new BoundedMap<string, DayTally>(CLIENTS_MAX)
  const isFull = (key: string, max: number): boolean => {
    const day = days.get(key)
    return (
      day !== undefined && dayFullForMs(day, { events: max, bytes: Infinity }, monotonicMs()) > 0
    )
  }
  return {
    isFull,

    /** Returns false, and counts nothing, if there were as many as `max`. */
    count: (key: string, max: number): boolean => {
      if (isFull(key, max)) return false
      const day = days.get(key) ?? new Map()
      days.set(key, day)
      addTo(day, hourOf(monotonicMs()), { events: 1, bytes: 0 })
      return true
    },
  }
}
