import { takeTurn } from '../../domain/event-loop.ts'
import type { Order } from '../../http/request/paging.ts'
import type { Queries } from '../../storage/database.ts'
import { LOGIN_REFUSAL, type Result, type UnlockEvent } from '../log/event.ts'
import { hasImported, importedRange } from './imported-store.ts'
import { type ListedUnlock, withRepeats } from './repeats-store.ts'
import { type TextMatch, spellingFor, textMatch } from './text-store.ts'
import { ofUnit, withUnits } from '../units/store.ts'
import { type UnlockRow, eventOf } from '../log/event-row.ts'
import { countBefore, firstSince } from '../log/store.ts'

export type UnlockQueries = ReturnType<typeof unlockQueries>

/** The conditions that an event must meet, all of them. */
export type UnlockFilter = {
  readonly account?: string | undefined
  readonly lock?: string | undefined
  /** However it is written: see `foldedText`. */
  readonly method?: string | undefined
  readonly result?: Result | undefined
  /** Received at this time or later; imported events: happened then. An uncertain time of receipt
   * counts as any time between those of the events around it. */
  readonly fromMs?: number | undefined
  /** Received, or happened, before this time. */
  readonly toMs?: number | undefined
  /** Leaves out imported events. */
  readonly origin?: 'own' | undefined
  /** `0` leaves out refused logins. */
  readonly logins?: '0' | '1' | undefined
  /** Part of the user name, the method or the lock, as `containing` compares. */
  readonly text?: string | undefined
  /** That the account belongs to now, however it is written: see `foldedText`. */
  readonly unit?: string | undefined
}

type Wanted = {
  readonly filter: UnlockFilter
  readonly order: Order
  /** Continue after the event with this sequence number. */
  readonly after?: number | undefined
  /** Leaves out events from this sequence number on. */
  readonly size: number
  readonly limit: number
  /** Where the events of the filter's time span are, if it was looked up before. */
  readonly located?: Located | undefined
  /** Ends the search once aborted. */
  readonly signal?: AbortSignal | undefined
}

export type Found = {
  readonly unlocks: readonly ListedUnlock[]
  /** The sequence number to continue after; undefined at the end. */
  readonly next: number | undefined
}

/** The events between two sequence numbers, both excluded. */
type Interval = { readonly low: number; readonly high: number }

/** Events that one statement looks at if no index serves the whole filter, and events that one page
 * looks at: a page may have fewer than its limit and still be followed by another. */
const STEP_ROWS = 1000
const PAGE_ROWS_MAX = 20_000

/** Searches the unlock log. */
export const unlockQueries = (db: Queries) => ({
  /** Returns an event as lists show it. */
  listed: async (event: UnlockEvent): Promise<ListedUnlock> => {
    const [found] = await listed(db, [event])
    return found ?? { ...event, repeatOf: null, unit: null }
  },

  /** Looks up where the events of a filter's time span are, once for many pages. */
  locate: (wanted: Pick<Wanted, 'filter' | 'size' | 'signal'>): Promise<Located> =>
    locate(db, wanted),

  /** Returns events in the order of their sequence numbers, which no clock can change. */
  page: async (wanted: Wanted): Promise<Found> => {
    const { order, limit, filter } = wanted
    const located = wanted.located ?? (await locate(db, wanted))
    const { rows, keys, lead, rest, match } = searchFor(filter, order, located)
    const found: UnlockEvent[] = []
    let interval = remaining(wanted, located.interval)
    for (let examined = STEP_ROWS; ; examined += STEP_ROWS) {
      const { low, high } = interval
      const isLed = rest.length === 0 && !match
      const edge = isLed ? undefined : await edgeOf(db, keys, [...lead, low, high])
      const part = edge === undefined ? interval : upTo(edge, interval, order)
      const wantedRows = limit + 1 - found.length
      const bounds = [part.low, part.high]
      const params = [...lead, ...bounds, ...rest]
      const batch = match
        ? await matchingRows({ db, rows, params, match, limit: wantedRows })
        : await db.all<UnlockRow>(rows, ...params, wantedRows)
      found.push(...batch.map(eventOf))
      if (found.length > limit)
        return { unlocks: await listed(db, found.slice(0, limit)), next: found[limit - 1]?.seq }
      if (edge === undefined) return { unlocks: await listed(db, found), next: undefined }
      if (examined >= PAGE_ROWS_MAX) return { unlocks: await listed(db, found), next: edge }
      interval = after(edge, interval, order)
      await takeTurn(wanted.signal)
    }
  },
})

const listed = async (
  db: Queries,
  events: readonly UnlockEvent[],
): Promise<readonly ListedUnlock[]> => withUnits(db, await withRepeats(db, events))

type Located = {
  readonly interval: Interval
  /** The only way in which the log writes the filter's method, if it is looked up by that. */
  readonly spelling: string | undefined
  /** What else an event of the interval must meet. */
  readonly among: readonly Condition[]
}

/** Looks up where the events of a filter are. */
const locate = async (
  db: Queries,
  wanted: Pick<Wanted, 'filter' | 'size' | 'signal' | 'after'>,
): Promise<Located> => {
  const span = await locateSpan(db, wanted)
  // A stream that has caught up looks at a few events only.
  const isShort = wanted.size - (wanted.after ?? -1) <= STEP_ROWS
  return { ...span, spelling: isShort ? undefined : await spellingFor(db, wanted.filter) }
}

/** Looks up where the events of the filter's time span are. Those received then are next to one
 * another; imported events that happened then are wherever they were imported. */
const locateSpan = async (
  db: Queries,
  { filter: { fromMs, toMs }, size, signal }: Pick<Wanted, 'filter' | 'size' | 'signal'>,
): Promise<Omit<Located, 'spelling'>> => {
  const interval = {
    low: fromMs === undefined ? -1 : (await countBefore(db, fromMs)) - 1,
    high: toMs === undefined ? size : Math.min(await firstSince(db, toMs), size),
  }
  const isWhole = fromMs === undefined && toMs === undefined
  if (isWhole || !(await hasImported(db))) return { interval, among: [] }
  const imported = await importedRange(db, { fromMs, toMs }, signal)
  const sql = `iif(
    source = 'imported',
    occurred_at_ms >= ? AND occurred_at_ms < ?,
    seq > ? AND seq < ?
  ) IS TRUE`
  const [from, to] = [fromMs ?? Number.MIN_SAFE_INTEGER, toMs ?? Number.MAX_SAFE_INTEGER]
  const among = [{ sql, values: [from, to, interval.low, interval.high] }]
  if (!imported) return { interval, among }
  const isEmpty = interval.high - interval.low < 2
  return {
    interval: {
      low: Math.min(imported.first - 1, isEmpty ? Infinity : interval.low),
      high: Math.min(Math.max(imported.last + 1, isEmpty ? 0 : interval.high), size),
    },
    among,
  }
}

type Matching = {
  readonly db: Pick<Queries, 'all' | 'get'>
  readonly rows: string
  readonly params: readonly (string | number)[]
  readonly match: TextMatch
  readonly limit: number
}

/** Returns the first rows of a step that match. Only these are read whole, since most do not. */
const matchingRows = async ({ db, rows, params, match, limit }: Matching) => {
  const texts = await db.all<UnlockRow>(rows, ...params, STEP_ROWS)
  const found: UnlockRow[] = []
  for (const { seq } of texts.filter(match.fits).slice(0, limit)) {
    const row = await db.get<UnlockRow>('SELECT * FROM unlock_event WHERE seq = ?', seq)
    if (row) found.push(row)
  }
  return found
}

/** The part of an interval that the pages before have not covered. */
const remaining = ({ order, after: seq }: Wanted, whole: Interval): Interval => {
  if (seq === undefined) return whole
  const rest = after(seq, whole, order)
  return { low: Math.max(rest.low, whole.low), high: Math.min(rest.high, whole.high) }
}

/** Returns the last of the next events that a statement looks at; undefined if there are no more. */
const edgeOf = async (
  db: Queries,
  keys: string,
  params: readonly (string | number)[],
): Promise<number | undefined> => {
  const steps = await db.all<{ seq: number }>(keys, ...params, STEP_ROWS)
  return steps.length === STEP_ROWS ? steps.at(-1)?.seq : undefined
}

const after = (seq: number, interval: Interval, order: Order): Interval =>
  order === 'oldest' ? { ...interval, low: seq } : { ...interval, high: seq }

const upTo = (seq: number, interval: Interval, order: Order): Interval =>
  order === 'oldest' ? { ...interval, high: seq + 1 } : { ...interval, low: seq - 1 }

type Condition = { readonly sql: string; readonly values: readonly (string | number)[] }

/** Returns the statements of a filter, and what no statement can compare. One index leads, the one
 * likely to leave the fewest events, and gives the order; the other conditions are written so that no
 * index serves them, which leaves the query planner no choice. */
const searchFor = (filter: UnlockFilter, order: Order, { among, spelling }: Located) => {
  const [lead, ...others] = equalities(filter, spelling)
  const rest = [
    ...others.map(({ sql, values }) => ({ sql: `(${sql}) IS TRUE`, values })),
    ...(filter.result === 'unlocked' ? [{ sql: "result = 'unlocked'", values: [] }] : []),
    ...(filter.logins === '0'
      ? [{ sql: 'reason IS DISTINCT FROM ?', values: [LOGIN_REFUSAL] }]
      : []),
    ...(filter.origin === 'own' ? [{ sql: "source <> 'imported'", values: [] }] : []),
    ...(filter.unit === undefined ? [] : [ofUnit(filter.unit)]),
    ...among,
  ]
  const sorted = `seq ${order === 'oldest' ? 'ASC' : 'DESC'}`
  const led = [...(lead ? [lead.sql] : []), 'seq > ? AND seq < ?'].join(' AND ')
  const all = [led, ...rest.map(({ sql }) => sql)].join(' AND ')
  const match = textMatch(filter, spelling)
  return {
    rows: `SELECT ${match?.columns ?? '*'} FROM unlock_event WHERE ${all} ORDER BY ${sorted} LIMIT ?`,
    keys: `SELECT seq FROM unlock_event WHERE ${led} ORDER BY ${sorted} LIMIT ?`,
    lead: lead?.values ?? [],
    rest: rest.flatMap(({ values }) => values),
    match,
  }
}

/** The conditions that an index serves, the most selective first. `unlocked` has no index, since
 * nearly all events meet it. */
const equalities = (
  { account, lock, result }: UnlockFilter,
  spelling: string | undefined,
): readonly Condition[] => [
  ...equality('account_public_id', account),
  ...(result === 'denied' ? [{ sql: "result = 'denied'", values: [] }] : []),
  ...equality('method', spelling),
  ...equality('lock', lock),
]

const equality = (column: string, value: string | undefined): readonly Condition[] =>
  value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }]
