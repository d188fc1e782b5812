import { describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { recordsOf } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

const TUESDAYS = {
  windows: [{ days: ['tue', 'thu'], from: '09:00', until: '13:00' }],
  holidays: 'closed',
} as const

describe('a grant', () => {
  test('says who may open what and when, in words and by its next five openings', async () => {
    await using home = await homeWithLocks()
    const holder = home.holder('eva')
    await home.put('/v1/holidays/2040-03-22', { name: 'Spring fair' }, home.as('oli'))
    const { status, body } = await home.grant({
      holder,
      locks: ['front-door'],
      ...TUESDAYS,
      ends_at: '2040-04-03T00:00',
    })
    expect(status).toBe(201)
    expect(body).toStrictEqual({
      id: body.id,
      holder: { ...holder, username: 'eva', disabled: false },
      locks: ['front-door'],
      starts_at: null,
      ends_at: '2040-04-02T22:00:00.000Z',
      windows: [{ days: ['tue', 'thu'], from: '09:00', until: '13:00' }],
      holidays: 'closed',
      uses: null,
      home_network: false,
      used: 0,
      words: 'eva · Front door · Tue and Thu 09:00-13:00, closed on holidays · until 2 April',
      version: 1,
      state: 'now',
      // The clocks go forward on 25 March.
      occurs: [
        { from: '2040-03-20T08:00:00.000Z', until: '2040-03-20T12:00:00.000Z' },
        { from: '2040-03-27T07:00:00.000Z', until: '2040-03-27T11:00:00.000Z' },
        { from: '2040-03-29T07:00:00.000Z', until: '2040-03-29T11:00:00.000Z' },
      ],
      made_at: '2040-03-19T10:00:00.000Z',
      revoked_at: null,
      suspended_at: null,
      key: null,
      made_by: home.idOf('oli'),
      why: null,
    })
    expect((await home.find(body.id)).body).toStrictEqual(body)
  })

  test('for a role and all locks says so, and is open without an end', async () => {
    await using home = await homeWithLocks()
    const { body } = await home.grant({ holder: { role: 'member' }, locks: 'all' })
    expect(body).toMatchObject({
      holder: { role: 'member' },
      locks: 'all',
      words: 'All members · All doors · always',
      occurs: [{ from: '2040-03-19T10:00:00.000Z', until: null }],
    })
  })

  test('shows a shortened night before it comes', async () => {
    await using home = await homeWithLocks()
    const windows = [{ days: ['sat'], from: '22:00', until: '06:00' }]
    const { body } = await home.grant({ holder: home.holder('eva'), locks: 'all', windows })
    expect(body.occurs.slice(0, 2)).toStrictEqual([
      { from: '2040-03-24T21:00:00.000Z', until: '2040-03-25T04:00:00.000Z' },
      { from: '2040-03-31T20:00:00.000Z', until: '2040-04-01T04:00:00.000Z' },
    ])
  })

  test('is previewed as it will be, without a trace', async () => {
    await using home = await homeWithLocks()
    const request = { holder: home.holder('eva'), locks: ['garage'], ...TUESDAYS, uses: 2 }
    const before = home.logLines.length
    const { status, body: seen } = await home.preview({ ...request, key: 'k' })
    expect(status).toBe(200)
    expect((await home.grants()).body.grants).toStrictEqual([])
    expect(recordsOf(home.logLines.slice(before), 'grant.make')).toStrictEqual([])
    const { body: made } = await home.grant({ ...request, key: 'k' })
    expect(seen).toStrictEqual({ words: made.words, occurs: made.occurs })
    expect(await home.preview(request, 'amy')).toMatchObject({ status: 200 })
    expect(await home.preview(request, 'max')).toMatchObject({ status: 403 })
    expect(await home.preview({ ...request, holder: home.holder('oli') }, 'amy')).toMatchObject({
      status: 403,
      body: { code: 'owner_needed' },
    })
  })
})

describe('who may grant what', () => {
  test('admins give access to members, owners to everyone, members to nobody', async () => {
    await using home = await homeWithLocks({ ann: 'admin', ora: 'owner' })
    const outcome = async (by: string, holder: object) => {
      const { status, body } = await home.grant({ holder, locks: ['garage'] }, by)
      return status === 201 ? 'made' : `${status} ${body.code}`
    }
    const holders = [
      home.holder('max'),
      { role: 'member' },
      home.holder('amy'),
      home.holder('ann'),
      { role: 'admin' },
      home.holder('ora'),
      { role: 'owner' },
    ]
    const outcomes = async (by: string) => {
      const all: string[] = []
      for (const holder of holders) all.push(await outcome(by, holder))
      return all
    }
    expect(await outcomes('oli')).toStrictEqual(holders.map(() => 'made'))
    expect(await outcomes('amy')).toStrictEqual([
      'made',
      'made',
      ...Array.from({ length: 5 }, () => '403 owner_needed'),
    ])
    expect(await outcomes('eva')).toStrictEqual(holders.map(() => '403 forbidden'))
    expect(recordsOf(home.logLines, 'grant.make')).toContainEqual(
      expect.objectContaining({ result: 'failure', subject: home.idOf('ora') }),
    )
  })

  test('an admin changes and revokes no grant of an admin or owner', async () => {
    await using home = await homeWithLocks()
    const { body: owners } = await home.grant({ holder: { role: 'owner' }, locks: ['garage'] })
    for (const refused of [
      await home.change(owners.id, { uses: 3 }, 1, 'amy'),
      await home.revoke(owners.id, {}, 'amy'),
    ])
      expect(refused).toMatchObject({ status: 403, body: { code: 'owner_needed' } })
    expect((await home.find(owners.id)).body).toStrictEqual(owners)
  })
})

describe('a grant by name', () => {
  const waiting = async (home: Awaited<ReturnType<typeof homeWithLocks>>) => {
    const person = { username: 'wim', password: 'correct horse battery', phone: '1', address: 'x' }
    expect((await home.post('/register', person)).status).toBe(200)
    const people = await home.get('/v1/people?text=wim', home.as('oli'))
    return ((await people.json()) as { people: { id: string }[] }).people[0]?.id ?? ''
  }
  const admitted = async (home: Awaited<ReturnType<typeof homeWithLocks>>, id: string) => {
    const answer = await home.get(`/v1/people/${id}`, home.as('oli'))
    return ((await answer.json()) as { admitted: boolean }).admitted
  }

  test('lets a waiting person in, in the same transaction', async () => {
    await using home = await homeWithLocks()
    const account = await waiting(home)
    expect(await home.grant({ holder: { account }, locks: ['nope'] })).toMatchObject({
      status: 400,
    })
    expect(await home.grant({ holder: { role: 'member' }, locks: 'all' })).toMatchObject({
      status: 201,
    })
    expect(await admitted(home, account)).toBe(false)
    expect(await home.grant({ holder: { account }, locks: ['garage'] })).toMatchObject({
      status: 201,
    })
    expect(await admitted(home, account)).toBe(true)
    expect(recordsOf(home.logLines, 'account.admit')).toMatchObject([
      { result: 'success', subject: account, actor: home.idOf('oli') },
    ])
  })

  test('lets no disabled person in, and says that the account is disabled', async () => {
    await using home = await homeWithLocks()
    const account = await waiting(home)
    await home.patch(`/v1/people/${account}`, { disabled: true }, home.as('oli'))
    expect(await home.grant({ holder: { account }, locks: ['garage'] })).toMatchObject({
      status: 201,
      body: { holder: { account, disabled: true } },
    })
    expect(await admitted(home, account)).toBe(false)
  })

  test('of somebody who has been erased is not found', async () => {
    await using home = await homeWithLocks()
    const holder = home.holder('max')
    expect((await home.delete(`/v1/people/${holder.account}`, {}, home.as('oli'))).status).toBe(200)
    expect(await home.grant({ holder, locks: ['garage'] })).toMatchObject({
      status: 404,
      body: { code: 'not_found', detail: 'No such account' },
    })
  })
})

describe('a key', () => {
  test('makes one grant, however often it is sent: another is told apart by its terms', async () => {
    await using home = await homeWithLocks()
    const request = {
      key: 'booking-4711',
      holder: home.holder('eva'),
      locks: ['front-door', 'garage'],
      starts_at: '2040-03-20T15:00',
      ends_at: '2040-03-24T11:00',
    }
    const made = await home.grant(request)
    expect(made.status).toBe(201)
    const again = [
      request,
      { ...request, locks: ['garage', 'front-door', 'garage'] },
      { ...request, starts_at: '2040-03-20T14:00:00Z', uses: null, holidays: 'ignore' },
    ]
    for (const same of again)
      expect(await home.grant(same, 'amy')).toStrictEqual({ status: 200, body: made.body })
    const others = [
      { ...request, locks: ['garage'] },
      { ...request, locks: 'all' },
      { ...request, holder: home.holder('max') },
      { ...request, ends_at: '2040-03-25T11:00' },
      { ...request, uses: 3 },
      { ...request, home_network: true },
    ]
    for (const other of others)
      expect(await home.grant(other)).toMatchObject({ status: 409, body: { code: 'key_taken' } })
    expect((await home.grants()).body.grants).toHaveLength(1)
  })

  test('stays taken once the grant has ended or is revoked, and the same request says so', async () => {
    await using home = await homeWithLocks()
    const request = {
      key: 'b',
      holder: home.holder('eva'),
      locks: 'all',
      ends_at: '2040-03-24T11:00',
    }
    const { body } = await home.grant(request)
    await home.later(7 * DAY_MS, 'oli')
    expect(await home.grant(request)).toMatchObject({
      status: 200,
      body: { id: body.id, state: 'ended', occurs: [] },
    })
    await home.revoke(body.id)
    expect(await home.grant(request)).toMatchObject({
      status: 200,
      body: { id: body.id, state: 'revoked' },
    })
    expect(await home.grant({ ...request, ends_at: '2040-04-24T11:00' })).toMatchObject({
      status: 409,
      body: { code: 'key_taken' },
    })
  })

  test('sent by many at once makes one grant', async () => {
    await using home = await homeWithLocks()
    const request = { key: 'race', holder: home.holder('eva'), locks: ['garage'], uses: 1 }
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, index) => home.grant(request, index % 2 ? 'amy' : 'oli')),
    )
    const made = answers.filter(({ status }) => status === 201)
    expect(made).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(31)
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(recordsOf(home.logLines, 'grant.make')).toHaveLength(1)
  })
})
