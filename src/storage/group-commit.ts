import { AppError } from '../errors.ts'

export type GroupCommit<Item, Outcome> = {
  /** Resolves with the outcome once its commit is on disk; rejects with `unavailable` at once when
   * too many wait already. */
  readonly submit: (item: Item) => Promise<Outcome>
  /** Resolves when nothing waits any more. */
  readonly drained: () => Promise<void>
}

type Options<Item, Outcome> = {
  /** Commits all items in one transaction, and gives an outcome for each, in their order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Outcome[]>
  readonly itemsMax: number
  readonly waitingMax: number
}

type Waiting<Item, Outcome> = {
  readonly item: Item
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** Lets writes that arrive together share one COMMIT, and so one sync of the disk. */
export const groupCommit = <Item, Outcome>({
  commit,
  itemsMax,
  waitingMax,
}: Options<Item, Outcome>): GroupCommit<Item, Outcome> => {
  let waiting: Waiting<Item, Outcome>[] = []
  let running: Promise<void> | undefined

  const commitSome = async (): Promise<void> => {
    const group = waiting.slice(0, itemsMax)
    waiting = waiting.slice(itemsMax)
    try {
      const outcomes = await commit(group.map(({ item }) => item))
      for (const [place, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[place]
        if (outcome === undefined) reject(new Error('a commit gave too few outcomes'))
        else resolve(outcome)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      // One turn of the event loop, in which all requests already received join the group.
      await new Promise((turn) => setImmediate(turn))
      await commitSome()
    }
    running = undefined
  }

  return {
    submit: (item) => {
      if (waiting.length >= waitingMax)
        return Promise.reject(new AppError('unavailable', 'Server busy, try again'))
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        running ??= run()
      })
    },
    drained: async () => running,
  }
}
