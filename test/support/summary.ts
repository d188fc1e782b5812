import { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import type { Params, Queries } from '../../src/storage/queries.ts'
import { isCounted } from '../../src/unlocks/log/event.ts'
import {
  newSums,
  addPackedSums,
  QUARTER_MS,
  unpackTallies,
} from '../../src/unlocks/summary/packed-tallies.ts'
import { homeDatabase } from './home-database.ts'

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

/** Compares the summary of a home with a plain count of the rows, while others wait; returns how many unlocks are in
 * the summary. */
export const expectHomeSummary = async (folder: string): Promise<number> => {
  await using db = await homeDatabase(folder)
  const release = await db.holdWrites()
  try {
    return await expectSummary(db)
  } finally {
    await release()
  }
}

/** The same for a database file whose WAL is to stay as it is. */
export const expectFileSummary = async (path: string): Promise<number> => {
  using file = new Database(path, { readonly: true })
  file.run('BEGIN')
  return await expectSummary({
    all: async <Found>(sql: string, ...params: Params) => file.query(sql).all(...params) as Found[],
    get: async <Found>(sql: string, ...params: Params) =>
      (file.query(sql).get(...params) ?? undefined) as Found | undefined,
  })
}

/** The same in a transaction. */
export const expectSummary = async (db: Pick<Queries, 'all' | 'get'>): Promise<number> => {
  const { size = 0 } = (await db.get<{ size: number }>('SELECT size FROM unlock_summary')) ?? {}
  const rows = await db.all<Row>(
    `SELECT seq, unlock_account.id AS account, method_number AS method, lock, result, reason,
       happened_at_ms AS happened, received_at_ms AS received, is_time_uncertain AS uncertain,
       is_repeat AS repeat
     FROM unlock_event
     LEFT JOIN unlock_account ON number = account_number
     WHERE seq < ?
     ORDER BY seq`,
    size,
  )
  expect(await tallied(db)).toStrictEqual(counted(rows))
  expect(
    await db.all(
      'SELECT method, happened_at_ms AS happened, seq FROM unlock_of_method ORDER BY seq',
    ),
  ).toStrictEqual(
    rows.flatMap(({ method, happened, seq }) =>
      method === null ? [] : [{ method, happened, seq }],
    ),
  )
  expect(
    await db.all(
      `SELECT unlock_lock.lock, happened_at_ms AS happened, seq
       FROM unlock_of_lock
       JOIN unlock_lock ON number = unlock_of_lock.lock
       ORDER BY seq`,
    ),
  ).toStrictEqual(rows.map(({ lock, happened, seq }) => ({ lock, happened, seq })))
  const marks = new Map(
    (
      await db.all<{ seq: number; received: number }>(
        'SELECT seq, received_at_ms AS received FROM unlock_mark',
      )
    ).map(({ seq, received }) => [seq, received]),
  )
  const marked = new Set<number>()
  for (const { seq, received, uncertain } of rows) {
    const block = Math.floor(seq / 256)
    if (uncertain === 1 || marked.has(block)) continue
    marked.add(block)
    expect(marks.get(seq)).toBe(received)
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
const tallied = async (db: Pick<Queries, 'all'>): Promise<ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>()
  const tallies = await db.all<Record<'quarter' | 'account' | 'method' | 'unlocks', number>>(
    'SELECT quarter, account, method, unlocks FROM unlock_tally',
  )
  for (const { quarter, account, method, unlocks } of tallies)
    add(counts, `${quarter} ${account} ${method}`, unlocks)
  const days = await db.all<{ day: number; sums: Uint8Array; tallies: Uint8Array }>(
    'SELECT day, sums, tallies FROM unlock_tally_day',
  )
  for (const { day, sums, tallies: ofDay } of days) {
    const packed = newSums(day * 96)
    addPackedSums(packed, day, sums)
    const [quarters, methods, accounts] = [new Map(), new Map(), new Map()]
    unpackTallies(day, ofDay, (quarter, account, method, unlocks) => {
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
