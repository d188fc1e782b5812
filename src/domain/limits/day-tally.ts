import { HOUR_MS } from '../duration.ts'

/** Events, and the bytes that they take in the database. */
export type Amount = { readonly events: number; readonly bytes: number }

/** What happened in the last 24 hours, by hours of the monotonic clock. It has 25 at most. */
export type DayTally = Map<number, Amount>

const HOURS = 24

export const hourOf = (monotonicMs: number): number => Math.floor(monotonicMs / HOUR_MS)

const NOTHING: Amount = { events: 0, bytes: 0 }

/** Adds an amount to an hour; negative to take it back. */
export const addTo = (tally: DayTally, hour: number, { events, bytes }: Amount): void => {
  for (const old of tally.keys()) if (old < hour - HOURS) tally.delete(old)
  const known = tally.get(hour) ?? NOTHING
  tally.set(hour, { events: known.events + events, bytes: known.bytes + bytes })
}

/** Returns how long a tally leaves no room for another event: 0 if it does now. Each hour leaves the
 * tally a day after its end. */
export const dayFullForMs = (tally: DayTally, quota: Amount, nowMs: number): number => {
  const from = hourOf(nowMs) - HOURS
  let [events, bytes] = [0, 0]
  for (const [hour, amount] of tally) {
    if (hour < from) continue
    events += amount.events
    bytes += amount.bytes
  }
  if (events < quota.events && bytes < quota.bytes) return 0
  const hours = [...tally]
    .filter(([hour]) => hour >= from)
    .toSorted(([one], [other]) => one - other)
  let roomAtMs = nowMs
  for (const [hour, amount] of hours) {
    if (events < quota.events && bytes < quota.bytes) break
    events -= amount.events
    bytes -= amount.bytes
    roomAtMs = (hour + HOURS + 1) * HOUR_MS
  }
  return roomAtMs - nowMs
}
