import { MINUTE_MS, SECOND_MS } from './duration.ts'

/** The clocks of the service. Which one to use depends on what a clock jump must not cause. */
export type Clock = {
  /** Time of day by the gateway's clock, milliseconds since 1970. It may jump either way: for times
   * that people read, and never for expiry. */
  readonly wallMs: () => number
  /** Milliseconds since an arbitrary start; it never jumps. For durations and intervals. */
  readonly monotonicMs: () => number
  /** Time of day that never runs backwards, so that nothing that has expired becomes valid again.
   * For tokens, sessions and codes. */
  readonly nonDecreasingMs: () => number
  /** True if the time of day is that of a database server, which other replicas read too: theirs may be
   * `REPLICAS_APART_MS_MAX` apart. */
  readonly isShared?: boolean
}

/** How far apart the clocks of replicas are at most, which follow the clock of the same server. */
export const REPLICAS_APART_MS_MAX = SECOND_MS

/** 2026-01-01: a wall clock that shows an earlier time is wrong, since this program did not exist. A
 * Raspberry Pi without a network starts in 1970. */
export const EARLIEST_WALL_MS = Date.UTC(2026, 0, 1)

/** How far the wall clock may drift from the monotonic one between two readings. More is a jump. */
const DRIFT_MS_MAX = MINUTE_MS

/** How long the wall clock is not trusted after a jump. */
export const JUMP_DOUBT_MS = 10 * MINUTE_MS

type ClockPair = { readonly wallMs: number; readonly monotonicMs: number }

/** Returns a function that reads both clocks, and returns the reading before it and whether the wall clock has
 * jumped since. */
export const jumpWatch = (clock: Pick<Clock, 'wallMs' | 'monotonicMs'>) => {
  const read = (): ClockPair => ({ wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() })
  let last = read()
  return (): ClockPair & { readonly before: ClockPair; readonly hasJumped: boolean } => {
    const before = last
    last = read()
    const driftMs = last.wallMs - before.wallMs - (last.monotonicMs - before.monotonicMs)
    return { ...last, before, hasJumped: Math.abs(driftMs) > DRIFT_MS_MAX }
  }
}

type Sources = Partial<Pick<Clock, 'wallMs' | 'monotonicMs' | 'isShared'>>

/** Creates the clocks of a process, by default from the system's. */
export const clockFrom = ({
  wallMs = Date.now,
  monotonicMs = () => performance.now(),
  isShared = false,
}: Sources = {}): Clock => ({
  isShared,
  wallMs,
  monotonicMs,
  nonDecreasingMs: nonDecreasingClock(wallMs, monotonicMs),
})

/** A clock that follows the time of day forward and, when that is set back, continues by the
 * monotonic clock. */
const nonDecreasingClock = (wallMs: () => number, monotonicMs: () => number): (() => number) => {
  let last = { wall: wallMs(), monotonic: monotonicMs() }
  return () => {
    const monotonic = monotonicMs()
    const wall = Math.max(wallMs(), last.wall + (monotonic - last.monotonic))
    last = { wall, monotonic }
    return Math.floor(wall)
  }
}

/** A clock that continues from `startMs` by the monotonic clock alone, so that it ignores jumps of
 * the time of day. */
export const monotonicEpochClock = (
  startMs: number,
  monotonicMs: () => number = () => performance.now(),
): (() => number) => {
  const startedAt = monotonicMs()
  return () => Math.floor(startMs + (monotonicMs() - startedAt))
}
