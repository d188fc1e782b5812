import type { Queries } from '../../storage/database.ts'
import { placesSql } from '../summary/places-store.ts'
import type { Condition, UnlockFilter } from './filter-store.ts'
import type { Key, ReadKeys } from './lists-store.ts'
import {
  type Interval,
  type Place,
  type Range,
  SORTING,
  type UnlockOrder,
  after,
  nextRange,
} from './order.ts'
import { type Texts, textMatch } from './text-store.ts'

export type Wanted = {
  readonly filter: UnlockFilter
  readonly order: UnlockOrder
  /** Leaves out events with this sequence number or a higher one. */
  readonly size?: number | undefined
  /** Stops the search when aborted. */
  readonly signal?: AbortSignal | undefined
}

/** What was found among the next events of an interval: those that fit, in order, how many were looked at, the
 * place of the last of these, and what remains. */
type Step<Row> = {
  readonly rows: readonly Row[]
  readonly count: number
  readonly last: Place | undefined
  readonly rest: Interval | undefined
}

export type Way<Row> = {
  /** True if an index serves the whole filter. */
  readonly isLed: boolean
  /** Looks at up to `limit` of the next events of an interval; at most `missing` of those that fit are
   * needed. */
  readonly next: (interval: Interval, limit: number, missing: number) => Promise<Step<Row>>
}

/** Returns the ways to search for some columns of events. */
export const waysToSearch = <Row extends Key>(
  db: Pick<Queries, 'all'>,
  { order, filter }: Wanted,
  columns: string,
) => {
  const sorting = SORTING[order]

  const step = (
    rows: readonly Row[],
    keys: readonly Key[],
    { interval, rest, isCut }: { interval: Interval; rest: Interval | undefined; isCut: boolean },
  ): Step<Row> => {
    const last = keys.at(-1)
    const place = last && sorting.placeOf(last)
    const remaining = isCut && place ? after(place, interval, sorting) : rest
    return { rows, count: keys.length, last: place, rest: remaining }
  }

  return {
    /** Reads events in the order of an index, or of the log, and checks the remaining conditions. */
    byIndex: (conditions: readonly Condition[], lead: Condition | undefined): Way<Row> => {
      const leading = conditions.filter((one) => one === lead || (one.isUsual && !lead?.places))
      const check = checkFor(
        conditions.filter((one) => !leading.includes(one)),
        filter.text,
      )
      const read = indexReader(db, { lead, leading, orderBy: sorting.orderBy })
      return {
        isLed: check === undefined,
        next: async (interval, limit, missing) => {
          const { range, rest } = nextRange(interval, sorting)
          if (!check) {
            const rows = await read<Row>(columns, [], range, limit)
            return step(rows, rows, { interval, rest, isCut: rows.length === limit })
          }
          const keys = await read<Checked>(check.columns, check.values, range, limit)
          const fitting = keys.filter(check.fits).slice(0, missing)
          const rows = await rowsOf<Row>(db, columns, [], fitting)
          return step(rows, keys, { interval, rest, isCut: keys.length === limit })
        },
      }
    },

    /** Reads events by their keys, in order, and checks all conditions. */
    byKeys: (
      conditions: readonly Condition[],
      keysOf: (interval: Interval) => ReadKeys,
    ): Way<Row> => {
      const check = checkFor(conditions, filter.text)
      let read: ReadKeys | undefined
      return {
        isLed: false,
        next: async (interval, limit, missing) => {
          read ??= keysOf(interval)
          const keys = await read(Math.min(limit, KEYS_STEP_MAX))
          const fitting = check
            ? (await rowsOf<Checked>(db, check.columns, check.values, keys)).filter(check.fits)
            : keys
          const rows = await rowsOf<Row>(db, columns, [], fitting.slice(0, missing))
          const isCut = keys.length === Math.min(limit, KEYS_STEP_MAX)
          return step(rows, keys, { interval, rest: undefined, isCut })
        },
      }
    },
  }
}

/** How many keys one step looks at: finding each may take statements of its own. */
const KEYS_STEP_MAX = 100

type Reader = {
  readonly lead: Condition | undefined
  /** The conditions that select the events to read, the lead among them. */
  readonly leading: readonly Condition[]
  readonly orderBy: string
}

const indexReader =
  (db: Pick<Queries, 'all'>, { lead, leading, orderBy }: Reader) =>
  <Row>(columns: string, values: Condition['values'], range: Range, limit: number) =>
    lead?.places
      ? db.all<Row>(
          placesSql(lead.places, { columns, condition: lead.sql, range: range.sql, orderBy }),
          ...lead.values,
          ...lead.values,
          ...range.values,
          ...range.values,
          limit,
          ...values,
        )
      : db.all<Row>(
          `SELECT ${columns}
           FROM unlock_event
           WHERE ${[...leading.map(({ sql }) => sql), range.sql].join(' AND ')}
           ORDER BY ${orderBy}
           LIMIT ?`,
          ...values,
          ...leading.flatMap((one) => one.values),
          ...range.values,
          limit,
        )

type Checked = Key & Texts & { readonly fits: number }

/** Returns what to read of an event to see whether it fits, and a function that says so, or undefined if all
 * fit. */
const checkFor = (conditions: readonly Condition[], text: string | undefined) => {
  if (conditions.length === 0 && text === undefined) return undefined
  const match = text === undefined ? undefined : textMatch(text)
  // As columns and not in WHERE, so that the query planner cannot choose another index.
  const fits =
    conditions.length === 0 ? '1' : `(${conditions.map(({ sql }) => sql).join(') AND (')}) IS TRUE`
  return {
    columns: `seq, happened_at_ms, ${match ? 'method, username, lock,' : ''} ${fits} AS fits`,
    values: conditions.flatMap(({ values }) => values),
    fits: (one: Checked): boolean => one.fits === 1 && match?.(one) !== false,
  }
}

/** Returns some columns of events, in the order of their keys. */
const rowsOf = async <Row extends Key>(
  db: Pick<Queries, 'all'>,
  columns: string,
  values: Condition['values'],
  keys: readonly Key[],
): Promise<readonly Row[]> => {
  if (keys.length === 0) return []
  const rows = await db.all<Row>(
    `SELECT ${columns} FROM unlock_event WHERE seq IN (SELECT CAST(value AS bigint) FROM json_each(?))`,
    ...values,
    JSON.stringify(keys.map(({ seq }) => seq)),
  )
  const bySeq = new Map(rows.map((row) => [row.seq, row]))
  return keys.flatMap(({ seq }) => bySeq.get(seq) ?? [])
}
