import { describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

type Home = Awaited<ReturnType<typeof homeWithLocks>>

const made = async (home: Home, body: object): Promise<string> => (await home.grant(body)).body.id

/** One grant of each state, and one for another holder. */
const several = async (home: Home) => {
  const holder = home.holder('eva')
  const now = await made(home, { holder, locks: ['front-door'] })
  const later = await made(home, { holder, locks: ['garage'], starts_at: '2040-04-01T00:00' })
  const ended = await made(home, { holder, locks: ['garage'], ends_at: '2040-03-20T00:00' })
  const spent = await made(home, { holder, locks: 'all', uses: 1 })
  const revoked = await made(home, { holder, locks: ['garage'] })
  const others = await made(home, { holder: home.holder('max'), locks: ['garage'] })
  const members = await made(home, { holder: { role: 'member' }, locks: ['garage'], uses: 9 })
  const admins = await made(home, { holder: { role: 'admin' }, locks: 'all' })
  await home.db.run('UPDATE access_grant SET uses = 1 WHERE id = ?', spent)
  await home.revoke(revoked, { why: 'Eva lost her keys' })
  await home.later(2 * DAY_MS, 'oli', 'amy', 'eva', 'max')
  return { now, later, ended, spent, revoked, others, members, admins }
}

describe('the list of grants', () => {
  test('comes newest first, by state, holder and lock, page by page', async () => {
    await using home = await homeWithLocks()
    const ids = await several(home)
    const names = Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, name]))
    const listed = async (query: string) => {
      const found: (string | undefined)[] = []
      let cursor = ''
      do {
        const { status, body } = await home.grants(`?limit=2${query}${cursor}`)
        expect(status).toBe(200)
        expect(body.grants.length).toBeLessThanOrEqual(2)
        found.push(...body.grants.map(({ id }) => names[id]))
        cursor = body.next === null ? '' : `&cursor=${body.next}`
      } while (cursor !== '')
      return found.join(' ')
    }
    expect(await listed('')).toBe('admins members others revoked spent ended later now')
    expect(await listed('&state=now')).toBe('admins members others now')
    expect(await listed('&state=later')).toBe('later')
    expect(await listed('&state=ended')).toBe('spent ended')
    expect(await listed('&state=revoked')).toBe('revoked')
    expect(await listed(`&holder=account:${home.idOf('eva')}`)).toBe(
      'revoked spent ended later now',
    )
    expect(await listed('&holder=role:member')).toBe('members')
    expect(await listed('&lock=front-door')).toBe('admins spent now')
    expect(await listed(`&lock=garage&state=now&holder=account:${home.idOf('max')}`)).toBe('others')
    expect(await listed('&lock=attic')).toBe('admins spent')
  })

  test('says in each answer in which state a grant is, as the filter does', async () => {
    await using home = await homeWithLocks()
    await several(home)
    for (const state of ['now', 'later', 'ended', 'revoked']) {
      const { body } = await home.grants(`?state=${state}`)
      expect(body.grants.length).toBeGreaterThan(0)
      expect(new Set(body.grants.map((grant) => grant.state) as string[])).toStrictEqual(
        new Set([state]),
      )
    }
  })

  test('refuses an invalid filter, and says what it accepts', async () => {
    await using home = await homeWithLocks()
    for (const [query, name] of [
      ['state=past', 'state'],
      ['holder=eva', 'holder'],
      ['holder=role:king', 'holder'],
      ['holder=pass:1', 'holder'],
      ['lock=Front', 'lock'],
      ['limit=0', 'limit'],
      ['cursor=!', 'cursor'],
    ])
      expect((await home.grants(`?${query}`)).body.fields).toHaveProperty(name ?? '')
  })
})

describe('a member', () => {
  test('sees their own grants and those of their role, and nobody else’s', async () => {
    await using home = await homeWithLocks()
    const ids = await several(home)
    const seenBy = async (name: string, query = '') =>
      (await home.grants(query, name)).body.grants.map(({ id }) => id)
    const { now, later, ended, spent, revoked, others, members, admins } = ids
    expect(await seenBy('eva')).toStrictEqual([members, revoked, spent, ended, later, now])
    expect(await seenBy('max')).toStrictEqual([members, others])
    expect(await seenBy('max', `?holder=account:${home.idOf('eva')}`)).toStrictEqual([])
    expect(await seenBy('eva', '?holder=role:admin')).toStrictEqual([])
    expect((await home.find(now, 'eva')).status).toBe(200)
    for (const [name, id] of [
      ['eva', others],
      ['eva', admins],
      ['max', now],
      ['max', revoked],
    ] as const)
      expect(await home.find(id, name)).toMatchObject({
        status: 404,
        body: { code: 'not_found', detail: 'No such grant' },
      })
    // Admins see all.
    expect(await seenBy('amy')).toHaveLength(8)
  })

  test('sees neither what admins noted nor how often others used a grant', async () => {
    await using home = await homeWithLocks()
    const ids = await several(home)
    await home.db.run('UPDATE access_grant SET uses = 4 WHERE id = ?', ids.members)
    const { body } = await home.grants('', 'eva')
    const [members, revoked, spent] = body.grants
    expect(members).toMatchObject({ uses: 9, used: null, key: null, made_by: null, why: null })
    expect(revoked).toMatchObject({ state: 'revoked', made_by: null, why: null })
    expect(spent).toMatchObject({ uses: 1, used: 1 })
    const text = JSON.stringify(body) + JSON.stringify((await home.find(ids.revoked, 'eva')).body)
    for (const hidden of [home.idOf('oli'), home.idOf('max'), 'lost her keys'])
      expect(text).not.toContain(hidden)
    expect((await home.find(ids.revoked, 'amy')).body).toMatchObject({
      why: 'Eva lost her keys',
      made_by: home.idOf('oli'),
    })
    expect((await home.find(ids.members, 'amy')).body.used).toBe(4)
  })

  test('who waits to be let in sees no doors', async () => {
    await using home = await homeWithLocks()
    await several(home)
    await home.patch(`/v1/people/${home.idOf('max')}`, { admitted: false }, home.as('oli'))
    const { body } = await home.grants('', 'max')
    expect(body.grants.map(({ words }) => words)).toStrictEqual(['max · Garage · always'])
    const person = { username: 'wim', password: 'correct horse battery', phone: '1', address: 'x' }
    await home.post('/register', person)
    await home.later(0, 'wim')
    expect(await home.grants('', 'wim')).toMatchObject({ status: 200, body: { grants: [] } })
    await home.put('/v1/home/lockdown', { locks: ['front-door'] }, home.as('amy'))
    await home.put('/v1/holidays/2040-03-23', { name: 'Away' }, home.as('amy'))
    const read = async (path: string, name: string) => (await home.get(path, home.as(name))).json()
    expect(await read('/v1/locks', 'wim')).toStrictEqual({ locks: [] })
    expect(await read('/v1/home/lockdown', 'wim')).toStrictEqual({ lockdowns: [] })
    expect(await read('/v1/holidays', 'wim')).toStrictEqual({ holidays: [] })
    expect(await read('/v1/locks/garage/access', 'wim')).toStrictEqual({
      decision: 'denied',
      reason: 'not_admitted',
      next_at: null,
      grants: [],
    })
    expect(await read('/v1/locks/garage/access', 'max')).toMatchObject({
      reason: 'not_admitted',
      grants: [{ words: 'always' }],
    })
    expect(await read('/v1/home/lockdown', 'eva')).toMatchObject({
      lockdowns: [{ lock: 'front-door', began_by: 'amy' }],
    })
    expect(await read('/v1/holidays', 'eva')).toMatchObject({ holidays: [{ name: 'Away' }] })
  })

  test('makes, previews, changes and revokes nothing', async () => {
    await using home = await homeWithLocks()
    const { now } = await several(home)
    const body = { holder: home.holder('eva'), locks: 'all' }
    for (const { status } of [
      await home.grant(body, 'eva'),
      await home.preview(body, 'eva'),
      await home.change(now, { locks: 'all' }, 1, 'eva'),
      await home.revoke(now, {}, 'eva'),
    ])
      expect(status).toBe(403)
    expect((await home.find(now)).body).toMatchObject({ version: 1, locks: ['front-door'] })
  })
})
