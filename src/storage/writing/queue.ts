import { yieldToEventLoop } from '../../domain/event-loop.ts'
import { AppError } from '../../errors.ts'

export type WriteQueue<Item, Outcome> = {
  /** Resolves with the outcome once its commit is on disk. Rejects with `unavailable` immediately if too
   * many items are waiting, or later if its turn does not come in time. */
  readonly submit: (item: Item) => Promise<Outcome>
  /** Resolves when no item is waiting any more. */
  readonly drained: () => Promise<void>
  /** Returns when the last group failed because of an outage, or -Infinity if it did not. */
  readonly failedAtMs: () => number
  /** Refuses the items that wait, and all later ones. */
  readonly close: () => void
}

type Options<Item, Outcome> = {
  /** Commits the items that `choose` returns in one transaction, and returns an outcome for each, in order. `choose` is
   * called only once the turn has come, so that items that arrive until then can join. `waitMs` is how much longer the
   * first item may wait. */
  readonly commit: (choose: () => readonly Item[], waitMs: number) => Promise<readonly Outcome[]>
  /** Called between groups; the next group waits for the returned promise. `hasUrgent` returns true if an urgent item
   * waits. */
  readonly afterGroup?: (hasUrgent: () => boolean) => Promise<void> | undefined
  /** The share of a commit that an item takes. */
  readonly sizeOf: (item: Item) => number
  /** Size of a group, unless a single item is larger. */
  readonly groupSizeMax: number
  /** Total size of the items that wait; lone items and batches have as much each, and lone items behind a
   * batch of their account the size of a group more. */
  readonly waitingSizeMax: number
  /** Returns the account that an item belongs to. An item of size 1 is a lone one, a larger one a batch; the
   * batches of one account fill at most half of the room. Items of no account wait with the lone ones. */
  readonly accountOf?: (item: Item) => string | undefined
  /** Returns true for an item that neither waits for others to gather nor shares a commit with accounts that have nothing
   * urgent. */
  readonly isUrgent?: (item: Item) => boolean
  /** How long an item waits for its turn. */
  readonly waitMsMax: number
  readonly monotonic?: () => number
}

type Waiting<Item, Outcome> = {
  readonly item: Item
  readonly size: number
  /** Set if the item waits with the batches. */
  readonly account: string | undefined
  readonly queuedAtMs: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

const stopping = () => new AppError('unavailable', 'The server is stopping')

const busy = () => new AppError('unavailable', 'Server busy, try again')

/** After a group of several items, the next group waits for as many items again, besides those already waiting, but for
 * at most this share of the time that the last group took, and at most this many milliseconds: clients that were just
 * answered often write again at once, and would just miss the group. */
const GATHERING_SHARE = 0.25
const GATHERING_MS_MAX = 10
/** Shorter waits are skipped: on a fast disk, the next group forms while this one is written. */
const GATHERING_MS_MIN = 2.5

/** Lets writes that arrive together share one COMMIT, and so one disk sync. With `accountOf`, lone items do not
 * wait behind the batches of other accounts: while both arrive, every second group has none but lone
 * ones. The lone items of accounts that have something urgent waiting form a group of their own, but never two in a
 * row. The items of one account keep their order. */
export const writeQueue = <Item, Outcome>({
  commit,
  afterGroup = () => undefined,
  sizeOf,
  groupSizeMax,
  waitingSizeMax,
  waitMsMax,
  accountOf,
  isUrgent = () => false,
  monotonic = () => performance.now(),
}: Options<Item, Outcome>): WriteQueue<Item, Outcome> => {
  const lone: Line<Item, Outcome> = { waiting: [], size: 0 }
  const batches: Line<Item, Outcome> = { waiting: [], size: 0 }
  /** What accounts have waiting among the batches. */
  const sizeByAccount = new Map<string, number>()
  /** True if the last group left the batches waiting. */
  let wasLone = false
  /** True if the last group was an urgent one. */
  let wasUrgent = false
  let running: Promise<void> | undefined
  /** How many items the next group waits for, and until when. */
  let last = { count: 0, gatheringUntilMs: 0 }
  /** Set while a group waits for more items: how many it waits for, and what ends the wait. */
  let gathering: { readonly count: number; readonly end: () => void } | undefined
  /** Why the last group failed, if it did, and when. */
  let outage: AppError | undefined
  let failedAtMs = -Infinity

  /** Removes the first items of a line. */
  const take = (line: Line<Item, Outcome>, count: number): readonly Waiting<Item, Outcome>[] => {
    const taken = line.waiting.splice(0, count)
    forget(line, taken)
    return taken
  }

  const forget = (line: Line<Item, Outcome>, taken: readonly Waiting<Item, Outcome>[]): void => {
    for (const { size, account } of taken) {
      line.size -= size
      if (account === undefined) continue
      const remaining = (sizeByAccount.get(account) ?? 0) - size
      if (remaining > 0) sizeByAccount.set(account, remaining)
      else sizeByAccount.delete(account)
    }
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

  /** Removes the lone items of accounts that have something urgent waiting, unless the last group was an urgent one. */
  const takeUrgent = (): readonly Waiting<Item, Outcome>[] => {
    const urgent = wasUrgent ? [] : lone.waiting.filter(({ item }) => isUrgent(item))
    wasUrgent = false
    if (urgent.length === 0) return []
    const accounts = new Set(urgent.map(({ item }) => accountOf?.(item)))
    const isTaken = ({ item }: Waiting<Item, Outcome>) => accounts.has(accountOf?.(item))
    const taken = lone.waiting.filter(isTaken)
    const total = taken.reduce((sum, { size }) => sum + size, 0)
    if (total > groupSizeMax) return []
    wasUrgent = true
    lone.waiting = lone.waiting.filter((waiting) => !isTaken(waiting))
    forget(lone, taken)
    return taken
  }

  /** Batches never overtake lone items, which may be of the same account. */
  const nextGroup = (): readonly Waiting<Item, Outcome>[] => {
    const urgent = takeUrgent()
    if (urgent.length > 0) return urgent
    const group = takeGroup(lone)
    if (lone.waiting.length > 0 || batches.waiting.length === 0) return group
    wasLone = group.length > 0 && !wasLone
    return wasLone ? group : [...group, ...takeGroup(batches)]
  }

  let isClosed = false
  let refusing: Timer | undefined

  /** Removes the items that were queued early enough. Those of a line wait in order of arrival. */
  const takeOld = (isOld: (queuedAtMs: number) => boolean): readonly Waiting<Item, Outcome>[] =>
    [lone, batches].flatMap((line) => {
      const count = line.waiting.findIndex(({ queuedAtMs }) => !isOld(queuedAtMs))
      return take(line, count === -1 ? line.waiting.length : count)
    })

  /** Refuses items whose turn comes too late, with the error that caused the delay if it is known. */
  const refuseLate = (): void => {
    const lateMs = monotonic() - waitMsMax
    const late = takeOld((queuedAtMs) => queuedAtMs < lateMs)
    for (const { reject } of late) reject(outage ?? busy())
  }

  /** Commits the next group. Returns a function that answers its items. */
  const commitGroup = async (): Promise<() => void> => {
    refuseLate()
    const [oldest] = [...lone.waiting.slice(0, 1), ...batches.waiting.slice(0, 1)].toSorted(
      (one, other) => one.queuedAtMs - other.queuedAtMs,
    )
    if (!oldest) return () => {}
    const begunMs = monotonic()
    let group: readonly Waiting<Item, Outcome>[] | undefined
    let chosenMs = begunMs
    const choose = (): readonly Item[] => {
      chosenMs = monotonic()
      group = nextGroup()
      return group.map(({ item }) => item)
    }
    try {
      const outcomes = await commit(choose, Math.max(0, waitMsMax - (begunMs - oldest.queuedAtMs)))
      const nowMs = monotonic()
      // Others gather while this one waits for its turn.
      const hasWaited = chosenMs - begunMs > GATHERING_MS_MIN
      const gatheringMs = Math.min(GATHERING_SHARE * (nowMs - chosenMs), GATHERING_MS_MAX)
      last = {
        count: (group?.length ?? 0) + waitingCount(),
        gatheringUntilMs: hasWaited ? nowMs : nowMs + gatheringMs,
      }
      outage = undefined
      failedAtMs = -Infinity
      return () => {
        for (const [index, { resolve, reject }] of group?.entries() ?? []) {
          const outcome = outcomes[index]
          if (outcome === undefined) reject(new Error('a commit returned too few outcomes'))
          else resolve(outcome)
        }
      }
    } catch (error) {
      outage = error instanceof AppError && error.code === 'unavailable' ? error : undefined
      if (outage) failedAtMs = monotonic()
      const failed = group ?? takeOld((queuedAtMs) => queuedAtMs <= begunMs)
      return () => {
        for (const { reject } of failed) reject(error)
      }
    }
  }

  const waitingCount = (): number => lone.waiting.length + batches.waiting.length

  const hasUrgent = (): boolean =>
    [lone, batches].some(({ waiting }) => waiting.some(({ item }) => isUrgent(item)))

  /** How long the next group waits for as many items as the last one had, in milliseconds. */
  const gatheringMs = (): number => {
    const ms = last.gatheringUntilMs - monotonic()
    const isEnough = last.count <= 1 || ms < GATHERING_MS_MIN || waitingCount() >= last.count
    return isEnough || hasUrgent() ? 0 : ms
  }

  const gather = async (ms: number): Promise<void> => {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      const end = () => {
        clearTimeout(timer)
        resolve()
      }
      gathering = { count: last.count, end }
    })
    gathering = undefined
  }

  /** Refuses late items even while a group is being written, which may take longer than they may wait. */
  const refuseLateInTime = (): void => {
    if (refusing || waitingCount() === 0) return
    const [oldest = Infinity, other = Infinity] = [lone, batches].map(
      ({ waiting: [first] }) => first?.queuedAtMs,
    )
    const leftMs = Math.min(oldest, other) + waitMsMax - monotonic()
    refusing = setTimeout(
      () => {
        refusing = undefined
        refuseLate()
        refuseLateInTime()
      },
      Math.max(1, Math.ceil(leftMs) + 1),
    )
  }

  const run = async (): Promise<void> => {
    // In one turn of the event loop, all requests already received join the group.
    await yieldToEventLoop()
    let answer = () => {}
    const answerFirst = (): void => {
      answer()
      answer = () => {}
    }
    while (waitingCount() > 0) {
      const committing = commitGroup()
      // What the last group was told is told while this one is written.
      answer()
      answer = await committing
      const checkpoint = afterGroup(hasUrgent)
      if (checkpoint || gatheringMs() > 0 || waitingCount() === 0) answerFirst()
      await checkpoint
      const ms = gatheringMs()
      if (ms > 0) await gather(ms)
    }
    running = undefined
    clearTimeout(refusing)
    refusing = undefined
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
      if (isClosed) return Promise.reject(stopping())
      if (isOverShare || line.size + size > waitingSizeMax + reserve) return Promise.reject(busy())
      return new Promise((resolve, reject) => {
        line.waiting.push({ item, size, account, queuedAtMs: monotonic(), resolve, reject })
        line.size += size
        if (account !== undefined) sizeByAccount.set(account, ofAccount + size)
        running ??= run()
        refuseLateInTime()
        if (gathering && (waitingCount() >= gathering.count || isUrgent(item))) gathering.end()
      })
    },
    drained: async () => running,
    failedAtMs: () => failedAtMs,
    close: () => {
      isClosed = true
      for (const line of [lone, batches])
        for (const { reject } of take(line, line.waiting.length)) reject(stopping())
    },
  }
}

/** Items that wait in order of arrival, and their total size. */
type Line<Item, Outcome> = {
  waiting: Waiting<Item, Outcome>[]
  size: number
}
