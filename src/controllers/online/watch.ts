import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { Controller } from '../core/controller.ts'

/** How long after its last poll a controller counts as silent, in milliseconds. */
const SILENT_MS = 2 * MINUTE_MS
const CHECK_MS = 30 * SECOND_MS
const STORE_MS = 10 * MINUTE_MS

type Watched = { controller: Controller; seenMs: number; isTold: boolean }

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** Returns when controllers were last seen by any replica, by their ids and the time of day; without it, this process is
   * the only one. */
  readonly seenElsewhereMs?: () => Promise<ReadonlyMap<string, number>>
  /** One process reports silence. */
  readonly isLeader: () => boolean
  /** Called once for each silence. */
  readonly onSilent: (controller: Controller) => Promise<void>
  /** Stores when controllers were last seen, by their ids. */
  readonly storeSeen: (seen: ReadonlyMap<string, number>) => Promise<void>
  readonly onError: (error: unknown) => void
}

/** Knows the controllers of the home, and when each was last seen. Costs nothing without any. */
export const controllerWatch = (deps: Dependencies) => {
  const { clock, onSilent, storeSeen, seenElsewhereMs, isLeader, onError } = deps
  const watched = new Map<string, Watched>()
  const unstored = new Map<string, number>()
  let timer: Timer | undefined
  let storedMs = clock.monotonicMs()

  const store = async (): Promise<void> => {
    storedMs = clock.monotonicMs()
    const seen = new Map(unstored)
    unstored.clear()
    if (seen.size > 0) await storeSeen(seen)
  }

  const lookElsewhere = async (): Promise<void> => {
    const [now, wallMs] = [clock.monotonicMs(), clock.wallMs()]
    for (const [id, seenAtMs] of (await seenElsewhereMs?.()) ?? []) {
      const one = watched.get(id)
      const seenMs = now - Math.max(0, wallMs - seenAtMs)
      if (!one || seenMs <= one.seenMs) continue
      one.seenMs = seenMs
      one.isTold = false
    }
  }

  const check = async (): Promise<void> => {
    await lookElsewhere()
    const now = clock.monotonicMs()
    for (const one of watched.values()) {
      const isWatched = !one.isTold && one.controller.forkedAtMs === null
      if (!isWatched || now - one.seenMs < SILENT_MS) continue
      one.isTold = true
      if (isLeader()) await onSilent(one.controller)
    }
    if (now - storedMs >= STORE_MS) await store()
  }

  return {
    /** Watches a controller from now on, or again after a change. */
    add: (controller: Controller): void => {
      watched.set(controller.id, { controller, seenMs: clock.monotonicMs(), isTold: false })
      timer ??= setInterval(() => void check().catch(onError), CHECK_MS).unref()
    },

    remove: (id: string): void => {
      watched.delete(id)
      unstored.delete(id)
      if (watched.size > 0) return
      clearInterval(timer)
      timer = undefined
    },

    seen: (id: string): void => {
      const one = watched.get(id)
      if (!one) return
      one.seenMs = clock.monotonicMs()
      one.isTold = false
      unstored.set(id, clock.wallMs())
    },

    /** The controller is no longer trusted. */
    forked: (id: string): void => {
      const one = watched.get(id)
      if (one) one.controller = { ...one.controller, forkedAtMs: clock.wallMs() }
    },

    has: (id: string): boolean => watched.has(id),
    find: (id: string): Controller | undefined => watched.get(id)?.controller,

    /** Returns the controllers that are watched. */
    all: (): readonly Controller[] => [...watched.values()].map(({ controller }) => controller),

    /** Returns when a controller was last seen, if that was since the start. */
    seenAtMs: (id: string): number | undefined => unstored.get(id),

    isSilent: (id: string): boolean => {
      const one = watched.get(id)
      return one !== undefined && clock.monotonicMs() - one.seenMs >= SILENT_MS
    },

    check,

    stop: async (): Promise<void> => {
      clearInterval(timer)
      timer = undefined
      await store().catch(onError)
    },
  }
}
