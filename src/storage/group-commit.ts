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
  /** Total size of the items that wait; lone items and batches have as much each, and lone items behind a
   * batch of their account the size of a group more. */
  readonly waitingSizeMax: number
  /** Returns whose item it is. An item of size 1 is a lone one, a larger one a batch; the batches of one
   * account fill at most half of the room. Without it, all items wait in one line. */
  readonly accountOf?: (item: Item) => string
  /** How long an item waits for its turn. */
  readonly waitMsMax: number
  readonly monotonic?: () => number
}

type Waiting<Item, Outcome> = {
  readonly item: Item
  readonly size: number
  /** Whose it is, of one that waits with the batches. */
  readonly account: string | undefined
  readonly queuedAtMs: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

const busy = () => new AppError('unavailable', 'Server busy, try again')

/** Lets writes that arrive together share one COMMIT, and so one disk sync. With `accountOf`, lone items do not
 * wait behind the batches of other accounts: while both arrive, every second group has none but lone
 * ones. The items of one account keep their order. */
export const groupCommit = <Item, Outcome>({
  commit,
  sizeOf,
  groupSizeMax,
  waitingSizeMax,
  waitMsMax,
  accountOf,
  monotonic = () => performance.now(),
}: Options<Item, Outcome>): GroupCommit<Item, Outcome> => {
  const lone: Line<Item, Outcome> = { waiting: [], size: 0 }
  const batches: Line<Item, Outcome> = { waiting: [], size: 0 }
  /** What accounts have waiting among the batches. */
  const sizeByAccount = new Map<string, number>()
  /** True if the last group left the batches waiting. */
  let wasLone = false
  let running: Promise<void> | undefined
  /** Why the last group failed, if it did. */
  let outage: AppError | undefined

  /** Removes the first items of a line. */
  const take = (line: Line<Item, Outcome>, count: number): readonly Waiting<Item, Outcome>[] => {
    const taken = line.waiting.splice(0, count)
    for (const { size, account } of taken) {
      line.size -= size
      if (account === undefined) continue
      const remaining = (sizeByAccount.get(account) ?? 0) - size
      if (remaining > 0) sizeByAccount.set(account, remaining)
      else sizeByAccount.delete(account)
    }
    return taken
  }

  const takeGroup = (line: Line<Item, Outcome>): readonly Waiting<Item, Outcome>[] => {
    let [count, total] = [0, 0]
    for (const { size } of line.waiting) {
      if (count > 0 && total + size > groupSizeMax) break
      count += 1
      total += size
    }
    return take(line, count)
  }

  /** Batches never overtake lone items, which may be of the same account. */
  const nextGroup = (): readonly Waiting<Item, Outcome>[] => {
    const group = takeGroup(lone)
    if (lone.waiting.length > 0 || batches.waiting.length === 0) return group
    wasLone = group.length > 0 && !wasLone
    return wasLone ? group : [...group, ...takeGroup(batches)]
  }

  /** Refuses items whose turn comes too late, with the error that caused the delay if it is known. The
   * items of a line wait in order of arrival. */
  const refuseLate = (line: Line<Item, Outcome>): void => {
    const now = monotonic()
    const count = line.waiting.findIndex(({ queuedAtMs }) => now - queuedAtMs <= waitMsMax)
    for (const { reject } of take(line, count === -1 ? line.waiting.length : count))
      reject(outage ?? busy())
  }

  const commitGroup = async (): Promise<void> => {
    refuseLate(lone)
    refuseLate(batches)
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
    while (lone.waiting.length + batches.waiting.length > 0) {
      // In one turn of the event loop, all requests already received join the group.
      await yieldToEventLoop()
      await commitGroup()
    }
    running = undefined
  }

  /** Returns the account of an item that must wait with the batches: one of them, or a lone item behind
   * those of its account. */
  const accountOfBatch = (item: Item, size: number): string | undefined => {
    const account = accountOf?.(item)
    return account !== undefined && (size > 1 || sizeByAccount.has(account)) ? account : undefined
  }

  return {
    submit: (item) => {
      const size = sizeOf(item)
      const account = accountOfBatch(item, size)
      const line = account === undefined ? lone : batches
      const ofAccount = account === undefined ? 0 : (sizeByAccount.get(account) ?? 0)
      const isBatch = size > 1 && account !== undefined
      // One batch is always within the share of its account.
      const isOverShare = isBatch && ofAccount > 0 && ofAccount + size > waitingSizeMax / 2
      const reserve = line === batches && !isBatch ? groupSizeMax : 0
      if (isOverShare || line.size + size > waitingSizeMax + reserve) return Promise.reject(busy())
      return new Promise((resolve, reject) => {
        line.waiting.push({ item, size, account, queuedAtMs: monotonic(), resolve, reject })
        line.size += size
        if (account !== undefined) sizeByAccount.set(account, ofAccount + size)
        running ??= run()
      })
    },
    drained: async () => running,
  }
}

/** Items that wait in order of arrival, and their total size. */
type Line<Item, Outcome> = {
  readonly waiting: Waiting<Item, Outcome>[]
  size: number
}
