import { describe, expect, test } from 'bun:test'
import type { Delivery } from '../../../src/domain/access.ts'
import { operationsIn } from '../../../src/drivers/operating/store.ts'
import { recordsOf } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

type Use = { readonly number: number; readonly max: number } | null
type State = Exclude<Delivery, 'no_controller'>

const MINUTE_MS = 60_000

/** A home whose front door asks a lock that a test speaks for, and where Eva may open it `uses` times. */
const home = async (uses: number, holder?: object) => {
  const app = await homeWithLocks()
  await app.db.run(
    `INSERT INTO lock_driver (lock_id, kind, settings, secrets, version)
     SELECT id, 'zigbee2mqtt', '{}', '{}', 1 FROM lock WHERE label = 'front-door'`,
  )
  const { body } = await app.grant({
    holder: holder ?? app.holder('eva'),
    locks: ['front-door'],
    uses,
  })
  const counted = body.id
  return {
    ...app,
    counted,
    ask: async (by = 'eva', id: string = crypto.randomUUID()) => {
      const answer = await app.post('/v1/locks/front-door/unlock', { id }, app.as(by))
      return { id, ...((await answer.json()) as { decision: string; reason: string; use: Use }) }
    },
    /** The lock says how an attempt ended; a failure gives back its use. */
    ends: (id: string, state: State) =>
      app.db.transaction(async (tx) => {
        await operationsIn(tx).settle(id, state, { detail: null, nowMs: app.clock.nowMs })
        if (state === 'failed') await app.locks.returnUseIn(tx, id)
      }),
    used: async () =>
      (await app.db.get<{ uses: number }>('SELECT uses FROM access_grant WHERE id = ?', counted))
        ?.uses,
    numbers: async () =>
      (
        await app.db.all<{ number: number | null }>(
          'SELECT use_number AS number FROM attempt ORDER BY decided_at_ms, id',
        )
      ).map(({ number }) => number),
    returned: async () =>
      app.db.all<Record<string, unknown>>(
        `SELECT subject, about_public_id AS about, body FROM log_record
         WHERE kind = 'grant.use_returned'`,
      ),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

describe('the use of an attempt that failed', () => {
  test('is given back, with a record and an audit event, and can be used again at once', async () => {
    await using app = await home(1)
    const { id, use } = await app.ask()
    expect(use).toStrictEqual({ number: 1, max: 1 })
    expect(await app.used()).toBe(1)
    await app.ends(id, 'failed')
    expect(await app.used()).toBe(0)
    const what = { grant: app.counted, use: 1, uses_max: 1 }
    const [record, ...others] = await app.returned()
    expect(others).toBeEmpty()
    expect(record).toMatchObject({ subject: `grant:${app.counted}`, about: app.idOf('eva') })
    expect(JSON.parse(String(record?.['body']))).toMatchObject({ by: 'gateway', ...what })
    expect(recordsOf(app.logLines, 'grant.use_return')).toMatchObject([
      { result: 'success', subject: app.idOf('eva'), detail: what },
    ])
    expect(await app.ask()).toMatchObject({ decision: 'permitted', use: { number: 1, max: 1 } })
    expect(await app.used()).toBe(1)
  })

  test('is not given back if the other attempt of that visit opened the lock, or may have', async () => {
    for (const state of ['happened', 'asked', 'accepted', 'unknown'] as const) {
      await using app = await home(1)
      const first = await app.ask()
      const second = await app.ask()
      expect(second).toMatchObject({ decision: 'permitted', use: { number: 1, max: 1 } })
      await app.ends(second.id, state)
      await app.ends(first.id, 'failed')
      expect([state, await app.used(), (await app.returned()).length]).toStrictEqual([state, 1, 0])
    }
  })

  test('is given back once if both attempts of that visit failed', async () => {
    await using app = await home(2)
    const [first, second] = [await app.ask(), await app.ask()]
    await app.ends(first.id, 'failed')
    expect(await app.used()).toBe(1)
    await app.ends(second.id, 'failed')
    expect(await app.used()).toBe(0)
    expect(await app.returned()).toHaveLength(1)
  })

  test('is given back if the other attempt never reached the lock', async () => {
    await using app = await home(1)
    const [first, second] = [await app.ask(), await app.ask()]
    await app.ends(second.id, 'offline')
    await app.ends(first.id, 'failed')
    expect(await app.used()).toBe(0)
  })

  test('is given back once, however often the lock says so', async () => {
    await using app = await home(3)
    await app.ask()
    await app.later(3 * MINUTE_MS, 'eva')
    const { id } = await app.ask()
    await app.ends(id, 'failed')
    await app.ends(id, 'failed')
    expect(await app.used()).toBe(1)
    expect(await app.returned()).toHaveLength(1)
  })

  test('stays spent if the lock opened before it said that it failed', async () => {
    await using app = await home(1)
    const { id } = await app.ask()
    await app.ends(id, 'happened')
    await app.ends(id, 'failed')
    expect(await app.used()).toBe(1)
  })

  test('of an earlier visit is given back: later ones move up, and go on', async () => {
    await using app = await home(3)
    const first = await app.ask()
    await app.later(3 * MINUTE_MS, 'eva')
    const second = await app.ask()
    expect(second.use).toStrictEqual({ number: 2, max: 3 })
    await app.ends(first.id, 'failed')
    expect(await app.used()).toBe(1)
    expect(await app.numbers()).toStrictEqual([null, 1])
    // Still the second visit: no new use.
    expect(await app.ask()).toMatchObject({ use: { number: 1, max: 3 } })
    expect(await app.used()).toBe(1)
    await app.ends(second.id, 'failed')
    expect(await app.used()).toBe(1)
  })

  test('is never given out twice, however many ask while it comes back', async () => {
    await using app = await home(1, { role: 'member' })
    const { id } = await app.ask()
    const asked = await Promise.all([
      app.ends(id, 'failed').then(() => undefined),
      ...Array.from({ length: 12 }, (_, at) => app.ask(at % 2 === 0 ? 'max' : 'amy')),
    ])
    const permitted = asked.filter((one) => one?.decision === 'permitted')
    const visits = new Set(permitted.map((one) => JSON.stringify(one?.use)))
    expect(visits.size).toBeLessThanOrEqual(1)
    expect(await app.used()).toBe(permitted.length > 0 ? 1 : 0)
    const again = [await app.ask('max'), await app.ask('amy')]
    expect(again.filter(({ decision }) => decision === 'permitted')).toHaveLength(1)
    expect(await app.used()).toBe(1)
  })

  test('does not exist for a grant without counted visits', async () => {
    await using app = await home(1)
    await app.grant({ holder: { role: 'member' }, locks: ['front-door'] })
    const { id, use } = await app.ask()
    expect(use).toBeNull()
    await app.ends(id, 'failed')
    expect(await app.used()).toBe(0)
    expect(await app.returned()).toBeEmpty()
  })

  test('of somebody who was erased names nobody', async () => {
    await using app = await home(1)
    const { id } = await app.ask()
    expect((await app.delete(`/v1/people/${app.idOf('eva')}`, {}, app.as('oli'))).status).toBe(200)
    await app.ends(id, 'failed')
    expect(await app.returned()).toBeEmpty()
    expect(recordsOf(app.logLines, 'grant.use_return')).toBeEmpty()
  })
})
