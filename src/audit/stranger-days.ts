import type { AuditEvent, Actor } from '../domain/audit-event.ts'
import { BoundedMap } from '../domain/bounded-map.ts'
import type { Clock } from '../domain/clock.ts'
import { type DayTally, addTo, dayFullForMs, hourOf } from '../domain/day-tally.ts'
import { clientKey } from '../http/request/client-address.ts'

/** Failures in 24 hours that have an audit event each; the rest of a day shares one a minute. More than
 * anyone mistypes, and a flood takes 25 KB a day and client. */
const FAILURES_MAX = 100

const CLIENTS_MAX = 10_000

/** Returns whether a failure may have an audit event of its own, and counts it: by account or, without
 * one, by client. Successes always may. */
export const strangerDays = ({ monotonicMs }: Pick<Clock, 'monotonicMs'>) => {
  const days = new BoundedMap<string, DayTally>(CLIENTS_MAX)
  return ({ account, address }: Actor, { result }: AuditEvent): boolean => {
    if (result === 'success') return true
    const key = account?.publicId ?? clientKey(address)
    const day = days.get(key) ?? new Map()
    days.set(key, day)
    const nowMs = monotonicMs()
    if (dayFullForMs(day, { events: FAILURES_MAX, bytes: Infinity }, nowMs) > 0) return false
    addTo(day, hourOf(nowMs), { events: 1, bytes: 0 })
    return true
  }
}
