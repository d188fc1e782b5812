import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { readableLabel } from '../../../src/locks/first/first-locks.ts'
import { type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'
import { claimed } from '../../support/unlock-log.ts'

let claims = 0

/** Records that somebody came through these doors. */
const unlock = (app: TestApp, ...locks: readonly string[]) =>
  app.unlocks.unlockLog.append(locks.map((lock) => ({ ...claimed((claims += 1)), lock })))

const passMs = (app: TestApp, ms: number): void => {
  app.clock.nowMs += ms
  app.clock.passedMs += ms
}

const stateOf = async (app: TestApp) => ({
  locks: (await app.locks.locks.all()).map(({ label, name, state }) => [label, name, state]),
  grants: await app.db.all(
    `SELECT access_grant.holder, made_by, uses_max, starts_at_ms, ends_at_ms, 
       string_agg(lock.label, ',' ORDER BY lock.label) AS locks
     FROM access_grant
     JOIN access_grant_lock ON grant_id = access_grant.id
     LEFT JOIN lock ON lock.id = lock_id
     GROUP BY access_grant.id`,
  ),
  records: (
    await app.db.all<{ kind: string; by_public_id: string | null; body: string }>(
      'SELECT kind, by_public_id, body FROM log_record ORDER BY seq',
    )
  ).map(({ kind, by_public_id: by, body }) => [kind, by, (JSON.parse(body) as { by: string }).by]),
})

const ALWAYS = { made_by: null, uses_max: null, starts_at_ms: null, ends_at_ms: null } as const

describe('the first locks of a home', () => {
  test('are at most 50, called by their labels, made readable', async () => {
    await using app = await startApp()
    const labels = Array.from({ length: 51 }, (_, at) => `side-door-${String(at).padStart(2, '0')}`)
    await unlock(app, ...labels, 'side-door-50', 'garage2', 'garage2')
    await app.locks.begin()
    const locks = await app.locks.locks.all()
    // Those that were used once compete by label.
    expect(locks.map(({ label }) => label)).toStrictEqual([
      'garage2',
      ...labels.slice(0, 48),
      'side-door-50',
    ])
    expect(locks.slice(0, 2).map(({ name }) => name)).toStrictEqual(['Garage2', 'Side door 00'])
    expect(readableLabel('a--b')).toBe('A b')
  })

  test('are those that people came through in the last 90 days, and members may open them', async () => {
    await using app = await startApp()
    await unlock(app, 'shed', 'shed')
    passMs(app, 1)
    await unlock(app, 'gate', 'garage', 'gate')
    // Refusals make no lock.
    await app.unlocks.unlockLog.append([
      { ...claimed((claims += 1)), lock: 'cellar', result: 'denied' },
    ])
    passMs(app, 5 * DAY_MS)
    await unlock(app, 'gate')
    for (const at of Array.from({ length: 17 }, (_, day) => day)) {
      passMs(app, 5 * DAY_MS)
      if (at < 16) await unlock(app, 'gate')
    }
    await app.locks.begin()
    expect(await stateOf(app)).toStrictEqual({
      locks: [
        ['garage', 'Garage', 'enabled'],
        ['gate', 'Gate', 'enabled'],
      ],
      grants: [{ holder: 'role:member', ...ALWAYS, locks: 'garage,gate' }],
      records: [
        ['lock.made', null, 'upgrade'],
        ['lock.made', null, 'upgrade'],
        ['grant.made', null, 'upgrade'],
      ],
    })
    expect(recordsOf(app.logLines, 'lock.add').map(({ subject }) => subject)).toStrictEqual([
      'gate',
      'garage',
    ])
  })

  test('are the front door in a new home, whose log begins empty', async () => {
    await using app = await startApp()
    await Promise.all([app.locks.begin(), app.locks.begin()])
    expect(await stateOf(app)).toStrictEqual({
      locks: [['front-door', 'Front door', 'enabled']],
      grants: [{ holder: 'role:member', ...ALWAYS, locks: 'front-door' }],
      records: [],
    })
    expect(await app.unlocks.size()).toBe(0)
  })

  test('are none of those that an admin has added before', async () => {
    await using app = await startApp()
    await unlock(app, 'gate', 'shed')
    await app.locks.locks.add(COMMAND_LINE, { label: 'gate', name: 'Garden gate' })
    await app.locks.begin()
    expect(await stateOf(app)).toMatchObject({
      locks: [
        ['gate', 'Garden gate', 'enabled'],
        ['shed', 'Shed', 'enabled'],
      ],
      grants: [{ holder: 'role:member', ...ALWAYS, locks: 'shed' }],
    })
  })

  test('are made once: what was restricted or retired since does not come back', async () => {
    await using app = await startApp()
    const of = await household(app, { oli: 'owner' })
    await unlock(app, 'gate')
    await app.locks.begin()
    const owner = bearer(of('oli').token)
    await app.patch('/v1/locks/gate', { state: 'retired' }, owner)
    const { grants } = (await (await app.get('/v1/grants', owner)).json()) as {
      grants: { id: string }[]
    }
    await app.post(`/v1/grants/${grants[0]?.id}/revocation`, {}, owner)
    await unlock(app, 'cellar')
    const before = await stateOf(app)
    await app.locks.begin()
    expect(await stateOf(app)).toStrictEqual(before)
  })

  test('open for those who were let in, for no one who waits, and for no lock added later', async () => {
    await using app = await startApp()
    const of = await household(app, { oli: 'owner', amy: 'admin', mia: 'member', wes: 'member' })
    await unlock(app, 'gate')
    await app.patch(`/v1/people/${of('wes').id}`, { admitted: false }, bearer(of('oli').token))
    await app.locks.begin()
    await app.locks.locks.add(COMMAND_LINE, { label: 'attic', name: 'Attic' })
    const mayOpen = async (name: string) => {
      const answer = await app.get('/v1/locks', bearer(of(name).token))
      const { locks } = (await answer.json()) as {
        locks: { label: string; may_open: boolean; reason: string | null }[]
      }
      return locks.map(({ label, may_open: may, reason }) => [label, may, reason])
    }
    for (const name of ['oli', 'amy', 'mia'])
      expect([name, await mayOpen(name)]).toStrictEqual([
        name,
        [
          ['attic', false, 'no_grant'],
          ['gate', true, null],
        ],
      ])
    expect(await mayOpen('wes')).toStrictEqual([])
    const opened = await app.post(
      '/v1/locks/gate/unlock',
      { id: crypto.randomUUID() },
      bearer(of('wes').token),
    )
    expect(await opened.json()).toMatchObject({ decision: 'denied', reason: 'not_admitted' })
    const me = await app.get('/v1/me', bearer(of('wes').token))
    expect(await me.json()).toMatchObject({ admitted: false })
    expect(await outcomeOf(await app.get('/v1/grants', bearer(of('wes').token)))).toBe('done')
  })
})
