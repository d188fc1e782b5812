import { MINUTE_MS } from '../duration.ts'
import { type OpenWindows, type Window, localWindows } from './windows.ts'

/** What a replica has counted in a key's window since it last shared its counts. */
export type Counted = { readonly key: string; readonly by: number; readonly durationMs: number }

/** What all replicas together have counted in a key's window. */
export type Total = {
  readonly key: string
  readonly count: number
  readonly leftMs: number
  /** Identifies the window: the next window of the key has another id. */
  readonly windowId: number
}

/** Adds a replica's counts, with each key once, to the shared ones, and returns the totals. */
export type ExchangeCounts = (counted: readonly Counted[]) => Promise<readonly Total[]>

type Options = {
  readonly exchange: ExchangeCounts
  /** Returns an opaque name for a key, since keys contain addresses. */
  readonly hide: (key: string) => string
  /** Called with a reason when replicas can no longer share their counts in time, at most once a minute, and with
   * undefined once they can again. */
  readonly onChange: (reason: string | undefined) => void
}

/** Time between two exchanges. The first after a pause starts at once. */
const EVERY_MS = 100

/** After how long an exchange is late, and how long to wait after one that failed. */
const LATE_MS = 500
const AGAIN_MS = 1000

/** The most windows in one exchange, and waiting for one. What exceeds that is counted by this replica alone. */
const BATCH_MAX = 500
const WAITING_MAX = 5000

/** If two ends of a window differ by more, they belong to different windows. */
const APART_MS_MAX = 1000

/** A window, and what has been shared of it. */
type Shared = {
  readonly name: string
  readonly durationMs: number
  readonly nowMs: () => number
  readonly window: Window
  /** How much of this replica's count the others do not know yet, and how much they do. */
  untold: number
  told: number
  /** What the others have counted, which is included in the count of the window. */
  others: number
  windowId: number | undefined
  isWaiting: boolean
}

/** Opens counts that replicas share. Each replica counts at once and shares its counts soon after, so together they may
 * exceed a limit by what arrives in between. While they cannot share, each counts alone, on top of what it knows of the
 * others. */
export const sharedWindows = ({ exchange, hide, onChange }: Options) => {
  const known = new WeakMap<Readonly<Window>, Shared>()
  let waiting: Shared[] = []
  let isExchanging = false
  let isClosed = false
  let dueMs = 0
  let timer: Timer | undefined
  let isAlone = false
  /** When `onChange` was last called with a reason, and whether it was called for the current outage. */
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

  /** Takes waiting windows, by their opaque names: the latest of each name. */
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
    // Another window is stored: unless this one was about to end, the server has lost it.
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
    const late = setTimeout(() => alone('the database takes too long to answer'), LATE_MS)
    const begunMs = performance.now()
    dueMs = begunMs + EVERY_MS
    try {
      for (const total of await exchange(counted)) {
        const shared = batch.get(total.key)
        if (shared) learn(shared, { by: counts.get(total.key) ?? 0, total })
      }
      if (performance.now() - begunMs < LATE_MS) alone(undefined)
    } catch (error) {
      // The counts may have been stored; sending them again could count them twice.
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
    /** False while this replica counts alone. */
    isShared: (): boolean => !isAlone,
    close: (): void => {
      isClosed = true
      clearTimeout(timer)
      waiting = []
    },
  }
}
