import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'

export type Lines = ReturnType<typeof lines>

/** A poll of a controller that waits for commands. */
export type Line = {
  /** Resolves once there may be something to answer, with true; with false after `waitMs`, once a newer poll has begun or
   * once nobody waits for the answer. */
  readonly next: (waitMs: number, signal: AbortSignal) => Promise<boolean>
  /** False once a newer poll of the same controller has begun. */
  readonly isNewest: () => boolean
  readonly close: () => void
}

type State = {
  readonly wake: () => void
  readonly end: () => void
  endedAtMs: number | undefined
}

/** A controller is online for this long after a poll, so that it can begin the next one. */
const ONLINE_MS = 5 * SECOND_MS

/** The newest poll of each controller. A newer poll ends the one before it: otherwise a connection that nobody reads
 * any more, such as after a change of network, would keep the commands. */
export const lines = ({ monotonicMs }: Pick<Clock, 'monotonicMs'>) => {
  const newest = new Map<string, State>()
  let isClosed = false

  return {
    open: (controllerId: string): Line => {
      let woken = false
      let over = isClosed
      let changed = Promise.withResolvers<void>()
      const state: State = {
        wake: () => {
          woken = true
          changed.resolve()
        },
        end: () => {
          over = true
          changed.resolve()
        },
        endedAtMs: undefined,
      }
      newest.get(controllerId)?.end()
      newest.set(controllerId, state)
      return {
        next: async (waitMs, signal) => {
          const end = () => state.end()
          const timer = setTimeout(end, Math.max(0, waitMs))
          signal.addEventListener('abort', end, { once: true })
          if (!woken && !over && !signal.aborted) await changed.promise
          clearTimeout(timer)
          signal.removeEventListener('abort', end)
          const isWoken = woken && !over
          woken = false
          changed = Promise.withResolvers()
          return isWoken
        },
        isNewest: () => newest.get(controllerId) === state,
        close: () => {
          state.endedAtMs = monotonicMs()
        },
      }
    },

    /** Has the poll of a controller look for something to answer. */
    wake: (controllerId: string): void => newest.get(controllerId)?.wake(),

    /** Returns whether a controller polls, or did until a moment ago. */
    isOnline: (controllerId: string): boolean => {
      const line = newest.get(controllerId)
      if (!line) return false
      return line.endedAtMs === undefined || monotonicMs() - line.endedAtMs < ONLINE_MS
    },

    isPolling: (controllerId: string): boolean => {
      const line = newest.get(controllerId)
      return line !== undefined && line.endedAtMs === undefined
    },

    forget: (controllerId: string): void => {
      newest.get(controllerId)?.end()
      newest.delete(controllerId)
    },

    /** Ends all polls; later ones do not wait. */
    close: (): void => {
      isClosed = true
      for (const line of newest.values()) line.end()
      newest.clear()
    },
  }
}
