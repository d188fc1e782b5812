import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

type Listed = {
  lock: string | null
  began_by: string | null
  until: string | null
  may_end: boolean
}

const home = async () => {
  const app = await startApp()
  const of = await household(app, { oli: 'owner', amy: 'admin', ann: 'admin', mia: 'member' })
  for (const label of ['garage', 'gate'])
    await app.locks.locks.add(COMMAND_LINE, { label, name: label })
  const token = (name: string) => bearer(of(name).token)
  const afterMs = (ms: number) => new Date(app.clock.nowMs + ms).toISOString()
  return {
    ...app,
    of,
    afterMs,
    begin: async (by: string, body: object = {}) =>
      outcomeOf(await app.put('/v1/home/lockdown', body, token(by))),
    end: async (by: string, query = '') =>
      outcomeOf(await app.delete(`/v1/home/lockdown${query}`, undefined, token(by))),
    inForce: async (by: string) => {
      const answer = await app.get('/v1/home/lockdown', token(by))
      return ((await answer.json()) as { lockdowns: Listed[] }).lockdowns
    },
    passMs: (ms: number) => {
      app.clock.nowMs += ms
      app.clock.passedMs += ms
    },
  }
}

const MINUTE_MS = 60_000

const actionsOf = ({ logLines }: Pick<TestApp, 'logLines'>) =>
  ['lockdown.begin', 'lockdown.end'].flatMap((action) =>
    recordsOf(logLines, action).map(({ subject, result }) => [action, subject, result].join(' ')),
  )

describe('a lockdown', () => {
  test('is begun by admins for the home, is seen by members, and is ended by owners', async () => {
    await using app = await home()
    expect(await app.begin('mia')).toBe('403 forbidden')
    expect(await app.begin('amy')).toBe('done')
    expect(await app.inForce('mia')).toMatchObject([
      { lock: null, began_by: 'amy', until: null, may_end: false },
    ])
    expect(await app.end('ann')).toBe('403 owner_needed')
    expect(await app.end('oli')).toBe('done')
    expect(await app.inForce('mia')).toStrictEqual([])
    expect(await app.end('oli')).toBe('done')
    expect(actionsOf(app)).toStrictEqual([
      'lockdown.begin home success',
      'lockdown.end home failure',
      'lockdown.end home success',
    ])
  })

  test('can be ended for ten minutes by the admin who began it, and then only by an owner', async () => {
    await using app = await home()
    await app.begin('amy', { locks: ['garage'] })
    await app.begin('amy', { locks: ['gate'] })
    app.passMs(10 * MINUTE_MS - 1)
    expect((await app.inForce('amy')).map(({ may_end }) => may_end)).toStrictEqual([true, true])
    expect(await app.end('amy', '?lock=garage')).toBe('done')
    app.passMs(1)
    expect((await app.inForce('amy')).map(({ may_end }) => may_end)).toStrictEqual([false])
    expect(await app.end('amy', '?lock=gate')).toBe('403 owner_needed')
    expect(await app.end('oli', '?lock=gate')).toBe('done')
  })

  test('is not ended by moving its end forward, or by beginning it again', async () => {
    await using app = await home()
    await app.begin('amy', { until: app.afterMs(60 * MINUTE_MS) })
    app.passMs(10 * MINUTE_MS)
    expect(await app.begin('ann', { until: app.afterMs(1) })).toBe('403 owner_needed')
    // A later end does not end it, and does not change who began it.
    for (const until of [app.afterMs(120 * MINUTE_MS), undefined])
      expect(await app.begin('ann', { until })).toBe('done')
    expect(await app.begin('ann', { until: app.afterMs(120 * MINUTE_MS) })).toBe('403 owner_needed')
    expect(await app.end('ann')).toBe('403 owner_needed')
    expect(await app.inForce('ann')).toMatchObject([{ began_by: 'amy', until: null }])
    expect(await app.begin('oli', { until: app.afterMs(1) })).toBe('done')
  })

  test('is over at its time, to the millisecond', async () => {
    await using app = await home()
    await app.begin('amy', { until: app.afterMs(MINUTE_MS) })
    app.passMs(MINUTE_MS - 1)
    expect(await app.inForce('mia')).toHaveLength(1)
    app.passMs(1)
    expect(await app.inForce('mia')).toStrictEqual([])
    // A new one is the new admin’s.
    await app.begin('ann')
    expect(await app.end('ann')).toBe('done')
  })

  test('of the home and of a lock end separately', async () => {
    await using app = await home()
    await app.begin('oli')
    await app.begin('oli', { locks: ['garage', 'gate', 'gate'] })
    const locks = async () => (await app.inForce('oli')).map(({ lock }) => lock)
    expect(await locks()).toStrictEqual([null, 'garage', 'gate'])
    await app.end('oli')
    expect(await locks()).toStrictEqual(['garage', 'gate'])
    await app.end('oli', '?lock=garage')
    expect(await locks()).toStrictEqual(['gate'])
  })

  test('is refused for invalid input, and then nothing is locked down', async () => {
    await using app = await home()
    await app.locks.locks.change(COMMAND_LINE, 'gate', { state: 'retired' })
    const past = app.afterMs(0)
    for (const [body, outcome] of [
      [{ locks: ['garage', 'cellar'] }, '400 invalid'],
      [{ locks: ['garage', 'gate'] }, '409 lock_retired'],
      [{ locks: [] }, '400 invalid'],
      [{ locks: 'garage' }, '400 invalid'],
      [{ locks: ['Garage!'] }, '400 invalid'],
      [{ until: past }, '400 invalid'],
      [{ until: '2027-02-30T12:00:00Z' }, '400 invalid'],
      [{ until: 'tomorrow' }, '400 invalid'],
    ] as const)
      expect([body, await app.begin('oli', body)]).toStrictEqual([body, outcome])
    expect(await app.inForce('oli')).toStrictEqual([])
    expect(await app.end('oli', '?lock=cellar')).toBe('404 not_found')
  })

  test('does not name the person who began it once the account is erased', async () => {
    await using app = await home()
    await app.begin('ann')
    await app.delete(`/v1/people/${app.of('ann').id}`, undefined, bearer(app.of('oli').token))
    expect(await app.inForce('oli')).toMatchObject([{ lock: null, began_by: null }])
  })
})
