/** What the clock of the day said when an event was received, and whether to believe it. */
export type Reading = { readonly nowMs: number; readonly isUncertain: boolean }

type Options = {
  /** The clock of the day, milliseconds since 1970. */
  readonly now: () => number
  /** A clock that only runs forward, milliseconds. */
  readonly monotonic?: () => number
  /** The newest time that the log holds. */
  readonly newestMs: number
}

/** No gateway runs this program before it was written: 2026-01-01. A Raspberry Pi without network
 * may believe that it does. */
const EARLIEST_MS = Date.UTC(2026, 0, 1)

/** How far the clock of the day may part from the monotonic one between two events. */
const DRIFT_MS_MAX = 60_000

/** How long after a jump the clock is doubted. */
const DOUBT_MS = 10 * 60_000

/** Gives a clock that knows when not to be trusted: before 2026, behind the newest event, or just
 * after a jump. Order is never its business: that is the sequence number's. */
export const logClock = ({
  now,
  monotonic = () => performance.now(),
  newestMs,
}: Options): (() => Reading) => {
  let newest = newestMs
  let last = { day: now(), steady: monotonic() }
  let doubtedUntil = -Infinity
  return () => {
    const [day, steady] = [now(), monotonic()]
    const parted = Math.abs(day - last.day - (steady - last.steady))
    const wasPlausible = last.day >= EARLIEST_MS && last.day >= newest
    if (parted > DRIFT_MS_MAX && wasPlausible) doubtedUntil = steady + DOUBT_MS
    last = { day, steady }
    const isUncertain = day < EARLIEST_MS || day < newest || steady < doubtedUntil
    newest = Math.max(newest, day)
    return { nowMs: day, isUncertain }
  }
}
