import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import {
  QUARTERS_PER_DAY,
  type Sums,
  type Tally,
  addPackedSums,
  addTally,
  dayOf,
  packedSums,
  packedTallies,
  unpackTallies,
} from './packed-tallies.ts'
import { TALLIES_BESIDE } from './counted-store.ts'

/** How many tallies may be in rows of their own before days are packed, which are read faster. */
const ROWS_MAX = 8192

/** A transaction packs at most so many days, and no more once it has read so many tallies, since unlocks wait for it. */
const DAYS_PER_STEP = 8
const TALLIES_PER_STEP = 8192

/** Packs the days that have the most tallies in rows of their own, if there are `rowsMax` or more in all. */
export const packDays = async (tx: Queries, rowsMax = ROWS_MAX): Promise<void> => {
  const row = await tx.get<{ rows: number }>('SELECT count(*) AS rows FROM unlock_tally')
  if ((row?.rows ?? 0) < rowsMax) return
  await pack(
    tx,
    await tx.all<Day>(
      `SELECT ${DAY} AS day FROM unlock_tally GROUP BY 1 ORDER BY count(*) DESC LIMIT ?`,
      DAYS_PER_STEP,
    ),
  )
}

/** Packs some of the days with erased unlocks again, so that no packed bytes reveal what was erased. Returns
 * false if there were none. */
export const packErased = async (tx: Queries): Promise<boolean> => {
  const days = await tx.all<Day>(
    `SELECT DISTINCT ${DAY} AS day FROM unlock_tally WHERE unlocks < 0 LIMIT ?`,
    DAYS_PER_STEP,
  )
  await pack(tx, days)
  return days.length > 0
}

type Day = { readonly day: number }

const DAY = `(quarter - (quarter % ${QUARTERS_PER_DAY} + ${QUARTERS_PER_DAY}) % ${QUARTERS_PER_DAY}) / ${QUARTERS_PER_DAY}`

/** Packs as many of the days as fit into one transaction, and at least one. */
const pack = async (tx: Queries, days: readonly Day[]): Promise<void> => {
  let read = 0
  for (const { day } of days) {
    if (read >= TALLIES_PER_STEP) return
    const span = [day * QUARTERS_PER_DAY, (day + 1) * QUARTERS_PER_DAY] as const
    const rows = await tx.all<Tally>(
      `SELECT quarter, account, method, unlocks
       FROM unlock_tally
       WHERE quarter >= ? AND quarter < ?
       ORDER BY quarter, account, method`,
      ...span,
    )
    const packed = await tx.get<{ tallies: Uint8Array }>(
      'SELECT tallies FROM unlock_tally_day WHERE day = ?',
      day,
    )
    const before = packed ? unpacked(day, packed.tallies) : []
    const tallies = merged(before, rows)
    await tx.run(
      `INSERT INTO unlock_tally_day (day, sums, tallies) VALUES (?, ?, ?)
       ON CONFLICT (day) DO UPDATE SET sums = excluded.sums, tallies = excluded.tallies`,
      day,
      packedSums(tallies),
      packedTallies(tallies),
    )
    await tx.run('DELETE FROM unlock_tally WHERE quarter >= ? AND quarter < ?', ...span)
    read += before.length + rows.length
  }
}

const unpacked = (day: number, bytes: Uint8Array): readonly Tally[] => {
  const tallies: Tally[] = []
  unpackTallies(day, bytes, (quarter, account, method, unlocks) =>
    tallies.push({ quarter, account, method, unlocks }),
  )
  return tallies
}

/** Merges sorted tallies, without those whose count becomes 0. */
const merged = (packed: readonly Tally[], rows: readonly Tally[]): readonly Tally[] => {
  const tallies: Tally[] = []
  for (let [at, row] = [0, 0]; at < packed.length || row < rows.length;) {
    const [left, right] = [packed[at], rows[row]]
    const order = left && right ? compared(left, right) : left ? -1 : 1
    const unlocks =
      (order <= 0 ? (left?.unlocks ?? 0) : 0) + (order >= 0 ? (right?.unlocks ?? 0) : 0)
    const tally = left && order <= 0 ? left : right
    if (tally && unlocks > 0) tallies.push({ ...tally, unlocks })
    if (order <= 0) at += 1
    if (order >= 0) row += 1
  }
  return tallies
}

const compared = (one: Tally, other: Tally): number =>
  one.quarter - other.quarter || one.account - other.account || one.method - other.method

type Quarters = {
  readonly first: number
  /** The first quarter that does not count. */
  readonly end: number
  /** Stops the counting when aborted. */
  readonly signal: AbortSignal | undefined
}

/** A tally, or a day with its packed sums or, if only a part of it counts, with its packed tallies. */
type Row =
  | (Tally & { readonly day: null })
  | { readonly day: number; readonly sums: Uint8Array | null; readonly tallies: Uint8Array | null }

/** How many packed days are added, in some milliseconds, before other work gets its turn. */
const DAYS_PER_TURN = 32

/** Adds the unlocks of whole quarters of an hour to the sums. */
export const addTallies = async (
  db: Pick<Queries, 'all'>,
  sums: Sums,
  { first, end, signal }: Quarters,
): Promise<void> => {
  const days = [Math.ceil(first / QUARTERS_PER_DAY), dayOf(end)] as const
  const edges = [dayOf(first), dayOf(end - 1)].filter((day) => day < days[0] || day >= days[1])
  // In one statement, since a commit moves tallies from one place to another.
  const rows = await db.all<Row>(
    `SELECT
       day,
       sums,
       NULL AS tallies,
       CAST(NULL AS bigint) AS quarter,
       CAST(NULL AS bigint) AS account,
       CAST(NULL AS bigint) AS method,
       CAST(NULL AS bigint) AS unlocks
     FROM unlock_tally_day
     WHERE day >= ? AND day < ?
     UNION ALL
     SELECT day, NULL, tallies, NULL, NULL, NULL, NULL
     FROM unlock_tally_day
     WHERE day IN (SELECT CAST(value AS bigint) FROM json_each(?))
     UNION ALL
     SELECT NULL, NULL, NULL, quarter, account, method, unlocks
     FROM unlock_tally
     WHERE quarter >= ? AND quarter < ?
     UNION ALL
     SELECT NULL, NULL, NULL, quarter, account, method, unlocks
     FROM (${TALLIES_BESIDE}) AS beside
     WHERE quarter >= ? AND quarter < ?`,
    ...days,
    JSON.stringify([...new Set(edges)]),
    first,
    end,
    first,
    end,
  )
  let added = 0
  for (const row of rows) {
    if (row.day === null) {
      addTally(sums, row)
      continue
    }
    if (row.sums) addPackedSums(sums, row.day, row.sums)
    if (row.tallies)
      unpackTallies(row.day, row.tallies, (quarter, account, method, unlocks) => {
        if (quarter >= first && quarter < end) addTally(sums, { quarter, account, method, unlocks })
      })
    added += 1
    if (added % DAYS_PER_TURN === 0) await takeTurn(signal)
  }
}
