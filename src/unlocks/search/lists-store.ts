import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { type Interval, type Place, SORTING, type UnlockOrder, after, nextRange } from './order.ts'

/** Where an event is in the log, and when it happened. */
export type Key = { readonly seq: number; readonly happened_at_ms: number }

/** Reads the keys of the next `limit` events in an order, fewer at the end. */
export type ReadKeys = (limit: number) => Promise<readonly Key[]>

/** The numbers of accounts, methods and locks; each has a list of its events. */
export type ListNumbers = {
  readonly accounts: readonly number[]
  readonly methods: readonly number[]
  readonly locks: readonly number[]
}

type Wanted = {
  readonly numbers: ListNumbers
  /** Further events, in any order. */
  readonly beside: readonly Key[]
  readonly order: UnlockOrder
  readonly interval: Interval
  readonly signal: AbortSignal | undefined
}

/** How many lists one statement reads the first event of. */
const FIRSTS_PER_STEP = 250

/** How many events are read from a list at once: few at first, because the next ones may never be needed. */
const CHUNK_MIN = 4
const CHUNK_MAX = 256

/** Where the unlocks of each kind of list are, in the order in which they happened. */
const COLUMNS: Readonly<Record<keyof ListNumbers, string>> = {
  accounts: 'unlock_event WHERE account_number',
  methods: 'unlock_of_method WHERE method',
  locks: 'unlock_of_lock WHERE lock',
}

/** A list, as far as it has been read. */
type Cursor = {
  readonly from: string
  readonly number: number
  keys: readonly Key[]
  at: number
  isWhole: boolean
}

/** Returns a reader that merges lists of events into one, in an order by time. */
export const mergedLists = (db: Pick<Queries, 'all'>, wanted: Wanted): ReadKeys => {
  const { numbers, order, interval, signal } = wanted
  const sorting = SORTING[order]
  const sign = sorting.isAscending ? 1 : -1
  const compared = (one: Key, other: Key): number =>
    sign * (one.happened_at_ms - other.happened_at_ms || one.seq - other.seq)

  /** The lists that have a next event. The last one has the event that comes next of all. */
  const cursors: Cursor[] = []
  const keyOf = ({ keys, at }: Cursor): Key => keys[at] ?? { seq: 0, happened_at_ms: 0 }

  /** Inserts a list where its next event belongs. */
  const put = (cursor: Cursor): void => {
    const key = keyOf(cursor)
    let [low, high] = [0, cursors.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = cursors[middle]
      if (other && compared(keyOf(other), key) > 0) low = middle + 1
      else high = middle
    }
    cursors.splice(low, 0, cursor)
  }

  /** Reads the first event of each list that has one in the interval. */
  const readFirsts = async (from: string, lists: readonly number[]): Promise<void> => {
    const missing = new Set(lists)
    for (let rest: Interval | undefined = interval; rest && missing.size > 0;) {
      const next = nextRange(rest, sorting)
      const rows = await db.all<Key & { number: number }>(
        `SELECT CAST(value AS bigint) AS number, unlock_event.seq, unlock_event.happened_at_ms
         FROM json_each(?)
         CROSS JOIN unlock_event ON unlock_event.seq = (
           SELECT seq
           FROM ${from} = CAST(value AS bigint) AND ${next.range.sql}
           ORDER BY ${sorting.orderBy}
           LIMIT 1
         )`,
        JSON.stringify([...missing]),
        ...next.range.values,
      )
      for (const { number, ...key } of rows) {
        missing.delete(number)
        cursors.push({ from, number, keys: [key], at: 0, isWhole: false })
      }
      rest = next.rest
    }
  }

  const begin = async (): Promise<void> => {
    for (const kind of KINDS)
      for (let at = 0; at < numbers[kind].length; at += FIRSTS_PER_STEP) {
        await readFirsts(COLUMNS[kind], numbers[kind].slice(at, at + FIRSTS_PER_STEP))
        await takeTurn(signal)
      }
    const keys = wanted.beside.filter(isIn(interval)).toSorted(compared)
    if (keys.length > 0) cursors.push({ from: '', number: 0, keys, at: 0, isWhole: true })
    cursors.sort((one, other) => compared(keyOf(other), keyOf(one)))
  }

  /** Reads more events of a list, after the last one that was read. */
  const readOn = async (cursor: Cursor): Promise<void> => {
    const last = cursor.keys.at(-1)
    const limit = Math.min(Math.max(2 * cursor.keys.length, CHUNK_MIN), CHUNK_MAX)
    const keys: Key[] = []
    let rest = last && after(sorting.placeOf(last), interval, sorting)
    while (rest && keys.length < limit) {
      const next = nextRange(rest, sorting)
      keys.push(
        ...(await db.all<Key>(
          `SELECT seq, happened_at_ms
           FROM ${cursor.from} = ? AND ${next.range.sql}
           ORDER BY ${sorting.orderBy}
           LIMIT ?`,
          cursor.number,
          ...next.range.values,
          limit - keys.length,
        )),
      )
      rest = next.rest
    }
    Object.assign(cursor, { keys, at: 0, isWhole: keys.length < limit })
  }

  let begun: Promise<void> | undefined
  let last: Key | undefined
  return async (limit) => {
    await (begun ??= begin())
    const merged: Key[] = []
    while (merged.length < limit) {
      const cursor = cursors.pop()
      if (!cursor) break
      const key = keyOf(cursor)
      // An event may be in several lists, and is then next in all of them.
      if (key.seq !== last?.seq) merged.push(key)
      last = key
      cursor.at += 1
      if (cursor.at === cursor.keys.length && !cursor.isWhole) await readOn(cursor)
      if (cursor.at < cursor.keys.length) put(cursor)
    }
    return merged
  }
}

const KINDS = ['accounts', 'methods', 'locks'] as const

/** Returns a function that returns whether an event is between two places by time. */
const isIn = ({ low, high }: Interval) => {
  const isAfter = ([ms = 0, seq = 0]: Place, key: Key): boolean =>
    key.happened_at_ms > ms || (key.happened_at_ms === ms && key.seq > seq)
  const isBefore = ([ms = 0, seq = 0]: Place, key: Key): boolean =>
    key.happened_at_ms < ms || (key.happened_at_ms === ms && key.seq < seq)
  return (key: Key): boolean => isAfter(low, key) && isBefore(high, key)
}
