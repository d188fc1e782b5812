import pLimit, { type LimitFunction } from 'p-limit'
import { AppError } from '../errors.ts'
import { BoundedMap } from './bounded-map.ts'

export type FairQueue = {
  /** Runs work in the turn of its key. Throws `unavailable` at once if the key has too much work
   * already, or too many keys have work. */
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
}

/** Runs work within bounds, first that of the key whose last turn was longest ago: a key with much
 * work waits longer itself, and a new key goes before all that come again and again. */
export const fairQueue = (bounds: Bounds): FairQueue => {
  const turns = turnsOf(bounds)
  const keys = new Map<string, { readonly queue: LimitFunction; size: number }>()
  let total = 0
  let refused = 0
  return {
    run: async (key, work) => {
      const known = keys.get(key)
      if (known ? known.size >= bounds.workPerKeyMax : keys.size >= bounds.keysMax) {
        refused += 1
        throw new AppError('unavailable', 'Server busy, try again')
      }
      const own = known ?? { queue: pLimit(bounds.concurrencyPerKey), size: 0 }
      keys.set(key, own)
      own.size += 1
      total += 1
      try {
        return await own.queue(async () => {
          await turns.begin(key)
          try {
            return await work()
          } finally {
            turns.end()
          }
        })
      } finally {
        total -= 1
        own.size -= 1
        if (own.size === 0) keys.delete(key)
      }
    },
    load: () => ({ running: turns.running(), waiting: total - turns.running(), refused }),
  }
}

type Waiting = { readonly key: string; readonly rank: number; readonly start: () => void }

/** Gives the next turn to the key that had its last one longest ago. */
const turnsOf = ({ concurrency, keysMax }: Bounds) => {
  const waiting: Waiting[] = []
  const lastTurns = new BoundedMap<string, number>(keysMax)
  let turn = 0
  let running = 0

  const startNext = (): void => {
    if (running >= concurrency) return
    let first: Waiting | undefined
    for (const item of waiting) if (!first || item.rank < first.rank) first = item
    if (!first) return
    waiting.splice(waiting.indexOf(first), 1)
    running += 1
    turn += 1
    lastTurns.set(first.key, turn)
    first.start()
  }

  return {
    running: () => running,

    /** Resolves when the turn of a key has come. */
    begin: (key: string): Promise<void> =>
      new Promise((start) => {
        // A new key ranks like one that has not had a turn for as long as every key may wait, and so
        // never for ever before one that is waiting.
        waiting.push({ key, rank: lastTurns.get(key) ?? turn - keysMax, start })
        startNext()
      }),

    end: (): void => {
      running -= 1
      startNext()
    },
  }
}
