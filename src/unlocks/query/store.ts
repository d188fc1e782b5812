import type { Order } from '../../http/request/paging.ts'
import type { Queries } from '../../storage/database.ts'
import type { Result, UnlockEvent } from '../log/event.ts'
import { hasImported, importedRange } from './imported-range.ts'
import { type UnlockRow, eventOf } from '../log/event-row.ts'
import { countBefore, firstSince } from '../log/store.ts'

export type UnlockQueries = ReturnType<typeof unlockQueries>

/** What an event must fit; all of it. */
export type UnlockFilter = {
  readonly account?: string | undefined
  readonly lock?: string | undefined
  readonly method?: string | undefined
  readonly result?: Result | undefined
  /** Received at this time or later; of imported events, happened then. Where the time of receipt
   * was doubted, it is taken for anything between those of its neighbours. */
  readonly fromMs?: number | undefined
  /** Received, or happened, before this time. */
  readonly toMs?: number | undefined
  /** Leaves out what a legacy server recorded. */
  readonly origin?: 'own' | undefined
  /** Part of the user name or the method; ASCII letters of either case are the same. */
  readonly text?: string | undefined
}

type Wanted = {
  readonly filter: UnlockFilter
  readonly order: Order
  /** Go on behind the event of this number. */
  readonly after?: number | undefined
  /** Leaves out the events from this number on. */
  readonly size: number
  readonly limit: number
  /** Where the events of the filter's time are, if that was looked up before. */
  readonly located?: Located | undefined
}

export type Found = {
  readonly unlocks: readonly UnlockEvent[]
  /** The number to go on behind; none at the end. */
  readonly next: number | undefined
}

/** A stretch of the log, from one sequence number to another; neither is itself in it. */
type Stretch = { readonly low: number; readonly high: number }

/** Events that one statement goes through where no index answers the whole filter, and events that
 * one page does: a page may hold fewer than its limit and still be followed by another. */
const STEP_ROWS = 1000
const PAGE_ROWS_MAX = 20_000

/** The unlock log as it is searched. */
export const unlockQueries = (db: Queries) => ({
  /** Looks up where the events of a filter's time are, once for many pages. */
  locate: (wanted: Pick<Wanted, 'filter' | 'size'>): Promise<Located> => locate(db, wanted),

  /** Events in the order of their numbers, which no clock can change. */
  page: async (wanted: Wanted): Promise<Found> => {
    const { order, limit, filter } = wanted
    const located = wanted.located ?? (await locate(db, wanted))
    const { rows, keys, lead, rest } = searchFor(filter, order, located.among)
    const found: UnlockEvent[] = []
    let stretch = wholeStretch(wanted, located.stretch)
    for (let examined = STEP_ROWS; ; examined += STEP_ROWS) {
      const { low, high } = stretch
      const edge = rest.length === 0 ? undefined : await edgeOf(db, keys, [...lead, low, high])
      const part = edge === undefined ? stretch : upTo(edge, stretch, order)
      const left = limit + 1 - found.length
      const some = await db.all<UnlockRow>(rows, ...lead, part.low, part.high, ...rest, left)
      found.push(...some.map(eventOf))
      if (found.length > limit)
        return { unlocks: found.slice(0, limit), next: found[limit - 1]?.seq }
      if (edge === undefined) return { unlocks: found, next: undefined }
      if (examined >= PAGE_ROWS_MAX) return { unlocks: found, next: edge }
      stretch = behind(edge, stretch, order)
      await otherWork()
    }
  },
})

/** Lets whatever waits go first, since SQLite answers without giving way. */
const otherWork = (): Promise<void> => new Promise((turn) => setImmediate(turn))

type Located = {
  readonly stretch: Stretch
  /** What else an event of the stretch must fit. */
  readonly among: readonly Condition[]
}

/** Where the events of the filter's time are. Those received then stand side by side; imported ones
 * that happened then stand wherever they were imported. */
const locate = async (
  db: Queries,
  { filter: { fromMs, toMs }, size }: Pick<Wanted, 'filter' | 'size'>,
): Promise<Located> => {
  const stretch = {
    low: fromMs === undefined ? -1 : (await countBefore(db, fromMs)) - 1,
    high: toMs === undefined ? size : Math.min(await firstSince(db, toMs), size),
  }
  const isWhole = fromMs === undefined && toMs === undefined
  if (isWhole || !(await hasImported(db))) return { stretch, among: [] }
  const imported = await importedRange(db, { fromMs, toMs })
  const sql = `iif(
    source = 'imported',
    occurred_at_ms >= ? AND occurred_at_ms < ?,
    seq > ? AND seq < ?
  ) IS TRUE`
  const [from, to] = [fromMs ?? Number.MIN_SAFE_INTEGER, toMs ?? Number.MAX_SAFE_INTEGER]
  const among = [{ sql, values: [from, to, stretch.low, stretch.high] }]
  if (!imported) return { stretch, among }
  const isEmpty = stretch.high - stretch.low < 2
  return {
    stretch: {
      low: Math.min(imported.first - 1, isEmpty ? Infinity : stretch.low),
      high: Math.min(Math.max(imported.last + 1, isEmpty ? 0 : stretch.high), size),
    },
    among,
  }
}

const wholeStretch = ({ order, after }: Wanted, whole: Stretch): Stretch => {
  if (after === undefined) return whole
  const rest = behind(after, whole, order)
  return { low: Math.max(rest.low, whole.low), high: Math.min(rest.high, whole.high) }
}

/** The last of the next events that a statement goes through; none where they are the last. */
const edgeOf = async (
  db: Queries,
  keys: string,
  params: readonly (string | number)[],
): Promise<number | undefined> => {
  const steps = await db.all<{ seq: number }>(keys, ...params, STEP_ROWS)
  return steps.length === STEP_ROWS ? steps.at(-1)?.seq : undefined
}

const behind = (seq: number, stretch: Stretch, order: Order): Stretch =>
  order === 'oldest' ? { ...stretch, low: seq } : { ...stretch, high: seq }

const upTo = (seq: number, stretch: Stretch, order: Order): Stretch =>
  order === 'oldest' ? { ...stretch, high: seq + 1 } : { ...stretch, low: seq - 1 }

type Condition = { readonly sql: string; readonly values: readonly (string | number)[] }

/** The statements of a filter: one index leads, that which is likely to leave the fewest events,
 * and gives their order; the rest of the filter is asked of each event in a shape that no index
 * serves, so that the planner has no choice. */
const searchFor = (filter: UnlockFilter, order: Order, among: readonly Condition[]) => {
  const [lead, ...others] = equalities(filter)
  const rest = [
    ...others.map(({ sql, values }) => ({ sql: `(${sql}) IS TRUE`, values })),
    ...(filter.result === 'unlocked' ? [{ sql: "result = 'unlocked'", values: [] }] : []),
    ...(filter.origin === 'own' ? [{ sql: "source <> 'imported'", values: [] }] : []),
    ...textCondition(filter.text),
    ...among,
  ]
  const sorted = `seq ${order === 'oldest' ? 'ASC' : 'DESC'}`
  const led = [...(lead ? [lead.sql] : []), 'seq > ? AND seq < ?'].join(' AND ')
  const all = [led, ...rest.map(({ sql }) => sql)].join(' AND ')
  return {
    rows: `SELECT * FROM unlock_event WHERE ${all} ORDER BY ${sorted} LIMIT ?`,
    keys: `SELECT seq FROM unlock_event WHERE ${led} ORDER BY ${sorted} LIMIT ?`,
    lead: lead?.values ?? [],
    rest: rest.flatMap(({ values }) => values),
  }
}

/** Those that an index serves, in the order in which they leave few events; what is asked of nearly
 * all events, that the door was unlocked, has none. */
const equalities = ({ account, lock, method, result }: UnlockFilter): readonly Condition[] => [
  ...equality('account_public_id', account),
  ...(result === 'denied' ? [{ sql: "result = 'denied'", values: [] }] : []),
  ...equality('method', method),
  ...equality('lock', lock),
]

const equality = (column: string, value: string | undefined): readonly Condition[] =>
  value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }]

const textCondition = (text: string | undefined): readonly Condition[] => {
  if (text === undefined) return []
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  const sql = String.raw`(username LIKE ? ESCAPE '\' OR method LIKE ? ESCAPE '\')`
  return [{ sql, values: [pattern, pattern] }]
}
