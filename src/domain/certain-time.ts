import { type Clock, EARLIEST_WALL_MS } from './clock.ts'
import { MINUTE_MS } from './duration.ts'

type Options = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** The newest certain time on record, or 0 if there is none. */
  readonly newestMs: number
}

/** How far the wall clock may drift from the monotonic one between two readings. More is a jump. */
const DRIFT_MS_MAX = MINUTE_MS

/** How long the wall clock is not trusted after a jump. */
const DOUBT_MS = 10 * MINUTE_MS

/** Returns a clock that is never ahead of the wall clock's last trusted reading plus the time that has passed
 * since, so it ends nobody's access too early. The wall clock is not trusted before 2026, while it is behind
 * this clock, and for ten minutes after a jump; meanwhile, this clock continues from the newest certain time
 * by the monotonic clock. It never runs backwards. */
export const certainTime = ({ clock, newestMs }: Options): (() => number) => {
  const read = () => ({ wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() })
  let last = read()
  let certain = { wallMs: newestMs, monotonicMs: last.monotonicMs }
  let doubtedUntil = -Infinity
  return () => {
    const now = read()
    const leastMs = certain.wallMs + (now.monotonicMs - certain.monotonicMs)
    const driftMs = now.wallMs - last.wallMs - (now.monotonicMs - last.monotonicMs)
    const wasWrong = last.wallMs < EARLIEST_WALL_MS || last.wallMs < newestMs
    // A clock that was plainly wrong is being corrected.
    if (Math.abs(driftMs) > DRIFT_MS_MAX && !wasWrong) doubtedUntil = now.monotonicMs + DOUBT_MS
    last = now
    const isDoubted = now.wallMs < EARLIEST_WALL_MS || now.monotonicMs < doubtedUntil
    certain = {
      wallMs: isDoubted ? leastMs : Math.max(now.wallMs, leastMs),
      monotonicMs: now.monotonicMs,
    }
    return Math.floor(certain.wallMs)
  }
}
