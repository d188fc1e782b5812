import type { RateWindow } from '../../config/parsers.ts'
import type { Windows } from '../../domain/limits/windows.ts'

/** Counts events in fixed windows, each with its own counts. A request is served as long as every window has room,
 * and then counts in full, so that a phone can send all it collected while it was offline in one request. */
export const eventWindows = (
  windows: readonly RateWindow[],
  openWindows: (windowMs: number) => Windows,
) => {
  const counters = windows.map((window) => ({ ...window, counts: openWindows(window.windowMs) }))

  /** Returns how long the fullest window stays full, or 0 if all have room. */
  const fullForMs = (key: string): number => {
    let waitMs = 0
    for (const { counts, max } of counters) {
      const window = counts.find(key)
      if (window && window.count >= max) waitMs = Math.max(waitMs, window.endMs - counts.nowMs())
    }
    return waitMs
  }

  return {
    fullForMs,

    /** Returns a function that takes back some of the events. */
    count: (key: string, events: number): ((fewer: number) => void) => {
      const current = counters.map(({ counts, windowMs }) => ({
        counts,
        window: counts.add(key, events, windowMs),
      }))
      return (fewer) => {
        for (const { counts, window } of current) counts.takeBack(key, window, fewer)
      }
    },
  }
}
