import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/domain/duration.ts'
import { PASSWORD, type TestApp, basic, bearer, recordsOf, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

const iso = (ms: number): string => new Date(ms).toISOString()

/** Lets time pass on both clocks, as it does. */
const pass = (app: TestApp, ms: number): void => {
  app.clock.nowMs += ms
  app.clock.passedMs += ms
}

/** A household in which mia's access ends in an hour. */
const ending = async (app: TestApp) => {
  const person = await household(app, { oli: 'owner', mia: 'member' })
  const endsAtMs = app.clock.nowMs + HOUR_MS
  const answer = await app.patch(
    `/v1/people/${person('mia').id}`,
    { ends_at: iso(endsAtMs) },
    bearer(person('oli').token),
  )
  expect(answer.status).toBe(200)
  return { person, endsAtMs, path: `/v1/people/${person('mia').id}` }
}

type Login = { readonly access_token: string; readonly refresh_token: string }

const logIn = (app: TestApp, username: string, password = PASSWORD) =>
  app.post('/login', { username, password })

const uses = async (app: TestApp, { access_token: token, refresh_token: refresh }: Login) => [
  (await app.get('/v1/me', bearer(token))).status,
  (await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status,
  (await app.post('/v1/session/refresh', { refresh_token: refresh })).status,
]

describe('from its end on, an account', () => {
  test('[T3] can neither log in nor use what it holds; up to the millisecond before, it can', async () => {
    await using app = await startApp()
    const { endsAtMs, person } = await ending(app)
    pass(app, HOUR_MS - MINUTE_MS)
    const [before, after] = [await logIn(app, 'mia'), await logIn(app, 'mia')]
    pass(app, MINUTE_MS - 1)
    expect(await uses(app, (await before.json()) as Login)).toStrictEqual([200, 200, 200])
    pass(app, 1)
    expect(app.clock.nowMs).toBe(endsAtMs)
    expect(await uses(app, (await after.json()) as Login)).toStrictEqual([401, 401, 401])
    const owner = bearer(await app.logIn('oli'))
    const { people } = (await (await app.get('/v1/people', owner)).json()) as {
      people: { username: string; sessions: number; ended: boolean; disabled: boolean }[]
    }
    expect(people.find(({ username }) => username === 'mia')).toMatchObject({
      ended: true,
      disabled: false,
      sessions: 0,
    })
    const sessions = await app.get(`/v1/sessions?account=${person('mia').id}`, owner)
    expect(await sessions.json()).toStrictEqual({ sessions: [] })
  })

  test('[P6] learns why only after the right password, and nobody else does', async () => {
    await using app = await startApp()
    const { endsAtMs } = await ending(app)
    const wrong = await (await logIn(app, 'mia', 'wrong')).text()
    pass(app, HOUR_MS)
    const right = await logIn(app, 'mia')
    const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long' }).format(endsAtMs - 1)
    const msg = `Your access ended on ${day}. Ask an owner.`
    expect([right.status, await right.json()]).toStrictEqual([401, { msg, code: 'access_ended' }])
    for (const name of ['mia', 'nobody']) {
      const answer = await logIn(app, name, 'wrong')
      expect([answer.status, await answer.text()]).toStrictEqual([401, wrong])
    }
    const tables = await app.get('/getLogs', basic('mia', PASSWORD))
    expect([tables.status, await tables.json()]).toMatchObject([401, { msg }])
    expect(
      recordsOf(app.logLines, 'login')
        .filter(({ result }) => result === 'failure')
        .map(({ detail }) => detail),
    ).toStrictEqual([
      undefined,
      { reason: 'access_ended' },
      undefined,
      undefined,
      { reason: 'access_ended' },
    ])
  })

  test('is denied at the door like a disabled one, and the log says so once a minute', async () => {
    await using app = await startApp()
    const { person } = await ending(app)
    pass(app, HOUR_MS - MINUTE_MS)
    const { access_token: token } = (await (await logIn(app, 'mia')).json()) as Login
    pass(app, MINUTE_MS)
    for (const _ of [1, 2]) await app.post('/v1/unlocks', { method: 'pin' }, bearer(token))
    const { unlocks } = (await (
      await app.get('/v1/unlocks', bearer(await app.logIn('oli')))
    ).json()) as { unlocks: object[] }
    expect(unlocks).toMatchObject([
      { result: 'denied', reason: 'disabled_user_denied', username: 'mia', source: 'observed' },
    ])
    expect(person('mia').id).not.toBe('')
  })

  test('neither resets a password nor invites', async () => {
    await using app = await startApp()
    const person = await household(app, { oli: 'owner', amy: 'admin', mia: 'member' })
    const owner = bearer(person('oli').token)
    const invited = await app.post(
      '/v1/invitations',
      { role: 'member' },
      bearer(person('amy').token),
    )
    const { code: invitation } = (await invited.json()) as { code: string }
    for (const name of ['amy', 'mia'])
      await app.patch(
        `/v1/people/${person(name).id}`,
        { ends_at: iso(app.clock.nowMs + MINUTE_MS) },
        owner,
      )
    const begun = await app.post(`/v1/people/${person('mia').id}/password-reset`, {}, owner)
    const { code } = (await begun.json()) as { code: string }
    pass(app, MINUTE_MS)
    const reset = { username: 'mia', code, new_password: 'nine quiet green keys' }
    expect((await app.post('/v1/password-reset', reset)).status).toBe(401)
    const eve = { username: 'eve', password: PASSWORD, phone: '1', address: 'x', invitation }
    expect((await app.post('/register', eve)).status).toBe(403)
  })

  test('logs in again once its end is later or removed; sessions that ended stay ended', async () => {
    await using app = await startApp()
    const { path, endsAtMs } = await ending(app)
    pass(app, HOUR_MS - 1)
    const held = (await (await logIn(app, 'mia')).json()) as Login
    pass(app, 1)
    for (const ends_at of [iso(endsAtMs + DAY_MS), null]) {
      const owner = bearer(await app.logIn('oli'))
      const answer = await app.patch(path, { ends_at }, owner)
      expect(await answer.json()).toMatchObject({ ends_at, ended: false })
      expect(await uses(app, held)).toStrictEqual([401, 401, 401])
      expect((await logIn(app, 'mia')).status).toBe(200)
    }
    expect(recordsOf(app.logLines, 'account.end_date').map(({ detail }) => detail)).toStrictEqual([
      { until: iso(endsAtMs) },
      { until: iso(endsAtMs + DAY_MS) },
      { until: 'never' },
    ])
  })
})

test('the last day is shown in the time zone of the home', async () => {
  // The last hours of 31 March in Auckland, where it is midnight when it is 11:00 UTC.
  const endsAt = '2031-03-31T11:00:00Z'
  const said = async (HOME_ZONE: string) => {
    await using app = await startApp({ HOME_ZONE })
    const person = await household(app, { oli: 'owner', mia: 'member' })
    const owner = bearer(person('oli').token)
    const zone = (await (await app.get('/v1/gateway', owner)).json()) as { zone: string }
    const { status } = await app.patch(`/v1/people/${person('mia').id}`, { ends_at: endsAt }, owner)
    expect([status, zone.zone]).toStrictEqual([200, HOME_ZONE])
    pass(app, Date.parse(endsAt) - app.clock.nowMs)
    return ((await (await logIn(app, 'mia')).json()) as { msg: string }).msg
  }
  expect(await said('Pacific/Auckland')).toBe('Your access ended on 31 March 2031. Ask an owner.')
  expect(await said('Pacific/Kiritimati')).toBe('Your access ended on 1 April 2031. Ask an owner.')
  expect(await said('America/New_York')).toBe('Your access ended on 31 March 2031. Ask an owner.')
})

test('a person sees the end of their own access, and their export has it', async () => {
  await using app = await startApp()
  const { endsAtMs, person } = await ending(app)
  const own = bearer(person('mia').token)
  expect(await (await app.get('/v1/me', own)).json()).toMatchObject({ ends_at: iso(endsAtMs) })
  const exported = (await (await app.get('/v1/me/export', own)).json()) as { account: object }
  expect(exported.account).toMatchObject({ ends_at: iso(endsAtMs) })
})

test('[G4] the end date follows the rules of disabling; nobody ends themselves or the last owner', async () => {
  await using app = await startApp()
  const person = await household(app, {
    oli: 'owner',
    ora: 'owner',
    amy: 'admin',
    ann: 'admin',
    mia: 'member',
    max: 'member',
  })
  const ends_at = iso(app.clock.nowMs + DAY_MS)
  const NO = '403 owner_needed'
  const GOLDEN = [
    ['amy', 'mia', { ends_at }, 'done'],
    ['amy', 'mia', { ends_at: null }, 'done'],
    ['amy', 'ann', { ends_at }, NO],
    ['amy', 'oli', { ends_at: null }, NO],
    ['amy', 'amy', { ends_at }, '409 own_account'],
    ['oli', 'oli', { ends_at }, '409 own_account'],
    ['oli', 'amy', { ends_at }, 'done'],
    ['oli', 'ora', { ends_at }, 'done'],
    ['mia', 'max', { ends_at }, '403 forbidden'],
    ['mia', 'mia', { ends_at: null }, '403 forbidden'],
    ['oli', 'nobody', { ends_at }, '404 not_found'],
    // Of the owners, only oli stays.
    ['ora', 'oli', { ends_at }, '409 last_owner'],
    ['ora', 'oli', { disabled: true }, '409 last_owner'],
    ['ora', 'oli', { role: 'admin' }, '409 last_owner'],
    ['oli', 'ora', { disabled: true }, 'done'],
    ['oli', 'ora', { disabled: false, ends_at: null }, 'done'],
    ['ora', 'oli', { disabled: true }, '401 unauthorized'],
  ] as const
  for (const [by, whom, body, expected] of GOLDEN) {
    const id = person(whom).id || whom
    const answer = await app.patch(`/v1/people/${id}`, body, bearer(person(by).token))
    expect([by, whom, body, await outcomeOf(answer)]).toStrictEqual([by, whom, body, expected])
  }
  expect(
    recordsOf(app.logLines, 'account.end_date')
      .filter(({ result }) => result === 'failure')
      .map(({ detail }) => detail),
  ).toStrictEqual([
    { reason: 'owner_needed' },
    { reason: 'owner_needed' },
    { reason: 'own_account' },
    { reason: 'own_account' },
    { reason: 'last_owner' },
  ])
})

test('[I3] two owners who end each other at the same moment leave one', async () => {
  await using app = await startApp()
  const person = await household(app, { oli: 'owner', ora: 'owner' })
  const ends_at = iso(app.clock.nowMs + DAY_MS)
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(
      [
        ['oli', 'ora'],
        ['ora', 'oli'],
      ].map(([by = '', whom = '']) =>
        app.patch(`/v1/people/${person(whom).id}`, { ends_at }, bearer(person(by).token)),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toStrictEqual([200, 409])
    for (const name of ['oli', 'ora'])
      await app.accounts.administration.change({
        by: COMMAND_LINE,
        publicId: person(name).id,
        endsAtMs: null,
      })
  }
})

test('an invalid end date is refused with what is accepted, and nothing changes', async () => {
  await using app = await startApp()
  const { path, person, endsAtMs } = await ending(app)
  const owner = bearer(person('oli').token)
  const fields = async (ends_at: unknown) => {
    const answer = await app.patch(path, { ends_at, role: 'admin' }, owner)
    return [answer.status, ((await answer.json()) as { fields: object }).fields]
  }
  const PAST = 'a time in the future; to end access now, disable the account'
  for (const time of ['1970-01-01T00:00:00Z', '2026-01-01T00:00:00+14:00', iso(app.clock.nowMs)])
    expect(await fields(time)).toStrictEqual([400, { ends_at: PAST }])
  const TIME = 'a time as in RFC 3339, such as 2027-03-31T22:00:00Z'
  for (const time of ['2027-03-31', '2027-03-31T22:00:00', 'soon', 1, true, {}, ['x']])
    expect(await fields(time)).toStrictEqual([400, { ends_at: TIME }])
  expect((await fields('2027-02-30T00:00:00Z'))[0]).toBe(400)
  expect(await (await app.get(path, owner)).json()).toMatchObject({
    ends_at: iso(endsAtMs),
    role: 'member',
  })
  expect(await (await app.patch(path, { ends_at: '' }, owner)).json()).toMatchObject({
    ends_at: null,
  })
})

describe('a clock that is doubted', () => {
  const state = async (app: TestApp) => {
    const answer = await logIn(app, 'mia')
    return answer.ok ? 'in' : ((await answer.json()) as { code?: string }).code
  }

  test('[D6] ends nobody: one from before 2026, or one that has just jumped', async () => {
    await using app = await startApp()
    await ending(app)
    const trueMs = app.clock.nowMs
    app.clock.nowMs = 0
    expect(await state(app)).toBe('in')
    app.clock.nowMs = trueMs + 365 * DAY_MS
    expect(await state(app)).toBe('in')
    app.clock.nowMs = trueMs
    pass(app, HOUR_MS - 1)
    expect(await state(app)).toBe('in')
    pass(app, 1)
    expect(await state(app)).toBe('access_ended')
  })

  test('[D6] opens for nobody whose access has ended, and trusts a jump after ten minutes', async () => {
    await using app = await startApp()
    await ending(app)
    app.clock.nowMs += 2 * HOUR_MS
    expect(await state(app)).toBe('in')
    pass(app, 10 * MINUTE_MS - 1)
    expect(await state(app)).toBe('in')
    pass(app, 1)
    expect(await state(app)).toBe('access_ended')
    app.clock.nowMs = 0
    expect(await state(app)).toBe('access_ended')
  })
})
