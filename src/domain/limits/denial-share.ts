import { BoundedMap } from '../bounded-map.ts'
import { type DayTally, addTo, dayFullForMs, hourOf } from './day-tally.ts'
import { MINUTE_MS } from '../duration.ts'

/** Keys whose last denial a share remembers; beyond that, the oldest is forgotten. */
const KEYS_MAX = 1000

/** How many denials of one key are recorded in 24 hours. */
const KEY_DAY_MAX = 100

/** How many denials each share records in 24 hours. People who were let in are unlimited, because admins choose
 * how many there are. Anyone can lock out a name, and a newcomer's attempts show only that somebody tries. */
export const DENIALS_A_DAY = { admitted: Infinity, lockouts: 5000, newcomers: 20 } as const

/** Bounds how many denials are recorded: one a minute and a hundred a day for each key, such as an account
 * and a reason, and `dayMax` a day in all. All by the monotonic clock. */
export const denialShare = (dayMax: number) => {
  const all: DayTally = new Map()
  const last = new BoundedMap<string, { readonly atMs: number; readonly by: string }>(KEYS_MAX)
  const days = new BoundedMap<string, DayTally>(KEYS_MAX)

  const isFull = (tally: DayTally, events: number, nowMs: number): boolean =>
    dayFullForMs(tally, { events, bytes: Infinity }, nowMs) > 0

  return {
    /** Counts a denial if there is room for it, and returns whether there was. A repeat `by` the same name has
     * room again, because the first may not have been recorded. */
    takes: (key: string, nowMs: number, by = Bun.randomUUIDv7()): boolean => {
      const known = last.get(key)
      if (known && nowMs - known.atMs < MINUTE_MS) return known.by === by
      const ofKey = days.get(key) ?? new Map()
      const hasRoom = !isFull(all, dayMax, nowMs) && !isFull(ofKey, KEY_DAY_MAX, nowMs)
      last.set(key, { atMs: nowMs, by: hasRoom ? by : '' })
      if (!hasRoom) return false
      days.set(key, ofKey)
      for (const tally of [all, ofKey]) addTo(tally, hourOf(nowMs), { events: 1, bytes: 0 })
      return true
    },
  }
}
