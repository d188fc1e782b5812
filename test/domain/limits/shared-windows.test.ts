import { describe, expect, test } from 'bun:test'
import {
  type Counted,
  type Total,
  sharedWindows,
} from '../../../src/domain/limits/shared-windows.ts'
import { until } from '../../support/until.ts'

const MINUTE = 60_000

/** Stands in for the table on a server, which has its own clock. */
const table = () => {
  const rows = new Map<string, { count: number; endMs: number }>()
  const clock = { nowMs: 1_000_000 }
  return {
    rows,
    clock,
    exchange: async (counted: readonly Counted[]): Promise<readonly Total[]> =>
      counted.map(({ key, by, durationMs }) => {
        const known = rows.get(key)
        const isOver = !known || known.endMs <= clock.nowMs
        const row = isOver ? { count: 0, endMs: clock.nowMs + durationMs } : known
        row.count += by
        rows.set(key, row)
        return { key, count: row.count, leftMs: row.endMs - clock.nowMs, windowId: row.endMs }
      }),
  }
}

/** A replica with its own clock, and a record of its exchanges. */
const replica = (exchange: (counted: readonly Counted[]) => Promise<readonly Total[]>) => {
  const clock = { nowMs: Math.random() * MINUTE }
  const seen = { exchanges: 0, counted: [] as Counted[], changes: [] as (string | undefined)[] }
  const shared = sharedWindows({
    exchange: async (counted) => {
      seen.counted.push(...counted)
      try {
        return await exchange(counted)
      } finally {
        // The answer is processed before anyone who waits for this number sees it.
        setTimeout(() => (seen.exchanges += 1))
      }
    },
    hide: (key) => Bun.hash(key).toString(36),
    onChange: (reason) => void seen.changes.push(reason),
  })
  const windows = shared.open('test', () => clock.nowMs)
  return {
    ...windows,
    ...shared,
    clock,
    seen,
    /** Counts, and waits until the count has been shared. */
    tell: async (key: string, by = 1) => {
      const before = seen.exchanges
      const window = windows.add(key, by, MINUTE)
      await until(() => seen.exchanges > before)
      return window
    },
  }
}

describe('counts that replicas share', () => {
  test('add up, and end at the same time whatever the clocks', async () => {
    const { exchange, clock, rows } = table()
    const [one, other] = [replica(exchange), replica(exchange)]
    await one.tell('a', 3)
    clock.nowMs += 20_000
    one.clock.nowMs += 20_000
    expect(await other.tell('a', 2)).toMatchObject({ count: 5 })
    expect((other.find('a')?.endMs ?? 0) - other.clock.nowMs).toBeCloseTo(40_000)
    // The other learns of it at its next exchange.
    expect(one.find('a')).toMatchObject({ count: 3 })
    expect(await one.tell('a')).toMatchObject({ count: 6 })
    expect((one.find('a')?.endMs ?? 0) - one.clock.nowMs).toBeCloseTo(40_000)
    expect(rows.size).toBe(1)
    // What is taken back counts nowhere.
    const window = one.find('a')
    if (window) one.takeBack('a', window, 4)
    await until(() => [...rows.values()][0]?.count === 2)
    expect(one.find('a')).toMatchObject({ count: 2 })
    expect(await other.tell('a')).toMatchObject({ count: 3 })
  })

  test('start again when another replica has begun a new window', async () => {
    const { exchange, clock } = table()
    const [one, other] = [replica(exchange), replica(exchange)]
    await one.tell('a', 60)
    clock.nowMs += MINUTE
    other.clock.nowMs += MINUTE
    await other.tell('a', 2)
    // Its clock is a little behind.
    one.clock.nowMs += MINUTE - 100
    expect(await one.tell('a')).toMatchObject({ count: 3 })
    expect((one.find('a')?.endMs ?? 0) - one.clock.nowMs).toBeCloseTo(MINUTE)
  })

  test('keep what this replica knows if the server has lost them', async () => {
    const { exchange, rows, clock } = table()
    const [one, other] = [replica(exchange), replica(exchange)]
    await other.tell('a', 20)
    await one.tell('a', 10)
    rows.clear()
    clock.nowMs += 5000
    one.clock.nowMs += 5000
    expect(await one.tell('a')).toMatchObject({ count: 31 })
    expect((one.find('a')?.endMs ?? 0) - one.clock.nowMs).toBeCloseTo(MINUTE - 5000)
  })

  test('are shared in batches, with each key once, under opaque names', async () => {
    const { exchange } = table()
    const { add, seen } = replica(exchange)
    for (let count = 0; count < 1000; count += 1) add(`192.0.2.${count % 3}`, 1, MINUTE)
    await until(() => seen.exchanges > 0)
    expect(seen.counted.map(({ by }) => by)).toStrictEqual([334, 333, 333])
    expect(JSON.stringify(seen.counted)).not.toContain('192.0.2')
    // Nothing more is shared until something more is counted.
    await Bun.sleep(250)
    expect(seen.exchanges).toBe(1)
  })

  test('wait for an exchange in bounded number', async () => {
    const { exchange, rows } = table()
    const { add, seen } = replica(exchange)
    for (let count = 0; count < 20_000; count += 1) add(`key ${count}`, 1, MINUTE)
    await until(() => seen.exchanges === 10)
    expect(rows.size).toBe(5000)
    // The others are shared when they are counted again.
    add('key 19999', 1, MINUTE)
    await until(() => seen.exchanges === 11)
    expect(seen.counted.at(-1)).toMatchObject({ by: 2 })
  })

  test('are those of this replica alone while the exchange fails or is late, which is reported rarely', async () => {
    const { exchange } = table()
    let how: 'works' | 'fails' | 'hangs' = 'fails'
    const held = Promise.withResolvers<void>()
    const { add, find, tell, seen, isShared } = replica(async (counted) => {
      if (how === 'fails') throw new Error('down')
      if (how === 'hangs') await held.promise
      return exchange(counted)
    })
    await tell('a', 2)
    await tell('a', 2)
    expect(find('a')).toMatchObject({ count: 4 })
    expect(seen.changes).toStrictEqual(['down'])
    expect(isShared()).toBe(false)
    how = 'works'
    expect(await tell('a')).toMatchObject({ count: 5 })
    expect(seen.changes).toStrictEqual(['down', undefined])
    how = 'hangs'
    const before = seen.exchanges
    add('a', 1, MINUTE)
    await until(() => !isShared())
    expect(add('a', 1, MINUTE)).toMatchObject({ count: 7 })
    how = 'works'
    held.resolve()
    await until(() => seen.exchanges > before)
    await until(() => isShared())
    expect(find('a')).toMatchObject({ count: 7 })
    // Not again within a minute.
    expect(seen.changes).toStrictEqual(['down', undefined])
  })
})
