import { BoundedMap } from '../bounded-map.ts'

/** What was counted since a window began, and when the window ends. */
export type Window = { count: number; endMs: number }

/** Counts by key in fixed windows, on the monotonic clock, so that a change of the wall clock affects no limit. Their
 * number is bounded, so that memory does not grow with the number of callers. */
export type Windows = {
  readonly nowMs: () => number
  /** Returns the window of a key, or undefined if none has begun or it has ended. */
  readonly find: (key: string) => Readonly<Window> | undefined
  /** Adds to the window of a key, which begins now if there is none, and returns it. */
  readonly add: (key: string, by: number, durationMs: number) => Readonly<Window>
  /** Subtracts from a window, unless another has begun. */
  readonly takeBack: (key: string, window: Readonly<Window>, by: number) => void
  /** Forgets one key, or all. */
  readonly forget: (key?: string) => void
}

/** Opens the counts of a limit. Its name is unique, and the same on all replicas. */
export type OpenWindows = (name: string, nowMs?: () => number) => Windows

/** Keys remembered per limit. Beyond that, the one whose window began first is forgotten. */
const KEYS_MAX = 50_000

/** Counts in this process alone. */
export const localWindows = (nowMs: () => number = () => performance.now()) => {
  const windows = new BoundedMap<string, Window>(KEYS_MAX)
  const find = (key: string): Window | undefined => {
    const known = windows.get(key)
    return known && nowMs() < known.endMs ? known : undefined
  }
  return {
    nowMs,
    find,
    add: (key: string, by: number, durationMs: number): Window => {
      let window = find(key)
      if (!window) {
        window = { count: 0, endMs: nowMs() + durationMs }
        windows.set(key, window)
      }
      window.count += by
      return window
    },
    takeBack: (key: string, window: Readonly<Window>, by: number): void => {
      const known = windows.get(key)
      if (known === window) known.count -= by
    },
    forget: (key?: string): void => {
      if (key === undefined) windows.clear()
      else windows.delete(key)
    },
  } satisfies Windows
}

/** Opens counts for this process alone. */
export const openLocalWindows: OpenWindows = (_name, nowMs) => localWindows(nowMs)
