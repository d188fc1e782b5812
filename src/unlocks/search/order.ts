import type { UnlockRow } from '../log/event-row.ts'

/** The orders of the log: by when an unlock happened, or by when it was received, which is the order of
 * sequence numbers and which no clock can change. */
export const ORDERS = ['newest', 'oldest', 'seq', 'seq_desc'] as const
export type UnlockOrder = (typeof ORDERS)[number]

/** Where an unlock is in an order: when it happened and its sequence number, or that alone. */
export type Place = readonly number[]

/** The unlocks between two places, both excluded. */
export type Interval = { readonly low: Place; readonly high: Place }

/** Part of an interval, as SQL and its values: those that happened at one time, which may be any number,
 * or those that happened between two. An index serves either from end to end. */
export type Range = { readonly sql: string; readonly values: readonly number[] }

type Sorting = {
  /** How many numbers a place has. */
  readonly numbers: 1 | 2
  readonly isAscending: boolean
  readonly orderBy: string
  readonly placeOf: (row: Pick<UnlockRow, 'seq' | 'happened_at_ms'>) => Place
}

const byTime = {
  numbers: 2,
  placeOf: ({ happened_at_ms: ms, seq }) => [ms, seq],
} as const satisfies Partial<Sorting>

const bySeq = { numbers: 1, placeOf: ({ seq }) => [seq] } as const satisfies Partial<Sorting>

export const SORTING: Readonly<Record<UnlockOrder, Sorting>> = {
  newest: { ...byTime, isAscending: false, orderBy: 'happened_at_ms DESC, seq DESC' },
  oldest: { ...byTime, isAscending: true, orderBy: 'happened_at_ms, seq' },
  seq: { ...bySeq, isAscending: true, orderBy: 'seq' },
  seq_desc: { ...bySeq, isAscending: false, orderBy: 'seq DESC' },
}

/** Returns what of an interval comes after a place. */
export const after = (place: Place, interval: Interval, { isAscending }: Sorting): Interval =>
  isAscending ? { ...interval, low: place } : { ...interval, high: place }

/** Returns the next part of an interval in an order, and what remains after it, if anything. */
export const nextRange = (
  { low, high }: Interval,
  { numbers, isAscending }: Sorting,
): { readonly range: Range; readonly rest: Interval | undefined } => {
  if (numbers === 1)
    return { range: { sql: 'seq > ? AND seq < ?', values: [...low, ...high] }, rest: undefined }
  const [[lowMs = 0, lowSeq = 0], [highMs = 0, highSeq = 0]] = [low, high]
  const at = (ms: number, from: number, to: number): Range => ({
    sql: 'happened_at_ms = ? AND seq > ? AND seq < ?',
    values: [ms, from, to],
  })
  if (lowMs === highMs) return { range: at(lowMs, lowSeq, highSeq), rest: undefined }
  if (isAscending && lowSeq >= 0)
    return { range: at(lowMs, lowSeq, END), rest: { low: [lowMs + 1, BEGIN], high } }
  if (!isAscending && highSeq >= 0)
    return { range: at(highMs, BEGIN, highSeq), rest: { low, high: [highMs, BEGIN] } }
  const between = {
    sql: 'happened_at_ms >= ? AND happened_at_ms < ?',
    values: [lowSeq < 0 ? lowMs : lowMs + 1, highMs],
  }
  if (isAscending && highSeq >= 0) return { range: between, rest: { low: [highMs, BEGIN], high } }
  if (!isAscending && lowSeq >= 0) return { range: between, rest: { low, high: [lowMs, END] } }
  return { range: between, rest: undefined }
}

/** Before and after all sequence numbers. */
export const BEGIN = -1
const END = Number.MAX_SAFE_INTEGER
