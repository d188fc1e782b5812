import { describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { recordsOf } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

describe('a change of a grant', () => {
  test('makes its next version, and leaves what it does not name', async () => {
    await using home = await homeWithLocks()
    const { body: first } = await home.grant({
      holder: home.holder('eva'),
      locks: ['garage'],
      windows: [{ days: ['mon'], from: '08:00', until: '18:00' }],
      starts_at: '2040-03-20T00:00',
      ends_at: '2040-05-01T00:00',
      uses: 5,
    })
    const longer = await home.change(first.id, { ends_at: '2040-06-01T00:00' }, 1)
    expect(longer).toMatchObject({
      status: 200,
      body: { ...first, version: 2, ends_at: '2040-05-31T22:00:00.000Z', words: longer.body.words },
    })
    const freed = await home.change(
      first.id,
      { starts_at: null, ends_at: null, windows: null, uses: null, locks: 'all' },
      2,
    )
    expect(freed.body).toMatchObject({
      version: 3,
      locks: 'all',
      starts_at: null,
      ends_at: null,
      windows: null,
      uses: null,
      words: 'eva · All doors · always',
      state: 'now',
    })
    expect((await home.find(first.id)).body).toStrictEqual(freed.body)
    expect(
      recordsOf(home.logLines, 'grant.change').map(({ subject, detail }) => [subject, detail]),
    ).toStrictEqual([
      [home.idOf('eva'), { grant: first.id, version: 2 }],
      [home.idOf('eva'), { grant: first.id, version: 3 }],
    ])
  })

  test('that changes nothing makes no version', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: { role: 'member' }, locks: ['garage'], uses: 2 })
    const same = await home.change(body.id, { locks: ['garage'], uses: 2, holidays: 'ignore' }, 1)
    expect(same).toStrictEqual({ status: 200, body })
    expect(recordsOf(home.logLines, 'grant.change')).toStrictEqual([])
  })

  test('needs the version that was read: of two changes at once, one is told that there is a newer version', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: { role: 'member' }, locks: ['garage'] })
    expect(await home.change(body.id, { uses: 2 })).toMatchObject({
      status: 428,
      body: { code: 'version_needed' },
    })
    const both = await Promise.all([
      home.change(body.id, { uses: 2 }, 1, 'oli'),
      home.change(body.id, { uses: 3 }, 1, 'amy'),
    ])
    const [done, late] = both.toSorted((left, right) => left.status - right.status)
    expect([done?.status, late?.status]).toStrictEqual([200, 412])
    expect(late?.body).toMatchObject({
      code: 'version_changed',
      fields: { 'If-Match': 'the current version, "2"' },
    })
    expect((await home.find(body.id)).body).toStrictEqual(done?.body ?? body)
    for (const stale of [1, 3, '02x', ''])
      expect(await home.change(body.id, { uses: 4 }, stale)).toMatchObject({ status: 412 })
    expect(await home.change(body.id, { uses: 4 }, 2)).toMatchObject({
      status: 200,
      body: { version: 3 },
    })
  })

  test('cannot make it never open, and can extend one that has ended', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({
      holder: { role: 'member' },
      locks: ['garage'],
      ends_at: '2040-03-24T00:00',
    })
    const sundays = { windows: [{ days: ['sun'], from: '09:00', until: '10:00' }] }
    expect(await home.change(body.id, sundays, 1)).toMatchObject({
      status: 400,
      body: { code: 'never_opens' },
    })
    await home.later(7 * DAY_MS, 'oli')
    expect((await home.find(body.id)).body.state).toBe('ended')
    expect(await home.change(body.id, { uses: 3 }, 1)).toMatchObject({
      status: 400,
      body: { code: 'never_opens' },
    })
    expect(await home.change(body.id, { ends_at: '2040-04-24T00:00' }, 1)).toMatchObject({
      status: 200,
      body: { version: 2, state: 'now' },
    })
  })

  test('counts no fewer uses than there were', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: home.holder('eva'), locks: ['garage'], uses: 5 })
    await home.db.run('UPDATE access_grant SET uses = 3 WHERE id = ?', body.id)
    expect(await home.change(body.id, { uses: 2 }, 1)).toMatchObject({
      status: 400,
      body: { fields: { uses: 'a whole number from 3 to 1000' } },
    })
    expect((await home.change(body.id, { uses: 4 }, 1)).body).toMatchObject({ uses: 4, used: 3 })
    expect((await home.change(body.id, { uses: 3 }, 2)).body).toMatchObject({ state: 'ended' })
  })

  test('keeps a lock that has been retired since, and takes no other retired one', async () => {
    await using home = await homeWithLocks()
    const locks = ['front-door', 'garage']
    const { body } = await home.grant({ holder: { role: 'member' }, locks })
    await home.patch('/v1/locks/garage', { state: 'retired' }, home.as('oli'))
    expect((await home.change(body.id, { locks, uses: 2 }, 1)).body).toMatchObject({ locks })
    expect(await home.change(body.id, { locks: [...locks, 'cellar'] }, 2)).toMatchObject({
      status: 409,
      body: { code: 'lock_retired' },
    })
    expect(await home.grant({ holder: { role: 'member' }, locks })).toMatchObject({
      status: 409,
      body: { code: 'lock_retired' },
    })
  })

  test('keeps the index of grants in step', async () => {
    await using home = await homeWithLocks()
    const index = () =>
      home.db.all(
        `SELECT coalesce(label, '') AS label, holder, closed_at_ms AS closed
         FROM access_grant_lock LEFT JOIN lock ON id = lock_id ORDER BY label`,
      )
    const holder = `account:${home.idOf('eva')}`
    const end = Date.parse('2040-04-30T22:00Z')
    const { body } = await home.grant({
      holder: home.holder('eva'),
      locks: ['garage', 'front-door'],
      ends_at: '2040-05-01T00:00',
    })
    expect(await index()).toStrictEqual([
      { label: 'front-door', holder, closed: end },
      { label: 'garage', holder, closed: end },
    ])
    await home.change(body.id, { locks: ['garage'], ends_at: null }, 1)
    // The largest integer, as JavaScript reads it.
    expect(await index()).toStrictEqual([{ label: 'garage', holder, closed: 2 ** 63 }])
    await home.change(body.id, { locks: 'all' }, 2)
    expect(await index()).toStrictEqual([{ label: '', holder, closed: 2 ** 63 }])
    await home.revoke(body.id)
    expect(await index()).toStrictEqual([{ label: '', holder, closed: home.clock.nowMs }])
  })
})

describe('a revocation', () => {
  test('is for good, says which locks stay shut, and can be sent again', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({
      holder: home.holder('eva'),
      locks: ['front-door', 'garage'],
    })
    const at = new Date(home.clock.nowMs).toISOString()
    const effective = [
      { lock: 'front-door', now: true, at },
      { lock: 'garage', now: true, at },
    ]
    expect(await home.revoke(body.id, { why: 'Moved out' })).toMatchObject({
      status: 200,
      body: { effective },
    })
    const { body: revoked } = await home.find(body.id)
    expect(revoked).toMatchObject({
      state: 'revoked',
      revoked_at: new Date(home.clock.nowMs).toISOString(),
      why: 'Moved out',
      occurs: [],
      version: 1,
    })
    await home.later(1000)
    expect(await home.revoke(body.id, { why: 'Again' })).toMatchObject({
      status: 200,
      body: { effective },
    })
    expect((await home.find(body.id)).body).toStrictEqual(revoked)
    expect(recordsOf(home.logLines, 'grant.revoke')).toHaveLength(1)
    expect(await home.change(body.id, { uses: 1 }, 1)).toMatchObject({
      status: 409,
      body: { code: 'grant_revoked' },
    })
  })

  test('of a grant for all locks names all of them', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: { role: 'member' }, locks: 'all' })
    const { body: revoked } = await home.revoke(body.id)
    expect(revoked.effective.map(({ lock }) => lock)).toStrictEqual(['front-door', 'garage'])
  })

  test('by many at once is recorded once', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: { role: 'member' }, locks: 'all' })
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        home.revoke(body.id, { why: `no ${index}` }, index % 2 ? 'amy' : 'oli'),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200]))
    expect(recordsOf(home.logLines, 'grant.revoke')).toHaveLength(1)
  })

  test('of no grant is not found', async () => {
    await using home = await homeWithLocks()
    for (const id of [crypto.randomUUID(), 'x', '%00'])
      expect(await home.revoke(id)).toMatchObject({ status: 404 })
  })
})
