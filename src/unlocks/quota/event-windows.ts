import type { RateWindow } from '../../config/parsers.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'

type Window = { count: number; readonly endMs: number }

/** Keys remembered per window. Beyond that, the one whose window began first is forgotten. */
const KEYS_MAX = 50_000

/** Counts events in fixed windows on the monotonic clock. A request is served as long as every window
 * has room, and then counts in full, so that a phone can send all it collected while it was offline
 * in one request. */
export const eventWindows = (
  windows: readonly RateWindow[],
  monotonicMs: () => number = () => performance.now(),
) => {
  const counters = windows.map((window) => ({
    ...window,
    byKey: new BoundedMap<string, Window>(KEYS_MAX),
  }))

  /** Returns how long the fullest window stays full, or 0 if all have room. */
  const fullForMs = (key: string): number => {
    const nowMs = monotonicMs()
    let waitMs = 0
    for (const { byKey, max } of counters) {
      const window = byKey.get(key)
      if (window && window.count >= max) waitMs = Math.max(waitMs, window.endMs - nowMs)
    }
    return waitMs
  }

  return {
    fullForMs,

    /** Returns a function that takes back some of the events. */
    count: (key: string, events: number): ((fewer: number) => void) => {
      const nowMs = monotonicMs()
      const current = counters.map(({ byKey, windowMs }) => {
        const known = byKey.get(key)
        if (known && nowMs < known.endMs) return known
        const begun = { count: 0, endMs: nowMs + windowMs }
        byKey.set(key, begun)
        return begun
      })
      for (const window of current) window.count += events
      return (fewer) => {
        for (const window of current) window.count -= fewer
      }
    },
  }
}
