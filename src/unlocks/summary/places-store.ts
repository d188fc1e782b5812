import { BESIDE } from './counted-store.ts'

/** A table of the summary that lists events in the order in which they happened, and a condition that selects
 * the events of one value. */
export type Places = { readonly table: string; readonly sql: string }

export const PLACES_OF_METHOD: Places = { table: 'unlock_of_method', sql: 'method = ?' }

export const PLACES_OF_LOCK: Places = {
  table: 'unlock_of_lock',
  sql: 'lock = (SELECT number FROM unlock_lock WHERE unlock_lock.lock = ?)',
}

type Wanted = {
  /** Columns of `unlock_event`. */
  readonly columns: string
  /** The condition on `unlock_event` that selects the same events, with the same value. */
  readonly condition: string
  readonly range: string
  /** An order by `happened_at_ms` and `seq`. */
  readonly orderBy: string
}

/** Returns a query for the next events of a range: those that the summary lists, and the few that are not in
 * it yet. PostgreSQL reads the list in order, and no further than it must, only if the list itself is ordered. Its values are that of the condition twice, those of the range twice, how many to read, and those
 * of the columns. */
export const placesSql = (
  { table, sql }: Places,
  { columns, condition, range, orderBy }: Wanted,
): string => `
  WITH
    beside AS MATERIALIZED (
      SELECT happened_at_ms, seq FROM unlock_event WHERE ${BESIDE} AND ${condition}
    ),
    place (place_ms, place_seq) AS (
      SELECT happened_at_ms, seq
      FROM (
        SELECT happened_at_ms, seq FROM ${table} WHERE ${sql} AND ${range} ORDER BY ${orderBy}
      ) AS listed
      UNION ALL
      SELECT happened_at_ms, seq FROM beside WHERE ${range}
      ORDER BY ${orderBy}
      LIMIT ?
    )
  SELECT ${columns}
  FROM place
  CROSS JOIN unlock_event ON unlock_event.seq = place_seq
  ORDER BY ${orderBy.replace('happened_at_ms', 'place_ms').replace('seq', 'place_seq')}`
