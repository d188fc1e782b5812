import { yieldToEventLoop } from '../domain/event-loop.ts'
import { AppError } from '../errors.ts'

export type GroupCommit<Item, Outcome> = {
  /** Resolves with the outcome once its commit is on disk. Rejects with `unavailable` immediately if too
   * many items are waiting, or later if its turn does not come in time. */
  readonly submit: (item: Item) => Promise<Outcome>
  /** Resolves when no item is waiting any more. */
  readonly drained: () => Promise<void>
}

type Options<Item, Outcome> = {
  /** Commits all items in one transaction, and returns an outcome for each, in order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Outcome[]>
  /** The share of a commit that an item takes. */
  readonly sizeOf: (item: Item) => number
  /** Size of a group, unless a single item is larger. */
  readonly groupSizeMax: number
  /** Total size of the items that wait. */
  readonly waitingSizeMax: number
  /** How long an item waits for its turn. */
  readonly waitMsMax: number
  readonly monotonic?: () => number
}

type Waiting<Item, Outcome> = {
  readonly item: Item
  readonly queuedAtMs: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

const busy = () => new AppError('unavailable', 'Server busy, try again')

/** Lets writes that arrive together share one COMMIT, and so one disk sync. */
export const groupCommit = <Item, Outcome>({
  commit,
  sizeOf,
  groupSizeMax,
  waitingSizeMax,
  waitMsMax,
  monotonic = () => performance.now(),
}: Options<Item, Outcome>): GroupCommit<Item, Outcome> => {
  const waiting: Waiting<Item, Outcome>[] = []
  let waitingSize = 0
  let running: Promise<void> | undefined
  /** Why the last group failed, if it did. */
  let outage: AppError | undefined

  const nextGroup = (): readonly Waiting<Item, Outcome>[] => {
    let [count, size] = [0, 0]
    for (const { item } of waiting) {
      if (count > 0 && size + sizeOf(item) > groupSizeMax) break
      count += 1
      size += sizeOf(item)
    }
    waitingSize -= size
    return waiting.splice(0, count)
  }

  /** Refuses items whose turn comes too late, with the error that caused the delay if it is known. Items
   * wait in order of arrival. */
  const refuseLate = (): void => {
    const now = monotonic()
    const count = waiting.findIndex(({ queuedAtMs }) => now - queuedAtMs <= waitMsMax)
    for (const { item, reject } of waiting.splice(0, count === -1 ? waiting.length : count)) {
      waitingSize -= sizeOf(item)
      reject(outage ?? busy())
    }
  }

  const commitGroup = async (): Promise<void> => {
    refuseLate()
    const group = nextGroup()
    if (group.length === 0) return
    try {
      const outcomes = await commit(group.map(({ item }) => item))
      outage = undefined
      for (const [index, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[index]
        if (outcome === undefined) reject(new Error('a commit returned too few outcomes'))
        else resolve(outcome)
      }
    } catch (error) {
      outage = error instanceof AppError && error.code === 'unavailable' ? error : undefined
      for (const { reject } of group) reject(error)
    }
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      // In one turn of the event loop, all requests already received join the group.
      await yieldToEventLoop()
      await commitGroup()
    }
    running = undefined
  }

  return {
    submit: (item) => {
      if (waitingSize + sizeOf(item) > waitingSizeMax) return Promise.reject(busy())
      return new Promise((resolve, reject) => {
        waiting.push({ item, queuedAtMs: monotonic(), resolve, reject })
        waitingSize += sizeOf(item)
        running ??= run()
      })
    },
    drained: async () => running,
  }
}
