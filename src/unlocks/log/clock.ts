import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../domain/duration.ts'

/** What the clock of the day said when an event was received, and whether to believe it. */
export type ClockReading = { readonly nowMs: number; readonly isUncertain: boolean }

type Options = {
  /** The clock of the day, milliseconds since 1970. */
  readonly now: () => number
  /** A clock that only runs forward, milliseconds. */
  readonly monotonic?: () => number
  /** The newest time in the log that was not doubted; 0 where there is none. */
  readonly newestMs: number
}

/** No gateway runs this program before it was written: 2026-01-01. A Raspberry Pi without network
 * may believe that it does. */
const EARLIEST_MS = Date.UTC(2026, 0, 1)

/** How far the clock of the day may part from the monotonic one between two events. */
const DRIFT_MS_MAX = MINUTE_MS

/** How long after a jump the clock is doubted. */
const DOUBT_MS = 10 * MINUTE_MS

/** How far ahead of the newest event a clock is believed as it is found, at the start or after a
 * jump. One that is wrong by more would end the keeping of names for years of events at once. */
const AHEAD_MS_MAX = 7 * DAY_MS

/** How long a clock further ahead must run on without a jump to be believed: time for a time server
 * or a person to set it right, and less than a gateway runs that is restarted every night. */
const AHEAD_DOUBT_MS = 12 * HOUR_MS

/** Gives a clock that knows when not to be trusted: before 2026, behind the newest event, far ahead
 * of it, or just after a jump. Times that are not doubted never run backwards from one event to the
 * next. Order is never its business: that is the sequence number's. */
export const unlockLogClock = ({
  now,
  monotonic = () => performance.now(),
  newestMs,
}: Options): (() => ClockReading) => {
  let newest = newestMs
  let last = { day: now(), steady: monotonic() }
  const isFarAhead = (day: number) => newest > 0 && day - newest > AHEAD_MS_MAX
  let doubtedUntil = isFarAhead(last.day) ? last.steady + AHEAD_DOUBT_MS : -Infinity
  return () => {
    const [day, steady] = [now(), monotonic()]
    const parted = Math.abs(day - last.day - (steady - last.steady))
    const wasPlausible = last.day >= EARLIEST_MS && last.day >= newest
    if (parted > DRIFT_MS_MAX) {
      if (isFarAhead(day)) doubtedUntil = steady + AHEAD_DOUBT_MS
      else if (wasPlausible) doubtedUntil = steady + DOUBT_MS
    }
    last = { day, steady }
    const isUncertain = day < EARLIEST_MS || day < newest || steady < doubtedUntil
    if (!isUncertain) newest = day
    return { nowMs: day, isUncertain }
  }
}
