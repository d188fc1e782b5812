import { type Clock, EARLIEST_WALL_MS } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'

type Options = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** Whether the kernel says that a time server disciplines the clock; undefined if it cannot be asked. */
  readonly isClockSynchronised: () => boolean | undefined
}

/** How far the wall clock may drift from the monotonic one between two decisions. More is a jump. */
const DRIFT_MS_MAX = MINUTE_MS

/** How long the clock is not trusted after a jump. */
const DOUBT_MS = 10 * MINUTE_MS

/** Returns a function that returns whether decisions must distrust the clock: before 2026, behind the newest
 * certain event of the log, or for ten minutes after a jump, unless the kernel says that it is synchronised.
 * Unlike the log, decisions trust a clock that is far ahead of the newest event: a flat that nobody entered
 * for eight days must not shut its guest out. */
export const decisionClock = ({
  clock,
  isClockSynchronised,
}: Options): ((newestCertainMs: number) => boolean) => {
  const read = () => ({ wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() })
  let last = read()
  let doubtedUntil = -Infinity
  return (newestCertainMs) => {
    const { wallMs, monotonicMs } = read()
    const driftMs = wallMs - last.wallMs - (monotonicMs - last.monotonicMs)
    if (Math.abs(driftMs) > DRIFT_MS_MAX) doubtedUntil = monotonicMs + DOUBT_MS
    last = { wallMs, monotonicMs }
    if (wallMs < EARLIEST_WALL_MS) return true
    const isDoubtful = wallMs < newestCertainMs || monotonicMs < doubtedUntil
    return isDoubtful && isClockSynchronised() !== true
  }
}
