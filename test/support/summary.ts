import { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import { isCounted } from '../../src/unlocks/log/event.ts'
import {
  newSums,
  addPackedSums,
  QUARTER_MS,
  unpackTallies,
} from '../../src/unlocks/summary/packed-tallies.ts'

type Row = {
  readonly seq: number
  readonly account: number | null
  readonly method: number | null
  readonly lock: string
  readonly result: string
  readonly reason: string | null
  readonly happened: number
  readonly received: number
  readonly uncertain: number
  readonly repeat: number
}

/** Compares the summary in a database file with a plain count of the rows, while others may write; returns how
 * many unlocks are in the summary. */
export const expectSummary = (path: string): number => {
  using db = new Database(path, { readonly: true })
  return db.transaction(() => compare(db))()
}

const compare = (db: Database): number => {
  const { size } = db.query('SELECT size FROM unlock_summary').get() as { size: number }
  const rows = db
    .query<Row, [number]>(
      `SELECT seq, unlock_account.id AS account, method_number AS method, lock, result, reason,
         happened_at_ms AS happened, received_at_ms AS received, is_time_uncertain AS uncertain,
         is_repeat AS repeat
       FROM unlock_event
       LEFT JOIN unlock_account ON number = account_number
       WHERE seq < ?
       ORDER BY seq`,
    )
    .all(size)
  expect(tallied(db)).toStrictEqual(counted(rows))
  expect(
    db.query('SELECT method, happened_at_ms, seq FROM unlock_of_method ORDER BY seq').values(),
  ).toStrictEqual(
    rows.flatMap(({ method, happened, seq }) => (method === null ? [] : [[method, happened, seq]])),
  )
  expect(
    db
      .query(
        `SELECT unlock_lock.lock, happened_at_ms, seq
         FROM unlock_of_lock
         JOIN unlock_lock ON number = unlock_of_lock.lock
         ORDER BY seq`,
      )
      .values(),
  ).toStrictEqual(rows.map(({ lock, happened, seq }) => [lock, happened, seq]))
  const marks = new Set(db.query('SELECT seq FROM unlock_mark').values().flat())
  const marked = new Set<number>()
  for (const { seq, received, uncertain } of rows) {
    const block = Math.floor(seq / 256)
    if (uncertain === 1 || marked.has(block)) continue
    marked.add(block)
    expect(marks).toContain(seq)
    expect(
      db.query('SELECT 1 FROM unlock_mark WHERE seq = ? AND received_at_ms = ?').get(seq, received),
    ).not.toBeNull()
  }
  return size
}

/** Counts rows by quarter, account and method. */
const counted = (rows: readonly Row[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { happened, account, method, result, reason, repeat } of rows)
    if (repeat === 0 && isCounted({ result, reason }))
      add(counts, `${Math.floor(happened / QUARTER_MS)} ${account ?? 0} ${method ?? 0}`, 1)
  return sorted(counts)
}

/** Returns the tallies of the summary, packed or in rows of their own, and whether the sums of each packed day
 * are those of its tallies. */
const tallied = (db: Database): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const [quarter, account, method, unlocks] of db
    .query('SELECT quarter, account, method, unlocks FROM unlock_tally')
    .values() as number[][])
    add(counts, `${quarter} ${account} ${method}`, unlocks ?? 0)
  const days = db.query('SELECT day, sums, tallies FROM unlock_tally_day').all()
  for (const { day, sums, tallies } of days as {
    day: number
    sums: Uint8Array
    tallies: Uint8Array
  }[]) {
    const packed = newSums(day * 96)
    addPackedSums(packed, day, sums)
    const [quarters, methods, accounts] = [new Map(), new Map(), new Map()]
    unpackTallies(day, tallies, (quarter, account, method, unlocks) => {
      add(counts, `${quarter} ${account} ${method}`, unlocks)
      add(quarters, quarter - day * 96, unlocks)
      add(methods, method, unlocks)
      add(accounts, account, unlocks)
    })
    for (const [found, wanted] of [
      [packed.quarters, quarters],
      [packed.methods, methods],
      [packed.accounts, accounts],
    ] as const)
      expect(new Map([...found.entries()].filter(([, count]) => count > 0))).toStrictEqual(
        new Map([...wanted].toSorted(([one], [other]) => Number(one) - Number(other))),
      )
  }
  return sorted(counts)
}

const add = <Key>(counts: Map<Key, number>, key: Key, count: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + count)

const sorted = (counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> =>
  new Map(
    [...counts]
      .filter(([, count]) => count !== 0)
      .toSorted(([one], [other]) => one.localeCompare(other)),
  )
