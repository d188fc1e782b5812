import type { Order } from '../http/paging.ts'
import type { Queries } from '../storage/database.ts'
import type { Result } from './event.ts'
import { type StoredUnlock, type UnlockRow, stored } from './store.ts'

export type UnlockReads = ReturnType<typeof unlockReads>

/** What an event must fit; all of it. */
export type UnlockFilter = {
  readonly account?: string | undefined
  readonly lock?: string | undefined
  readonly method?: string | undefined
  readonly result?: Result | undefined
  /** Received at this time or later. */
  readonly fromMs?: number | undefined
  /** Received before this time. */
  readonly toMs?: number | undefined
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
}

export type Found = {
  readonly unlocks: readonly StoredUnlock[]
  /** The number to go on behind; none at the end. */
  readonly next: number | undefined
}

/** A stretch of the log; neither end is itself in it. */
type Stretch = { readonly low: Place; readonly high: Place }
type Place = { readonly seq: number; readonly receivedAtMs: number }

/** Events that one statement goes through where no index answers the whole filter, and events that
 * one page does: a page may hold fewer than its limit and still be followed by another. */
const STEP_ROWS = 1000
const PAGE_ROWS_MAX = 20_000

/** The unlock log as it is searched. */
export const unlockReads = (db: Queries) => ({
  /** Events in the order of their numbers. Those of a time, of whatever account, come in the order
   * of receipt by the clock, which differs only where that was set back. */
  page: async (wanted: Wanted): Promise<Found> => {
    const { order, limit, filter } = wanted
    const search = searchFor(filter, order)
    const { rows, keys, lead, rest } = search
    const found: StoredUnlock[] = []
    let stretch = await wholeStretch(db, wanted)
    for (let examined = STEP_ROWS; ; examined += STEP_ROWS) {
      const edge =
        rest.length === 0
          ? undefined
          : await edgeOf(db, keys, [...lead, ...search.ends(stretch), STEP_ROWS])
      const part = edge ? upTo(edge, stretch, order) : stretch
      const left = limit + 1 - found.length
      const some = await db.all<UnlockRow>(rows, ...lead, ...search.ends(part), ...rest, left)
      found.push(...some.map(stored))
      if (found.length > limit)
        return { unlocks: found.slice(0, limit), next: found[limit - 1]?.seq }
      if (!edge) return { unlocks: found, next: undefined }
      if (examined >= PAGE_ROWS_MAX) return { unlocks: found, next: edge.seq }
      stretch = behind(edge, stretch, order)
      await otherWork()
    }
  },
})

/** Lets whatever waits go first, since SQLite answers without giving way. */
const otherWork = (): Promise<void> => new Promise((turn) => setImmediate(turn))

const wholeStretch = async (
  db: Queries,
  { filter, order, after, size }: Wanted,
): Promise<Stretch> => {
  const isTimed = isByTime(filter)
  const whole = {
    low: { seq: -1, receivedAtMs: filter.fromMs ?? 0 },
    high: { seq: isTimed ? -1 : size, receivedAtMs: filter.toMs ?? Number.MAX_SAFE_INTEGER },
  }
  if (after === undefined) return whole
  const row = await db.get<{ received_at_ms: number }>(
    'SELECT received_at_ms FROM unlock WHERE seq = ?',
    after,
  )
  return behind({ seq: after, receivedAtMs: row?.received_at_ms ?? 0 }, whole, order)
}

/** The last of the next events that a statement goes through; none where they are the last. */
const edgeOf = async (
  db: Queries,
  keys: string,
  params: readonly (string | number)[],
): Promise<Place | undefined> => {
  const steps = await db.all<{ seq: number; received_at_ms: number }>(keys, ...params)
  const last = steps.at(-1)
  return last && steps.length === STEP_ROWS
    ? { seq: last.seq, receivedAtMs: last.received_at_ms }
    : undefined
}

const behind = (place: Place, stretch: Stretch, order: Order): Stretch =>
  order === 'oldest' ? { ...stretch, low: place } : { ...stretch, high: place }

const upTo = ({ seq, receivedAtMs }: Place, stretch: Stretch, order: Order): Stretch =>
  order === 'oldest'
    ? { ...stretch, high: { seq: seq + 1, receivedAtMs } }
    : { ...stretch, low: { seq: seq - 1, receivedAtMs } }

const isByTime = ({ account, fromMs, toMs }: UnlockFilter): boolean =>
  account === undefined && (fromMs !== undefined || toMs !== undefined)

type Condition = { readonly sql: string; readonly values: readonly (string | number)[] }

/** The statements of a filter: one index leads, that which is likely to leave the fewest events,
 * and gives their order; the rest of the filter is asked of each event in a shape that no index
 * serves, so that the planner has no choice. */
const searchFor = (filter: UnlockFilter, order: Order) => {
  const isTimed = isByTime(filter)
  const equal = equalities(filter)
  const lead = isTimed ? undefined : equal[0]
  const rest = [
    ...equal.slice(lead ? 1 : 0).map(({ sql, values }) => ({ sql: `(${sql}) IS TRUE`, values })),
    ...(isTimed ? [] : times(filter)),
    ...textCondition(filter.text),
  ]
  const direction = order === 'oldest' ? 'ASC' : 'DESC'
  const sorted = isTimed ? `received_at_ms ${direction}, seq ${direction}` : `seq ${direction}`
  const within = isTimed
    ? '(received_at_ms, seq) > (?, ?) AND (received_at_ms, seq) < (?, ?)'
    : 'seq > ? AND seq < ?'
  const led = [...(lead ? [lead.sql] : []), within].join(' AND ')
  const all = [led, ...rest.map(({ sql }) => sql)].join(' AND ')
  return {
    rows: `SELECT * FROM unlock WHERE ${all} ORDER BY ${sorted} LIMIT ?`,
    keys: `SELECT seq, received_at_ms FROM unlock WHERE ${led} ORDER BY ${sorted} LIMIT ?`,
    lead: lead?.values ?? [],
    rest: rest.flatMap(({ values }) => values),
    ends: ({ low, high }: Stretch): readonly number[] =>
      isTimed ? [low.receivedAtMs, low.seq, high.receivedAtMs, high.seq] : [low.seq, high.seq],
  }
}

const equalities = ({ account, lock, method, result }: UnlockFilter): readonly Condition[] =>
  [
    { sql: 'account_public_id = ?', value: account },
    { sql: 'result = ?', value: result === 'denied' ? result : undefined },
    { sql: 'method = ?', value: method },
    { sql: 'lock = ?', value: lock },
    { sql: 'result = ?', value: result === 'unlocked' ? result : undefined },
  ].flatMap(({ sql, value }) => (value === undefined ? [] : [{ sql, values: [value] }]))

const times = ({ fromMs, toMs }: UnlockFilter): readonly Condition[] => [
  ...(fromMs === undefined ? [] : [{ sql: '(received_at_ms >= ?) IS TRUE', values: [fromMs] }]),
  ...(toMs === undefined ? [] : [{ sql: '(received_at_ms < ?) IS TRUE', values: [toMs] }]),
]

const textCondition = (text: string | undefined): readonly Condition[] => {
  if (text === undefined) return []
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  const sql = String.raw`(username LIKE ? ESCAPE '\' OR method LIKE ? ESCAPE '\')`
  return [{ sql, values: [pattern, pattern] }]
}
