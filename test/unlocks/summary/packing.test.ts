import { expect, test } from 'bun:test'
import {
  type Tally,
  packedSums,
  packedTallies,
} from '../../../src/unlocks/summary/packed-tallies.ts'
import { packErased } from '../../../src/unlocks/summary/tally-store.ts'
import { openTestDatabase } from '../../support/postgres.ts'

const DAYS = 5
const QUARTERS_PER_DAY = 96

/** A day of `count` tallies, one for each account. */
const dayOf = (day: number, count: number): readonly Tally[] =>
  Array.from({ length: count }, (_, account) => ({
    quarter: day * QUARTERS_PER_DAY,
    account: account + 1,
    method: 1,
    unlocks: 1,
  }))

/** Plants days of which some unlocks each were erased. Returns how many of them each step packs. */
const steps = async (tallies: number, erased = 1): Promise<readonly number[]> => {
  const db = await openTestDatabase()
  for (let day = 0; day < DAYS; day += 1) {
    const all = dayOf(day, tallies)
    await db.run(
      'INSERT INTO unlock_tally_day (day, sums, tallies) VALUES (?, ?, ?)',
      day,
      packedSums(all),
      packedTallies(all),
    )
    await db.run(
      `INSERT INTO unlock_tally (quarter, account, method, unlocks)
       SELECT CAST(? AS bigint), CAST(value AS bigint), 1, -1 FROM json_each(?)`,
      day * QUARTERS_PER_DAY,
      JSON.stringify(all.slice(0, erased).map(({ account }) => account)),
    )
  }
  const left = async () =>
    (await db.get<{ n: number }>('SELECT count(DISTINCT quarter) AS n FROM unlock_tally'))?.n ?? 0
  const packed: number[] = []
  for (let before = await left(); await db.transaction(packErased); before = await left())
    packed.push(before - (await left()))
  expect(await left()).toBe(0)
  await db.close()
  return packed
}

test('[D7, G7] days with erased unlocks are packed in short steps, however many tallies they have', async () => {
  expect(await steps(100)).toStrictEqual([5])
  expect(await steps(5000)).toStrictEqual([2, 2, 1])
  expect(await steps(20_000)).toStrictEqual([1, 1, 1, 1, 1])
  // Nothing of these is left.
  expect(await steps(5000, 5000)).toStrictEqual([1, 1, 1, 1, 1])
})
