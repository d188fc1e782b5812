import { MINUTE_MS } from '../duration.ts'
import { type OpenWindows, type Window, localWindows } from './windows.ts'

/** What a replica has counted in the window of a key since it last told the others. */
export type Counted = { readonly key: string; readonly by: number; readonly durationMs: number }

/** What all replicas together have counted in it. */
export type Total = {
  readonly key: string
  readonly count: number
  readonly leftMs: number
  /** Differs from that of the window before. */
  readonly windowId: number
}

/** Adds what a replica has counted to what all have, with each key once; returns the totals. */
export type ExchangeCounts = (counted: readonly Counted[]) => Promise<readonly Total[]>

type Options = {
  readonly exchange: ExchangeCounts
  /** Returns a name for a key that tells nothing about it: keys contain addresses. */
  readonly hide: (key: string) => string
  /** Called when the replicas can no longer tell each other in time what they count, with the reason, and with
   * undefined once they can again; at most once a minute. */
  readonly onChange: (reason: string | undefined) => void
}

/** Time between two exchanges. The first after a pause is at once. */
const EVERY_MS = 100

/** An exchange that takes longer is late; after one that failed, the next waits this long. */
const LATE_MS = 500
const AGAIN_MS = 1000

/** Windows in an exchange, and those that wait for one: further ones count at this replica alone. */
const BATCH_MAX = 500
const WAITING_MAX = 5000

/** Two ends of a window that are further apart are not the same. */
const APART_MS_MAX = 1000

/** What is known about a window. */
type Shared = {
  readonly name: string
  readonly durationMs: number
  readonly nowMs: () => number
  readonly window: Window
  /** What the others do not know yet, and what they do. */
  untold: number
  told: number
  /** What they have counted, which is part of the count of the window. */
  others: number
  windowId: number | undefined
  isWaiting: boolean
}

/** Opens counts that replicas share. Each counts by itself at once, and tells the others soon after what it has counted;
 * so together they may exceed a limit by what arrives until then. While that is not possible, each counts for itself,
 * with what it knows of the others. */
export const sharedWindows = ({ exchange, hide, onChange }: Options) => {
  const known = new WeakMap<Readonly<Window>, Shared>()
  let waiting: Shared[] = []
  let isExchanging = false
  let isClosed = false
  let dueMs = 0
  let timer: Timer | undefined
  let isAlone = false
  /** When it was last told that this replica counts alone, and whether it was this time. */
  let [toldMs, isTold] = [-Infinity, false]

  const alone = (reason: string | undefined): void => {
    if (isAlone === (reason !== undefined)) return
    isAlone = reason !== undefined
    if (isAlone) {
      isTold = performance.now() - toldMs >= MINUTE_MS
      if (isTold) toldMs = performance.now()
    }
    if (isTold) onChange(reason)
  }

  /** Takes windows that wait, by their hidden names: each once, and the latest of a name. */
  const takeBatch = (): ReadonlyMap<string, Shared> => {
    const batch = new Map<string, Shared>()
    for (const shared of waiting.splice(0, BATCH_MAX)) {
      shared.isWaiting = false
      if (shared.untold !== 0 && shared.nowMs() < shared.window.endMs)
        batch.set(hide(`limit\n${shared.name}`), shared)
    }
    return batch
  }

  const learn = (shared: Shared, { by, total }: { by: number; total: Total }): void => {
    const { window } = shared
    const leftMs = window.endMs - shared.nowMs()
    if (leftMs <= 0) return
    const isOther = shared.windowId !== undefined && shared.windowId !== total.windowId
    // What was stored was lost, unless this window was about to end.
    const isLost = isOther && leftMs > APART_MS_MAX
    if (isOther && !isLost) {
      window.count = by + shared.untold
      shared.others = 0
    }
    if (isOther) shared.told = 0
    shared.windowId = total.windowId
    shared.told += by
    const others = Math.max(total.count - shared.told, isLost ? shared.others : 0)
    window.count += others - shared.others
    shared.others = others
    if (!isLost) window.endMs = shared.nowMs() + total.leftMs
  }

  const run = async (): Promise<void> => {
    const batch = takeBatch()
    if (batch.size === 0) return
    const counted = [...batch].map(([key, shared]) => {
      const { untold: by, durationMs } = shared
      shared.untold = 0
      return { key, by, durationMs }
    })
    const counts = new Map(counted.map(({ key, by }) => [key, by]))
    const late = setTimeout(() => alone('the database takes too long'), LATE_MS)
    const begunMs = performance.now()
    dueMs = begunMs + EVERY_MS
    try {
      for (const total of await exchange(counted)) {
        const shared = batch.get(total.key)
        if (shared) learn(shared, { by: counts.get(total.key) ?? 0, total })
      }
      if (performance.now() - begunMs < LATE_MS) alone(undefined)
    } catch (error) {
      // What was sent may have been counted; sending it again could count it twice.
      alone(error instanceof Error ? error.message : String(error))
      dueMs = performance.now() + AGAIN_MS
    } finally {
      clearTimeout(late)
    }
  }

  const wake = (): void => {
    if (timer || isExchanging || isClosed || waiting.length === 0) return
    timer = setTimeout(
      () => {
        timer = undefined
        isExchanging = true
        void run().finally(() => {
          isExchanging = false
          wake()
        })
      },
      Math.max(0, dueMs - performance.now()),
    )
    timer.unref()
  }

  const note = (shared: Shared, by: number): void => {
    shared.untold += by
    if (shared.isWaiting || waiting.length >= WAITING_MAX) return
    shared.isWaiting = true
    waiting.push(shared)
    wake()
  }

  const open: OpenWindows = (name, nowMs) => {
    const local = localWindows(nowMs)
    return {
      ...local,
      add: (key, by, durationMs) => {
        const window = local.add(key, by, durationMs)
        let shared = known.get(window)
        if (!shared) {
          shared = {
            name: `${name}\n${durationMs}\n${key}`,
            durationMs,
            nowMs: local.nowMs,
            window,
            untold: 0,
            told: 0,
            others: 0,
            windowId: undefined,
            isWaiting: false,
          }
          known.set(window, shared)
        }
        note(shared, by)
        return window
      },
      takeBack: (key, window, by) => {
        local.takeBack(key, window, by)
        const shared = known.get(window)
        if (shared) note(shared, -by)
      },
    }
  }

  return {
    open,
    /** False while each replica counts for itself. */
    isShared: (): boolean => !isAlone,
    close: (): void => {
      isClosed = true
      clearTimeout(timer)
      waiting = []
    },
  }
}
