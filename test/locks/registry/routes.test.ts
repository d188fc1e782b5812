import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { bearer, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

type Listed = {
  locks: { label: string; name: string; state: string; version: number; may_open: boolean }[]
  not_set_up?: { label: string; last_at: string }[]
}

const home = async () => {
  const app = await startApp()
  const of = await household(app, { amy: 'admin', ann: 'admin', mia: 'member' })
  const token = (name: string) => bearer(of(name).token)
  return {
    ...app,
    token,
    add: async (label: unknown, name: unknown, by = 'amy') =>
      outcomeOf(await app.post('/v1/locks', { label, name }, token(by))),
    change: (label: string, body: object, { by = 'amy', version = '*' } = {}) =>
      app.patch(`/v1/locks/${label}`, body, { ...token(by), 'if-match': version }),
    list: async (by: string) => (await (await app.get('/v1/locks', token(by))).json()) as Listed,
  }
}

describe('the locks of a home', () => {
  test('are added by admins and listed for everybody, by name; retired ones for admins', async () => {
    await using app = await home()
    expect(await app.add('gate', 'Gartentor', 'mia')).toBe('403 forbidden')
    for (const [label, name] of [
      ['gate', ' Gartentor'],
      ['cellar', 'cellar'],
      ['attic', 'Attic'],
    ])
      expect(await app.add(label, name)).toBe('done')
    expect((await app.change('attic', { state: 'retired' })).status).toBe(200)
    const labels = async (by: string) => (await app.list(by)).locks.map(({ label }) => label)
    expect(await labels('amy')).toStrictEqual(expect.arrayContaining(['attic', 'cellar', 'gate']))
    expect(await labels('mia')).not.toContain('attic')
    expect((await app.list('mia')).locks.find(({ label }) => label === 'gate')).toMatchObject({
      name: 'Gartentor',
      state: 'enabled',
      version: 1,
      controller: 'none',
    })
  })

  test('are open to nobody at first, or to members, as the admin who adds them says', async () => {
    await using app = await home()
    for (const [label, opening] of [
      ['gate', { open_to: 'members' }],
      ['cellar', { open_to: 'nobody' }],
      ['attic', {}],
    ] as const) {
      const body = { label, name: label, ...opening }
      expect(await outcomeOf(await app.post('/v1/locks', body, app.token('amy')))).toBe('done')
    }
    const open = (await app.list('mia')).locks.filter(({ may_open }) => may_open)
    expect(open.map(({ label }) => label).toSorted()).toStrictEqual(['gate'])
    // Refused as a whole: neither the lock nor a grant is there.
    const wrong = { label: 'shed', name: 'Shed', open_to: 'owners' }
    expect(await outcomeOf(await app.post('/v1/locks', wrong, app.token('amy')))).toBe(
      '400 invalid',
    )
    expect((await app.list('amy')).locks.map(({ label }) => label)).not.toContain('shed')
  })

  test('are changed by the version that was read: of two admins at once, one is told to read it again', async () => {
    await using app = await home()
    await app.add('gate', 'Gate')
    const outcomes = await Promise.all(
      [
        ['amy', { name: 'Garden gate' }],
        ['ann', { state: 'retired' }],
      ].map(async ([by, body]) =>
        outcomeOf(await app.change('gate', body as object, { by: by as string, version: '"1"' })),
      ),
    )
    expect(outcomes.toSorted()).toStrictEqual(['412 version_changed', 'done'])
    for (const version of ['"1"', '1', '"0"', 'W/"2"', 'x'])
      expect(await outcomeOf(await app.change('gate', { name: 'G' }, { version }))).toBe(
        '412 version_changed',
      )
  })

  test('have labels that unlocks may have, and visible names', async () => {
    await using app = await home()
    for (const [label, name, outcome] of [
      ['a'.repeat(32), '🚪'.repeat(100), 'done'],
      ['a'.repeat(33), 'x', '400 invalid'],
      ['Gate', 'x', '400 invalid'],
      ['-gate', 'x', '400 invalid'],
      ['gate_2', 'x', '400 invalid'],
      ['', 'x', '400 invalid'],
      [3, 'x', '400 invalid'],
      ['gate', '', '400 invalid'],
      ['gate', '\u200b', '400 invalid'],
      ['gate', 'Gate \u202e', '400 invalid'],
      ['gate', '\u2067Gate', '400 invalid'],
      ['tor', 'باب الحديقة', 'done'],
      ['gate', 'x'.repeat(101), '400 invalid'],
      ['gate', 'a\nb', '400 invalid'],
      ['gate', undefined, '400 invalid'],
    ] as const)
      expect([label, name, await app.add(label, name)]).toStrictEqual([label, name, outcome])
    for (const body of [{}, { state: 'open' }, { name: null }, { name: 3 }])
      expect(await outcomeOf(await app.change('a'.repeat(32), body))).toBe('400 invalid')
    expect(await outcomeOf(await app.change('nowhere', { name: 'x' }))).toBe('404 not_found')
  })

  test('that phones named but nobody set up are listed for admins', async () => {
    await using app = await home()
    const at = new Date(app.clock.nowMs).toISOString()
    for (const lock of ['shed', 'gate'])
      await app.post('/v1/unlocks', { method: 'pin', lock }, app.token('mia'))
    await app.locks.locks.add(COMMAND_LINE, { label: 'gate', name: 'Gate' })
    const { not_set_up: labels = [] } = await app.list('amy')
    expect(labels.filter(({ label }) => label === 'shed')).toStrictEqual([
      { label: 'shed', last_at: at },
    ])
    expect(labels.map(({ label }) => label)).not.toContain('gate')
    expect(await app.list('mia')).not.toHaveProperty('not_set_up')
    // Set up, it is a lock, and its earlier unlocks are the lock’s.
    await app.add('shed', 'Shed')
    expect((await app.list('amy')).not_set_up).not.toContainEqual({ label: 'shed', last_at: at })
  })
})
