import { expect, test } from 'bun:test'
import type { Queries } from '../../../src/storage/database.ts'
import type { Params } from '../../../src/storage/queries.ts'
import { exportedEvents } from '../../../src/unlocks/query/export-store.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { type Planted, plantedLog } from '../../support/unlocks.ts'

const EVENTS = 20_000
const BEGIN_MS = 1_767_225_600_000
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** One unlock a minute, each with a time of its own kind: a doubted one, an imported one, a late one. */
const one = (seq: number): Planted => {
  const receivedAtMs = BEGIN_MS + seq * MINUTE_MS
  const kind = seq % 10
  return {
    account: `account-${seq % 50}`,
    username: 'ada',
    method: 'pin',
    lock: 'front-door',
    result: 'unlocked',
    receivedAtMs,
    isTimeUncertain: kind < 3,
    ...(kind < 7 ? { occurredAtMs: receivedAtMs + (kind % 2 === 0 ? DAY_MS : -365 * DAY_MS) } : {}),
    ...(kind === 7 ? { importedOfMs: receivedAtMs } : {}),
    ...(kind === 8 ? { occurredAtMs: receivedAtMs - 2 * DAY_MS } : {}),
  }
}

const DAY = { fromMs: BEGIN_MS + 5 * DAY_MS, toMs: BEGIN_MS + 6 * DAY_MS }

test('a day among doubted, imported and late times costs as much as it has unlocks, however large the log is', async () => {
  await using log = await plantedLog()
  await log.plant(Array.from({ length: EVENTS }, (_, seq) => one(seq)))
  await log.summarize()
  let rows = 0
  const db: Queries = {
    ...log.db,
    all: async <Row>(sql: string, ...params: Params) => {
      const found = await log.db.all<Row>(sql, ...params)
      rows += found.length
      return found
    },
  }
  log.statements.length = 0
  for (const order of ['newest', 'oldest'] as const) {
    rows = 0
    const { unlocks, next } = await unlockQueries(db).page({ filter: DAY, order, limit: 50 })
    expect([unlocks.length, next !== undefined]).toStrictEqual([50, true])
    // The unlocks themselves, and those just before them, of which they may be repeats.
    expect(rows).toBeLessThan(200)
  }
  rows = 0
  let exported = 0
  const { signal } = new AbortController()
  for await (const part of exportedEvents(db)({ filter: DAY, size: EVENTS, signal }))
    exported += part.length
  expect(exported).toBe(24 * 60)
  expect(rows).toBeLessThan(24 * 60 + 500)
  if (IS_POSTGRES) return
  const plans = [...new Set(await log.plans())].filter((plan) => plan.includes('unlock_event'))
  expect(plans.length).toBeGreaterThan(0)
  expect(
    plans.filter((plan) => !/SEARCH unlock_event USING INDEX unlock_by_time/.test(plan)),
  ).toEqual([])
})
