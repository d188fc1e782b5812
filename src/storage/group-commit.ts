import { yieldToEventLoop } from '../domain/event-loop.ts'
import { AppError } from '../errors.ts'

export type GroupCommit<Item, Outcome> = {
  /** Resolves with the outcome once its commit is on disk; rejects with `unavailable` at once when
   * too many wait already, and when its turn has not come in time. */
  readonly submit: (item: Item) => Promise<Outcome>
  /** Resolves when nothing waits any more. */
  readonly drained: () => Promise<void>
}

type Options<Item, Outcome> = {
  /** Commits all items in one transaction, and gives an outcome for each, in their order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Outcome[]>
  /** How much of a commit's time an item takes. */
  readonly sizeOf: (item: Item) => number
  /** Size of a group, unless a single item is larger. */
  readonly groupSizeMax: number
  /** Size of all that wait. */
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

/** Lets writes that arrive together share one COMMIT, and so one sync of the disk. */
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

  /** Refuses those whose turn comes too late, in the words of what kept it up where that is known;
   * they wait in the order of their coming. */
  const refuseLate = (): void => {
    const now = monotonic()
    const count = waiting.findIndex(({ queuedAtMs }) => now - queuedAtMs <= waitMsMax)
    for (const { item, reject } of waiting.splice(0, count === -1 ? waiting.length : count)) {
      waitingSize -= sizeOf(item)
      reject(outage ?? busy())
    }
  }

  const commitSome = async (): Promise<void> => {
    refuseLate()
    const group = nextGroup()
    if (group.length === 0) return
    try {
      const outcomes = await commit(group.map(({ item }) => item))
      outage = undefined
      for (const [place, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[place]
        if (outcome === undefined) reject(new Error('a commit gave too few outcomes'))
        else resolve(outcome)
      }
    } catch (error) {
      outage = error instanceof AppError && error.code === 'unavailable' ? error : undefined
      for (const { reject } of group) reject(error)
    }
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      // One turn of the event loop, in which all requests already received join the group.
      await yieldToEventLoop()
      await commitSome()
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
