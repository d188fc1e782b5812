import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { Setup } from '../setup/store.ts'
import type { Status } from './status.ts'

/** What the replica that asks a lock tells the others about it. */
export type Told = Status & {
  /** When the driver started listening. */
  readonly sinceMs: number
}

/** How often to look for changes. */
const LOOK_MS = SECOND_MS

/** By how much the other replicas' idea of when a lock was last heard may lag. */
const HEARD_MS = MINUTE_MS

type Dependencies = {
  /** Returns the locks that are asked here. */
  readonly statuses: () => readonly { readonly setup: Setup; readonly told: Told }[]
  readonly store: (
    changed: readonly { readonly setup: Setup; readonly told: Told }[],
  ) => Promise<void>
}

/** Tells other replicas, within a second, what the one that asks the locks knows about their status. Without locks,
 * there is no timer. */
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
      // The next look tries again, unless another replica leads by then.
    }
    isTelling = false
  }

  return {
    /** Called when something has changed. */
    tell: (): void => {
      timer ??= setInterval(() => void tell(), LOOK_MS).unref()
      void tell()
    },
    /** Called when a lock is no longer asked here, or has another driver. */
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
