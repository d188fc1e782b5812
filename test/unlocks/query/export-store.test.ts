import { expect, test } from 'bun:test'
import { listedJson } from '../../../src/unlocks/log/event-json.ts'
import { exportedEvents } from '../../../src/unlocks/query/export-store.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import type { UnlockFilter } from '../../../src/unlocks/search/filter-store.ts'
import { type Planted, plantedLog } from '../../support/unlocks.ts'

const EVENTS = 1300
const HOUR_MS = 3_600_000

/** Claims of several people, each seventh reported twice, some late, some erased. */
const unlocks = Array.from({ length: EVENTS }, (_, at): Planted => {
  const first = at % 7 === 0 && at > 0 ? at - 1 : at
  const isErased = first % 50 === 0
  const isLate = first % 11 === 0
  return {
    account: isErased ? null : `account-${first % 5}`,
    username: isErased ? null : `person-${first % 5}`,
    method: isErased ? null : first % 2 === 0 ? 'pin' : 'face',
    lock: first % 2 === 0 ? 'front-door' : 'garage',
    result: first % 13 === 0 ? 'denied' : 'unlocked',
    receivedAtMs: HOUR_MS + at * 3000,
    occurredAtMs: isLate ? first * 3000 : undefined,
  }
})

const FILTERS: readonly UnlockFilter[] = [
  {},
  { account: 'account-3' },
  { result: 'denied' },
  { text: 'FACE', lock: 'garage' },
  { fromMs: HOUR_MS + 21_500, toMs: HOUR_MS + 3_000_000 },
  { unit: 'flat 3' },
]

test.each(FILTERS)(
  'an export lists what a list does, with repeats of earlier parts: %j',
  async (filter) => {
    await using log = await plantedLog()
    await log.plant(unlocks)
    await log.db.run(
      `INSERT INTO account (id, public_id, username, username_key, password_hash, role, phone, address,
         created_at_ms, unit, unit_key)
       VALUES (1, 'account-3', 'x', 'x', '', 'member', '', '', 0, 'Flat 3', 'flat 3')`,
    )
    const size = EVENTS - 5
    const page = await unlockQueries(log.db).page({ filter, order: 'oldest', size, limit: EVENTS })
    const { signal } = new AbortController()
    const exported = await Array.fromAsync(exportedEvents(log.db)({ filter, size, signal }))
    expect(exported.flat()).toStrictEqual(page.unlocks.map(listedJson))
    expect(exported.flat().length).toBeGreaterThan(10)
    if (filter.lock === undefined && filter.result === undefined)
      expect(exported.flat().some((event) => event.repeat_of !== null)).toBe(true)
  },
)
