import {
  type Clock,
  EARLIEST_WALL_MS,
  JUMP_DOUBT_MS,
  REPLICAS_APART_MS_MAX,
  jumpWatch,
} from '../../domain/clock.ts'

type Options = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs' | 'isShared'>
  /** Whether the kernel says that a time server disciplines the clock; undefined if it cannot be asked. */
  readonly isClockSynchronised: () => boolean | undefined
}

/** Returns a function that returns whether decisions must distrust the clock: before 2026, behind the newest
 * certain event of the log, or for ten minutes after a jump, unless the kernel says that it is synchronised.
 * Unlike the log, decisions trust a clock that is far ahead of the newest event: a flat that nobody entered
 * for eight days must not shut its guest out. */
export const decisionClock = ({
  clock,
  isClockSynchronised,
}: Options): ((newestCertainMs: number) => boolean) => {
  const read = jumpWatch(clock)
  let doubtedUntil = -Infinity
  return (newestCertainMs) => {
    const { wallMs, monotonicMs, hasJumped } = read()
    if (hasJumped) doubtedUntil = monotonicMs + JUMP_DOUBT_MS
    if (wallMs < EARLIEST_WALL_MS) return true
    const behindMs = newestCertainMs - wallMs
    const isBehind = behindMs > (clock.isShared ? REPLICAS_APART_MS_MAX : 0)
    const isDoubtful = isBehind || monotonicMs < doubtedUntil
    return isDoubtful && isClockSynchronised() !== true
  }
}
