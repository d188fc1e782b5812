import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { BESIDE } from '../summary/counted-store.ts'
import type { Condition, UnlockFilter } from './filter-store.ts'
import { type Key, type ListNumbers, type ReadKeys, mergedLists } from './lists-store.ts'
import { BEGIN, type Interval, SORTING, after, nextRange } from './order.ts'
import type { Wanted } from './ways-store.ts'

/** How many keys are sorted by receipt at most: it is as fast to look at some 100,000 events instead. */
const SORTED_MAX = 50_000

/** How many keys one statement reads. */
const STEP_KEYS = 2000

type Narrowing = {
  /** The condition that an index serves, in the order of time. */
  readonly lead: Condition | undefined
  /** The lists with the text of the filter. */
  readonly lists: { readonly numbers: ListNumbers; readonly beside: readonly Key[] } | undefined
}

/** Returns the keys of all events that may fit, and perhaps of others, or undefined if there are too many. No
 * list is in the order of receipt, so they are found by time. */
export const fewKeys = async (
  db: Pick<Queries, 'all'>,
  { filter, signal }: Wanted,
  { lead, lists }: Narrowing,
): Promise<readonly Key[] | undefined> => {
  const interval = spanOf(filter)
  const merged = (wanted: { numbers: ListNumbers; beside: readonly Key[] }) =>
    allKeys(mergedLists(db, { ...wanted, order: 'oldest', interval, signal }), signal)
  const { accounts } = lead ?? {}
  if (accounts) return merged({ numbers: { accounts, methods: [], locks: [] }, beside: [] })
  const withText = lists && (await merged(lists))
  if (withText) return withText
  if (!lead && filter.fromMs === undefined && filter.toMs === undefined) return undefined
  const beside = lead?.places ? await keysBeside(db) : []
  const led = await allKeys(indexedKeys(db, lead, interval), signal)
  return led && [...led, ...beside]
}

/** Returns a reader of these keys in the order of receipt. */
export const keysByReceipt = (
  keys: readonly Key[],
  order: Wanted['order'],
  { low: [low = 0], high: [high = 0] }: Interval,
): ReadKeys => {
  const sign = SORTING[order].isAscending ? 1 : -1
  const bySeq = new Map(keys.map((key) => [key.seq, key]))
  const sorted = [...bySeq.values()]
    .filter(({ seq }) => seq > low && seq < high)
    .toSorted((one, other) => sign * (one.seq - other.seq))
  let at = 0
  return async (limit) => {
    const next = sorted.slice(at, at + limit)
    at += next.length
    return next
  }
}

const spanOf = ({ fromMs, toMs }: UnlockFilter): Interval => ({
  low: [fromMs ?? Number.MIN_SAFE_INTEGER, BEGIN],
  high: [toMs ?? Number.MAX_SAFE_INTEGER, BEGIN],
})

const allKeys = async (
  read: ReadKeys,
  signal: AbortSignal | undefined,
): Promise<readonly Key[] | undefined> => {
  const keys: Key[] = []
  while (keys.length <= SORTED_MAX) {
    const next = await read(STEP_KEYS)
    keys.push(...next)
    if (next.length < STEP_KEYS) return keys
    await takeTurn(signal)
  }
  return undefined
}

/** Returns a reader of the keys of the events that meet a condition, or of all. */
const indexedKeys = (
  db: Pick<Queries, 'all'>,
  lead: Condition | undefined,
  span: Interval,
): ReadKeys => {
  const source = lead?.places
    ? `${lead.places.table} WHERE ${lead.places.sql} AND`
    : `unlock_event WHERE ${lead ? `${lead.sql} AND` : ''}`
  let interval: Interval | undefined = span
  return async (limit) => {
    const keys: Key[] = []
    while (interval && keys.length < limit) {
      const { range, rest } = nextRange(interval, SORTING.oldest)
      const missing = limit - keys.length
      const found = await db.all<Key>(
        `SELECT seq, happened_at_ms
         FROM ${source} ${range.sql}
         ORDER BY happened_at_ms, seq
         LIMIT ?`,
        ...(lead?.values ?? []),
        ...range.values,
        missing,
      )
      keys.push(...found)
      const last = found.at(-1)
      interval =
        found.length === missing && last
          ? after(SORTING.oldest.placeOf(last), interval, SORTING.oldest)
          : rest
    }
    return keys
  }
}

/** Returns the keys of the few events that are not in the summary yet. */
const keysBeside = (db: Pick<Queries, 'all'>): Promise<readonly Key[]> =>
  db.all<Key>(`SELECT seq, happened_at_ms FROM unlock_event WHERE ${BESIDE}`)
