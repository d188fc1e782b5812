import {
  type Clock,
  EARLIEST_WALL_MS,
  JUMP_DOUBT_MS,
  REPLICAS_APART_MS_MAX,
  jumpWatch,
} from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'

/** The time at which an event is received (`nowMs`), whether it is uncertain, and the newest certain time so
 * far, which is never later. */
export type ClockReading = {
  readonly nowMs: number
  readonly isUncertain: boolean
  readonly newestMs: number
}

type Options = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** The newest certain time in the log, or 0 if there is none. */
  readonly newestMs: number
}

/** How far ahead of the newest event the clock is trusted at the start or after a jump. A clock that
 * is wrong by more would end the retention of years of events at once. */
const AHEAD_MS_MAX = 7 * DAY_MS

/** How long a clock further ahead must run without a jump to be trusted: long enough for a time
 * server or a person to set it right, and short enough for a gateway that restarts every night. */
const AHEAD_DOUBT_MS = 12 * HOUR_MS

/** Returns a wall clock that knows when not to be trusted: before 2026, behind the newest event, far
 * ahead of it, or just after a jump. It never returns a time before one that was certain: while the wall
 * clock is behind the newest certain time of the log, it stands at that time, uncertain. A doubted time may
 * be later than those after it: a wall clock that is ahead is read as it is, because a clock that stood at
 * a wrong year until it is over would date no event for a year. `readingAfter` says what a log of several
 * replicas does. The clock never decides the order of events: sequence numbers do. */
export const unlockLogClock = ({ clock, newestMs }: Options): (() => ClockReading) => {
  const read = jumpWatch(clock)
  let newest = newestMs
  const isFarAhead = (wallMs: number) => newest > 0 && wallMs - newest > AHEAD_MS_MAX
  let uncertainUntil = isFarAhead(clock.wallMs()) ? clock.monotonicMs() + AHEAD_DOUBT_MS : -Infinity
  return () => {
    const { wallMs, monotonicMs, before, hasJumped } = read()
    const wasPlausible = before.wallMs >= EARLIEST_WALL_MS && before.wallMs >= newest
    if (hasJumped) {
      if (isFarAhead(wallMs)) uncertainUntil = monotonicMs + AHEAD_DOUBT_MS
      else if (wasPlausible) uncertainUntil = monotonicMs + JUMP_DOUBT_MS
    }
    const isUncertain = wallMs < EARLIEST_WALL_MS || wallMs < newest || monotonicMs < uncertainUntil
    if (!isUncertain) newest = wallMs
    return { nowMs: Math.max(wallMs, newest), isUncertain, newestMs: newest }
  }
}

/** What the log says about time. */
export type Logged = {
  /** The newest certain time, which another process may have recorded. */
  readonly certainMs: number
  /** The time of the last leaf, certain or not, in a log of several replicas. No time before it is recorded there. */
  readonly lastMs?: number | undefined
}

/** Returns the reading to record after what is in the log. */
export const readingAfter = (
  reading: ClockReading,
  { certainMs, lastMs }: Logged,
): ClockReading => {
  const nowMs = Math.max(reading.nowMs, certainMs, lastMs ?? 0)
  const behindMs = nowMs - reading.nowMs
  const isUncertain =
    reading.isUncertain || behindMs > (lastMs === undefined ? 0 : REPLICAS_APART_MS_MAX)
  const newestMs = Math.max(reading.newestMs, certainMs)
  return { nowMs, isUncertain, newestMs: isUncertain ? newestMs : nowMs }
}
