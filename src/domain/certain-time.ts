import { type Clock, EARLIEST_WALL_MS, JUMP_DOUBT_MS, jumpWatch } from './clock.ts'

type Options = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** The newest certain time on record, or 0 if there is none. */
  readonly newestMs: number
}

/** Returns a clock that is never ahead of the wall clock's last trusted reading plus the time that has passed
 * since, so it ends nobody's access too early. The wall clock is not trusted before 2026, while it is behind
 * this clock, and for ten minutes after a jump; meanwhile, this clock continues from the newest certain time
 * by the monotonic clock. It never runs backwards. */
export const certainTime = ({ clock, newestMs }: Options): (() => number) => {
  const read = jumpWatch(clock)
  let certain = { wallMs: newestMs, monotonicMs: clock.monotonicMs() }
  let doubtedUntil = -Infinity
  return () => {
    const { wallMs, monotonicMs, before, hasJumped } = read()
    const leastMs = certain.wallMs + (monotonicMs - certain.monotonicMs)
    // A clock that was plainly wrong is being corrected.
    const wasWrong = before.wallMs < EARLIEST_WALL_MS || before.wallMs < newestMs
    if (hasJumped && !wasWrong) doubtedUntil = monotonicMs + JUMP_DOUBT_MS
    const isDoubted = wallMs < EARLIEST_WALL_MS || monotonicMs < doubtedUntil
    certain = { wallMs: isDoubted ? leastMs : Math.max(wallMs, leastMs), monotonicMs }
    return Math.floor(certain.wallMs)
  }
}
