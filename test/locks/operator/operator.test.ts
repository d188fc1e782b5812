import { describe, expect, test } from 'bun:test'
import { bearer, recordsOf } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

const OPERATOR = '/v1/locks/front-door/operator'

const home = async () => {
  const app = await homeWithLocks({ hass: 'member', new: 'member' })
  const set = async (account: string, by = 'oli', path = OPERATOR) => {
    const answer = await app.put(path, { account }, app.as(by))
    const body = (await answer.json()) as { account?: string | null; code?: string }
    return answer.ok ? body.account : `${answer.status} ${body.code}`
  }
  return {
    ...app,
    set,
    found: async () =>
      ((await (await app.get(OPERATOR, app.as('oli'))).json()) as { account: string | null })
        .account,
    open: (givenAtMs = app.clock.nowMs, command: 'unlock' | 'open' | 'lock' = 'unlock') =>
      app.locks.operators.operate({ label: 'front-door', command, givenAtMs }),
    decisions: async () => {
      const answer = await app.get('/v1/unlocks?order=seq_desc', app.as('oli'))
      return ((await answer.json()) as { unlocks: Record<string, unknown>[] }).unlocks.filter(
        ({ source }) => source === 'decided',
      )
    },
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

describe('as whom messages of the broker open a lock', () => {
  test('is nobody until an owner names a member, and nobody again when the owner says so', async () => {
    await using app = await home()
    expect(await app.found()).toBeNull()
    expect(await app.set(app.idOf('hass'), 'amy')).toBe('403 forbidden')
    expect(await app.set(app.idOf('hass'), 'eva')).toBe('403 forbidden')
    expect(await app.set(app.idOf('hass'))).toBe(app.idOf('hass'))
    expect(await app.set(app.idOf('max').toUpperCase())).toBe(app.idOf('max'))
    expect(await app.found()).toBe(app.idOf('max'))
    expect((await app.delete(OPERATOR, {}, app.as('oli'))).status).toBe(200)
    expect((await app.delete(OPERATOR, {}, app.as('oli'))).status).toBe(200)
    expect(await app.found()).toBeNull()
    const events = recordsOf(app.logLines, 'lock.operator').map(
      ({ result, subject, actor, detail }) => ({ result, subject, actor, detail }),
    )
    const event = { result: 'success', subject: 'front-door', actor: app.idOf('oli') }
    expect(events).toStrictEqual([
      { ...event, detail: { operator: app.idOf('hass') } },
      { ...event, detail: { operator: app.idOf('max') } },
      { ...event, detail: { operator: 'none' } },
    ])
  })

  test('is no admin, no stranger, and nobody at a retired lock', async () => {
    await using app = await home()
    expect(await app.set(app.idOf('amy'))).toBe('409 member_needed')
    expect(await app.set(app.idOf('oli'))).toBe('409 member_needed')
    expect(await app.set(crypto.randomUUID())).toBe('404 not_found')
    expect(await app.set(app.idOf('eva'), 'oli', '/v1/locks/no-lock/operator')).toBe(
      '404 not_found',
    )
    expect(await app.set(app.idOf('eva'), 'oli', '/v1/locks/cellar/operator')).toBe(
      '409 lock_retired',
    )
    const person = { username: 'Wil', password: 'correct horse battery', phone: '1', address: 'x' }
    await app.post('/register', person)
    const waiting = await app.logIn('Wil')
    const { id } = (await (await app.get('/v1/me', bearer(waiting))).json()) as { id: string }
    expect(await app.set(id)).toBe('409 member_needed')
    expect(await app.found()).toBeNull()
  })
})

describe('a command of the broker', () => {
  test('does nothing without an operator, and is decided by the grants of the operator', async () => {
    await using app = await home()
    expect(await app.open()).toBe('no operator')
    await app.set(app.idOf('hass'))
    expect(await app.open()).toBe('denied')
    await app.grant({ holder: app.holder('hass'), locks: ['front-door'] })
    app.clock.nowMs += 1000
    expect(await app.open()).toBe('permitted')
    expect(await app.decisions()).toMatchObject([
      { username: 'hass', lock: 'front-door', result: 'permitted', reason: null },
      { username: 'hass', lock: 'front-door', result: 'denied', reason: 'no_grant' },
    ])
    expect(await app.open(app.clock.nowMs + 1, 'lock')).toBe('cannot be locked')
  })

  test('counts only if it was given after the last one', async () => {
    await using app = await home()
    await app.set(app.idOf('hass'))
    await app.grant({ holder: app.holder('hass'), locks: ['front-door'] })
    const { nowMs } = app.clock
    expect(await app.open(nowMs)).toBe('permitted')
    expect(await app.open(nowMs)).toBe('not after the last')
    expect(await app.open(nowMs - 1)).toBe('not after the last')
    expect(await app.open(nowMs + 1)).toBe('permitted')
    // A new operator does not make old commands new.
    await app.set(app.idOf('max'))
    expect(await app.open(nowMs + 1)).toBe('not after the last')
    await app.delete(OPERATOR, {}, app.as('oli'))
    expect(await app.open(nowMs + 2)).toBe('no operator')
    expect(await app.decisions()).toHaveLength(2)
  })

  test('counts again once a clock that was ahead is right', async () => {
    await using app = await home()
    await app.set(app.idOf('hass'))
    await app.grant({ holder: app.holder('hass'), locks: ['front-door'] })
    app.clock.nowMs += 365 * 86_400_000
    await app.open()
    app.clock.nowMs -= 365 * 86_400_000
    expect(await app.open()).not.toBe('not after the last')
  })

  test('of an operator who became an admin is one of a member', async () => {
    await using app = await home()
    await app.set(app.idOf('hass'))
    await app.grant({ holder: { role: 'admin' }, locks: ['front-door'] })
    const role = { role: 'admin' }
    const changed = await app.patch(`/v1/people/${app.idOf('hass')}`, role, app.as('oli'))
    expect(changed.status).toBe(200)
    expect(await app.open()).toBe('denied')
  })

  test('does nothing once its operator is disabled or erased', async () => {
    await using app = await home()
    await app.set(app.idOf('hass'))
    await app.grant({ holder: app.holder('hass'), locks: ['front-door'] })
    const path = `/v1/people/${app.idOf('hass')}`
    expect((await app.patch(path, { disabled: true }, app.as('oli'))).status).toBe(200)
    expect(await app.open()).toBe('no operator')
    expect((await app.delete(path, {}, app.as('oli'))).status).toBe(200)
    expect(await app.found()).toBeNull()
    expect(await app.locks.operators.labels()).toStrictEqual([])
  })
})
