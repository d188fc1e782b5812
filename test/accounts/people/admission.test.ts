import { describe, expect, test } from 'bun:test'
import { legacyAccountsIn } from '../../../src/accounts/import/store.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { PASSWORD, type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

const DETAILS = { password: PASSWORD, phone: '0151 2345678', address: '1 Lock Lane' }

const register = (app: TestApp, username: string, more: object = {}) =>
  app.post('/register', { ...DETAILS, username, ...more })

type Person = { readonly id: string; readonly username: string; readonly admitted: boolean }

const list = async (app: TestApp, token: string, query = '') => {
  const answer = await app.get(`/v1/people?order=oldest${query}`, bearer(token))
  return ((await answer.json()) as { people: Person[] }).people
}

const states = async (app: TestApp, token: string) =>
  Object.fromEntries((await list(app, token)).map(({ username, admitted }) => [username, admitted]))

/** A person who registered without an invitation, with their token. */
const newcomer = async (app: TestApp, username = 'grace') => {
  expect((await register(app, username)).status).toBe(200)
  const token = await app.logIn(username)
  const { id } = (await (await app.get('/v1/me', bearer(token))).json()) as Person
  return { token, id }
}

describe('an account', () => {
  test('[G3] a list of people who wait is bounded, and an owner makes room in it', async () => {
    await using app = await startApp({ WAITING_ACCOUNTS_MAX: '2' })
    const owner = bearer(await app.signIn('oli', 'owner'))
    for (const name of ['grace', 'hedy']) await register(app, name)
    const late = () => app.post('/register', { ...DETAILS, username: 'eve' })
    const refused = await late()
    expect([refused.status, await refused.json()]).toStrictEqual([
      503,
      {
        msg: 'Too many people wait to be let in; register again once an owner has let some in or refused them',
        code: 'waiting_list_full',
      },
    ])
    const { people } = (await (await app.get('/v1/people?admitted=false', owner)).json()) as {
      people: { id: string }[]
    }
    expect(people).toHaveLength(2)
    await app.patch(`/v1/people/${people[0]?.id}`, { disabled: true }, owner)
    expect((await late()).status).toBe(200)
  })

  test('waits after open registration; an invitation, the setup code, user add and import admit it', async () => {
    await using app = await startApp()
    const { code: setup = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
    await app.post('/v1/setup', { ...DETAILS, username: 'oli', code: setup })
    const owner = await app.logIn('oli')
    const invited = await app.post('/v1/invitations', { role: 'member' }, bearer(owner))
    const { code: invitation } = (await invited.json()) as { code: string }
    await register(app, 'ivy', { invitation })
    await app.accounts.newAccounts.add({ ...DETAILS, username: 'una' }, 'member')
    const leo = { ...DETAILS, username: 'leo' }
    const legacy = await app.accounts.newAccounts.check(leo, COMMAND_LINE)
    await app.db.transaction((tx) =>
      legacyAccountsIn(tx, { nonDecreasingMs: () => 0 }).add({ ...legacy, publicId: 'leo' }),
    )
    await register(app, 'grace')
    expect(await states(app, owner)).toStrictEqual({
      oli: true,
      ivy: true,
      una: true,
      leo: true,
      grace: false,
    })
    expect(recordsOf(app.logLines, 'account.waiting')).toMatchObject([
      { result: 'success', subject: (await list(app, owner, '&admitted=false'))[0]?.id },
    ])
  })

  test('[A3] cannot admit itself', async () => {
    await using app = await startApp()
    await register(app, 'eve', { admitted: true, admitted_at_ms: 1 })
    const eve = bearer(await app.logIn('eve'))
    await app.patch('/v1/me', { phone: '1', admitted: true }, eve)
    expect(await (await app.get('/v1/me', eve)).json()).toMatchObject({ admitted: false })
    const { id } = (await (await app.get('/v1/me', eve)).json()) as Person
    expect((await app.patch(`/v1/people/${id}`, { admitted: true }, eve)).status).toBe(403)
    expect(await (await app.get('/v1/me', eve)).json()).toMatchObject({ admitted: false })
  })

  test('that waits keeps the phone app’s contract, and reads only its own', async () => {
    await using app = await startApp()
    const { token } = await newcomer(app)
    const { post, get } = app
    const recorded = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    expect([recorded.status, await recorded.json()]).toStrictEqual([
      200,
      { msg: 'Unlocking process logged successfully' },
    ])
    expect(await (await get('/v1/unlocks', bearer(token))).json()).toMatchObject({
      unlocks: [{ username: 'grace', method: 'pin' }],
    })
    expect((await get('/v1/people', bearer(token))).status).toBe(403)
  })

  test('[A6] is admitted, and made to wait again, from its next request on; its sessions stay', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin' })
    const { token, id } = await newcomer(app)
    const admitted = async () =>
      ((await (await app.get('/v1/me', bearer(token))).json()) as Person).admitted
    for (const state of [true, true, false, false, true]) {
      const answer = await app.patch(
        `/v1/people/${id}`,
        { admitted: state },
        bearer(person('amy').token),
      )
      expect(await answer.json()).toMatchObject({ id, admitted: state, disabled: false })
      expect(await admitted()).toBe(state)
    }
    const actor = person('amy').id
    expect(recordsOf(app.logLines, 'account.admit')).toMatchObject([
      { actor, subject: id, result: 'success' },
      { actor, subject: id, result: 'success' },
    ])
    expect(recordsOf(app.logLines, 'account.admission_withdraw')).toMatchObject([
      { actor, subject: id, result: 'success' },
    ])
  })

  test('whose role is raised is admitted with it; one that is refused is disabled and waits on', async () => {
    await using app = await startApp()
    const { token } = (await household(app, { oli: 'owner' }))('oli')
    const { id } = await newcomer(app)
    const change = async (whom: string, body: object) =>
      (await app.patch(`/v1/people/${whom}`, body, bearer(token))).json()
    expect(await change(id, { role: 'admin' })).toMatchObject({ role: 'admin', admitted: true })
    expect(recordsOf(app.logLines, 'account.admit')).toMatchObject([{ subject: id }])
    expect(await change(id, { role: 'member', admitted: false })).toMatchObject({
      role: 'member',
      admitted: false,
    })
    const eve = await newcomer(app, 'eve')
    expect(await change(eve.id, { role: 'member' })).toMatchObject({ admitted: false })
    expect(await change(eve.id, { disabled: true })).toMatchObject({
      admitted: false,
      disabled: true,
    })
    const waiting = await list(app, token, '&admitted=false&disabled=false')
    expect(waiting.map(({ username }) => username)).toStrictEqual(['grace'])
    const all = await list(app, token, '&admitted=false')
    expect(all.map(({ username }) => username)).toStrictEqual(['grace', 'eve'])
    expect((await list(app, token, '&admitted=true')).map(({ username }) => username)).toEqual([
      'oli',
    ])
    expect((await app.get('/v1/people?admitted=1', bearer(token))).status).toBe(400)
  })
})

test('is let in within another change that names it, once, and only with that change', async () => {
  await using app = await startApp()
  const { id } = await newcomer(app)
  const admit = (publicId: string) =>
    app.db.transaction((tx) => app.accounts.admitIn(tx, COMMAND_LINE, publicId))
  const undone = app.db.transaction(async (tx) => {
    expect(await app.accounts.admitIn(tx, COMMAND_LINE, id)).toBe(true)
    throw new Error('the grant was refused')
  })
  expect(String(await undone.catch((error: unknown) => error))).toContain('was refused')
  expect([await admit(id), await admit(id), await admit('nobody')]).toStrictEqual([
    true,
    false,
    false,
  ])
  expect(
    await app.db.all("SELECT subject, result FROM audit_event WHERE action = 'account.admit'"),
  ).toStrictEqual([{ subject: id, result: 'success' }])
  const change = { by: COMMAND_LINE, publicId: id, admitted: false }
  await app.accounts.administration.change({ ...change, disabled: true })
  expect(await admit(id)).toBe(false)
  await app.accounts.administration.change({
    ...change,
    disabled: false,
    endsAtMs: app.clock.nowMs + 1,
  })
  app.clock.nowMs += 1
  expect(await admit(id)).toBe(false)
})

test('[A2] admins admit members; no admin, owner or actor is made to wait', async () => {
  await using app = await startApp()
  const person = await household(app, {
    oli: 'owner',
    ora: 'owner',
    amy: 'admin',
    ann: 'admin',
    mia: 'member',
    max: 'member',
  })
  const NO = '403 owner_needed'
  const OWN = '409 own_account'
  const ALWAYS = '409 always_admitted'
  const GOLDEN = [
    ['oli', 'mia', { admitted: false }, 'done'],
    ['oli', 'mia', { admitted: true }, 'done'],
    ['amy', 'mia', { admitted: false }, 'done'],
    ['amy', 'mia', { admitted: true }, 'done'],
    ['amy', 'ann', { admitted: true }, NO],
    ['amy', 'ann', { admitted: false }, NO],
    ['amy', 'oli', { admitted: false }, NO],
    ['amy', 'amy', { admitted: false }, OWN],
    ['oli', 'amy', { admitted: false }, ALWAYS],
    ['oli', 'ora', { admitted: false }, ALWAYS],
    ['oli', 'oli', { admitted: false }, OWN],
    ['oli', 'mia', { admitted: false, role: 'admin' }, ALWAYS],
    ['mia', 'max', { admitted: false }, '403 forbidden'],
    ['mia', 'mia', { admitted: true }, '403 forbidden'],
    ['amy', 'nobody', { admitted: true }, '404 not_found'],
    ['amy', 'mia', { admitted: 'true' }, '400 invalid'],
  ] as const
  for (const [by, whom, body, expected] of GOLDEN) {
    const before = await states(app, person('oli').token)
    const id = person(whom).id || whom
    const answer = await app.patch(`/v1/people/${id}`, body, bearer(person(by).token))
    const outcome = await outcomeOf(answer)
    expect([by, whom, body, outcome]).toStrictEqual([by, whom, body, expected])
    if (outcome !== 'done') expect(await states(app, person('oli').token)).toStrictEqual(before)
  }
  expect(
    recordsOf(app.logLines, 'account.admission_withdraw')
      .filter(({ result }) => result === 'failure')
      .map(({ detail }) => detail),
  ).toStrictEqual([
    { reason: 'owner_needed' },
    { reason: 'owner_needed' },
    { reason: 'own_account' },
    { reason: 'always_admitted' },
    { reason: 'always_admitted' },
    { reason: 'own_account' },
  ])
})

test('[I3] a promotion and a withdrawal at the same moment never leave an admin who waits', async () => {
  await using app = await startApp()
  const person = await household(app, { oli: 'owner', mia: 'member' })
  const path = `/v1/people/${person('mia').id}`
  const owner = bearer(person('oli').token)
  for (let round = 0; round < 20; round += 1) {
    const bodies = [{ role: 'admin' }, { admitted: false }]
    await Promise.all(
      (round % 2 === 0 ? bodies : bodies.toReversed()).map((body) => app.patch(path, body, owner)),
    )
    expect(await (await app.get(path, owner)).json()).toMatchObject({
      role: 'admin',
      admitted: true,
    })
    await app.accounts.administration.change({
      by: COMMAND_LINE,
      publicId: person('mia').id,
      role: 'member',
    })
  }
})
