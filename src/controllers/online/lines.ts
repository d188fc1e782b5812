import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'

export type Lines = ReturnType<typeof lines>

/** A poll of a controller that waits for commands. */
export type Line = {
  /** Resolves once there may be something to answer, with true; with false after `waitMs`, once a newer poll has begun
   * or once nobody waits for the answer. */
  readonly next: (waitMs: number, signal: AbortSignal) => Promise<boolean>
  /** False once a newer poll of the same controller and client has begun. */
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

/** Clients that may poll with the token of one controller. */
const CLIENTS_MAX = 16

const NOBODY: ReadonlyMap<string, State> = new Map()

/** The newest poll of each controller and client. A newer poll ends the one before it: otherwise a connection that
 * nobody reads would stay open. Polls of other clients go on, so that somebody with a stolen token cannot end those of
 * the controller from another address, and make it poll until it is over its limit. */
export const lines = ({ monotonicMs }: Pick<Clock, 'monotonicMs'>) => {
  const newest = new Map<string, Map<string, State>>()
  let isClosed = false

  const isRecent = ({ endedAtMs }: State): boolean =>
    endedAtMs === undefined || monotonicMs() - endedAtMs < ONLINE_MS

  /** Makes room for a poll of a client: its older one ends, and those that ended a while ago are forgotten. */
  const roomFor = (controllerId: string, client: string): Map<string, State> => {
    const clients = newest.get(controllerId) ?? new Map<string, State>()
    newest.set(controllerId, clients)
    clients.get(client)?.end()
    clients.delete(client)
    for (const [other, state] of clients) if (!isRecent(state)) clients.delete(other)
    for (const [other, state] of clients) {
      if (clients.size < CLIENTS_MAX) break
      state.end()
      clients.delete(other)
    }
    return clients
  }

  const statesOf = (controllerId: string): readonly State[] => [
    ...(newest.get(controllerId) ?? NOBODY).values(),
  ]

  const isPolling = (controllerId: string): boolean =>
    statesOf(controllerId).some(({ endedAtMs }) => endedAtMs === undefined)

  return {
    open: (controllerId: string, client: string): Line => {
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
      roomFor(controllerId, client).set(client, state)
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
        isNewest: () => newest.get(controllerId)?.get(client) === state,
        close: () => {
          state.endedAtMs = monotonicMs()
        },
      }
    },

    /** Has the polls of a controller look for something to answer. */
    wake: (controllerId: string): void => {
      for (const state of statesOf(controllerId)) state.wake()
    },

    /** Returns whether a controller polls, or did until a moment ago. */
    isOnline: (controllerId: string): boolean => statesOf(controllerId).some(isRecent),

    isPolling,

    /** Returns the ids of the controllers that poll this process. */
    polling: (): readonly string[] => [...newest.keys()].filter(isPolling),

    forget: (controllerId: string): void => {
      for (const state of statesOf(controllerId)) state.end()
      newest.delete(controllerId)
    },

    /** Ends all polls; later ones do not wait. */
    close: (): void => {
      isClosed = true
      for (const id of newest.keys()) for (const state of statesOf(id)) state.end()
      newest.clear()
    },
  }
}
