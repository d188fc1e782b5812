import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { Setup } from '../setup/store.ts'
import type { Status } from './status.ts'

/** What a replica tells others about a lock that it asks. */
export type Told = Status & {
  /** When the driver started listening. */
  readonly sinceMs: number
}

/** How often it is looked whether there is something to tell. */
const LOOK_MS = SECOND_MS

/** How old the time at which a lock was last heard may be at other replicas. */
const HEARD_MS = MINUTE_MS

type Dependencies = {
  /** Returns the locks that are asked here. */
  readonly statuses: () => readonly { readonly setup: Setup; readonly told: Told }[]
  readonly store: (
    changed: readonly { readonly setup: Setup; readonly told: Told }[],
  ) => Promise<void>
}

/** Tells other replicas, within a second, what the one that asks the locks knows of their status. Without locks, there is
 * no timer. */
export const statusTeller = ({ statuses, store }: Dependencies) => {
  const told = new Map<string, { readonly version: number; readonly told: Told }>()
  let timer: Timer | undefined
  let isTelling = false

  const tell = async (): Promise<void> => {
    if (isTelling || timer === undefined) return
    const changed = statuses().filter(({ setup: { lockId, version }, told: now }) => {
      const before = told.get(lockId)
      return before?.version !== version || !isKnown(before.told, now)
    })
    if (changed.length === 0) return
    isTelling = true
    try {
      await store(changed)
      for (const { setup, told: now } of changed)
        told.set(setup.lockId, { version: setup.version, told: now })
    } catch {
      // The next look tells it, unless another replica leads by then.
    }
    isTelling = false
  }

  return {
    /** Something has changed. */
    tell: (): void => {
      timer ??= setInterval(() => void tell(), LOOK_MS).unref()
      void tell()
    },
    /** A lock is no longer asked here, or not by the same driver. */
    forget: (lockId: string): void => void told.delete(lockId),
    stop: (): void => {
      clearInterval(timer)
      timer = undefined
      told.clear()
    },
  }
}

const isKnown = (before: Told, now: Told): boolean =>
  Bun.deepEquals({ ...before, heardAtMs: null }, { ...now, heardAtMs: null }) &&
  (before.heardAtMs === now.heardAtMs ||
    (before.heardAtMs !== null && (now.heardAtMs ?? 0) - before.heardAtMs < HEARD_MS))
