import { AppError } from '../errors.ts'
import { BoundedMap } from './bounded-map.ts'

export type FairQueue = {
  /** Runs work in the turn of its key. Throws `unavailable` if there is too much: at once, or while the
   * work waits and work of other keys takes its place. */
  readonly run: <Result>(key: string, work: () => Promise<Result>) => Promise<Result>
  /** Returns how much work is running, is waiting, and has been refused so far. */
  readonly load: () => QueueLoad
}

export type QueueLoad = {
  readonly running: number
  readonly waiting: number
  readonly refused: number
}

type Bounds = {
  /** How much work runs at once, and how much of it for one key. */
  readonly concurrency: number
  readonly concurrencyPerKey: number
  /** How many keys may have work, and how much each, running or waiting. */
  readonly keysMax: number
  readonly workPerKeyMax: number
  /** Keys whose last turn is remembered. */
  readonly turnsMax: number
}

/** A key with work. */
type Key = {
  readonly name: string
  /** When it had its last turn. */
  rank: number
  running: number
  readonly waiting: Waiting[]
}

type Waiting = { readonly start: () => void; readonly refuse: () => void }

/** Runs work within bounds, first that of the key whose last turn was longest ago: a key with much
 * work waits longer itself, and a new key goes before all that come again and again. If too many
 * keys have work, the one whose turn would come last gives way, with all that waits. So a new key finds
 * a place, however many others come again and again. */
export const fairQueue = (bounds: Bounds): FairQueue => {
  const keys = new Map<string, Key>()
  const lastTurns = new BoundedMap<string, number>(bounds.turnsMax)
  const load = { running: 0, waiting: 0, refused: 0 }
  let turn = 0

  /** A new key ranks like one that had its turn before all that are remembered, and so never for ever
   * before one that is waiting. */
  const addKey = (name: string): Key => {
    const rank = lastTurns.get(name) ?? turn - bounds.turnsMax
    const key = { name, rank, running: 0, waiting: [] }
    keys.set(name, key)
    return key
  }

  const removeIdle = (key: Key): void => {
    if (key.running + key.waiting.length === 0) keys.delete(key.name)
  }

  /** Resolves when the turn of a key has come. */
  const turnOf = (key: Key): Promise<void> =>
    new Promise((resolve, reject) => {
      const start = () => {
        load.waiting -= 1
        load.running += 1
        key.running += 1
        turn += 1
        key.rank = turn
        lastTurns.set(key.name, turn)
        resolve()
      }
      const refuse = () => {
        load.waiting -= 1
        load.refused += 1
        removeIdle(key)
        reject(new AppError('unavailable', 'Server busy, try again'))
      }
      load.waiting += 1
      key.waiting.push({ start, refuse })
    })

  const startNext = (): void => {
    if (load.running >= bounds.concurrency) return
    let next: Key | undefined
    for (const key of keys.values()) {
      const isReady = key.waiting.length > 0 && key.running < bounds.concurrencyPerKey
      if (isReady && (!next || key.rank < next.rank)) next = key
    }
    next?.waiting.shift()?.start()
  }

  const refuseExcess = (key: Key): void => {
    if (key.running + key.waiting.length > bounds.workPerKeyMax) key.waiting.pop()?.refuse()
    while (keys.size > bounds.keysMax) {
      const last = [...keys.values()]
        .filter(({ waiting }) => waiting.length > 0)
        .reduce((one, other) => (one.rank > other.rank ? one : other))
      for (const { refuse } of last.waiting.splice(0)) refuse()
    }
  }

  return {
    run: async (name, work) => {
      const key = keys.get(name) ?? addKey(name)
      const begun = turnOf(key)
      refuseExcess(key)
      startNext()
      await begun
      try {
        return await work()
      } finally {
        load.running -= 1
        key.running -= 1
        removeIdle(key)
        startNext()
      }
    },
    load: () => ({ ...load }),
  }
}
