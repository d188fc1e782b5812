import { type Clock, EARLIEST_WALL_MS } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../domain/duration.ts'

/** The time at which an event is received (`nowMs`), whether it is uncertain, in particular because the wall
 * clock is behind the newest certain time so far, and that time, which is never later. */
export type ClockReading = {
  readonly nowMs: number
  readonly isUncertain: boolean
  readonly isBehind: boolean
  readonly newestMs: number
}

type Options = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** The newest certain time in the log, or 0 if there is none. */
  readonly newestMs: number
}

/** How far the wall clock may drift from the monotonic one between two events. More is a jump. */
const DRIFT_MS_MAX = MINUTE_MS

/** How long the clock is uncertain after a jump. */
const DOUBT_MS = 10 * MINUTE_MS

/** How far ahead of the newest event the clock is trusted at the start or after a jump. A clock that
 * is wrong by more would end the retention of years of events at once. */
const AHEAD_MS_MAX = 7 * DAY_MS

/** How long a clock further ahead must run without a jump to be trusted: long enough for a time
 * server or a person to set it right, and short enough for a gateway that restarts every night. */
const AHEAD_DOUBT_MS = 12 * HOUR_MS

/** Returns a wall clock that knows when not to be trusted: before 2026, behind the newest event, far
 * ahead of it, or just after a jump. It never runs backwards: while the wall clock is behind the newest
 * certain time of the log, it stands at that time, uncertain. A wall clock that is ahead is read as it
 * is, even if it is doubted: otherwise one wrong year would stop the clock of the log for a year. So only certain times never decrease from one event to the next. The
 * clock never decides the order of events: sequence numbers do. */
export const unlockLogClock = ({ clock, newestMs }: Options): (() => ClockReading) => {
  const read = () => ({ wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() })
  let newest = newestMs
  let last = read()
  const isFarAhead = (wallMs: number) => newest > 0 && wallMs - newest > AHEAD_MS_MAX
  let uncertainUntil = isFarAhead(last.wallMs) ? last.monotonicMs + AHEAD_DOUBT_MS : -Infinity
  return () => {
    const { wallMs, monotonicMs } = read()
    const driftMs = Math.abs(wallMs - last.wallMs - (monotonicMs - last.monotonicMs))
    const wasPlausible = last.wallMs >= EARLIEST_WALL_MS && last.wallMs >= newest
    if (driftMs > DRIFT_MS_MAX) {
      if (isFarAhead(wallMs)) uncertainUntil = monotonicMs + AHEAD_DOUBT_MS
      else if (wasPlausible) uncertainUntil = monotonicMs + DOUBT_MS
    }
    last = { wallMs, monotonicMs }
    const isBehind = wallMs < newest
    const isUncertain = wallMs < EARLIEST_WALL_MS || isBehind || monotonicMs < uncertainUntil
    if (!isUncertain) newest = wallMs
    return { nowMs: Math.max(wallMs, newest), isUncertain, isBehind, newestMs: newest }
  }
}

/** Returns the reading to record after the newest certain time in the log, which another process may have
 * recorded. */
export const readingAfter = (reading: ClockReading, loggedMs: number): ClockReading =>
  reading.nowMs >= loggedMs
    ? { ...reading, newestMs: Math.max(reading.newestMs, loggedMs) }
    : { nowMs: loggedMs, isUncertain: true, isBehind: true, newestMs: loggedMs }
