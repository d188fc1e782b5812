import { describe, expect, test } from 'bun:test'
import type { Account, Role } from '../../../src/domain/account.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

const ORIGIN = { address: '127.0.0.1', userAgent: 'test', requestId: undefined }

type Page = { people: { username: string; role: Role; disabled: boolean }[]; next: string | null }

const list = async (app: TestApp, token: string, query = '') =>
  (await (await app.get(`/v1/people${query}`, bearer(token))).json()) as Page

describe('who may manage whom', () => {
  const ROLES = { oli: 'owner', ora: 'owner', amy: 'admin', ann: 'admin', mia: 'member' } as const

  const ACTS = {
    'make a member': (app: TestApp, id: string, token: string) =>
      app.patch(`/v1/people/${id}`, { role: 'member' }, bearer(token)),
    'make an admin': (app: TestApp, id: string, token: string) =>
      app.patch(`/v1/people/${id}`, { role: 'admin' }, bearer(token)),
    'make an owner': (app: TestApp, id: string, token: string) =>
      app.patch(`/v1/people/${id}`, { role: 'owner' }, bearer(token)),
    disable: (app: TestApp, id: string, token: string) =>
      app.patch(`/v1/people/${id}`, { disabled: true }, bearer(token)),
    'begin a reset': (app: TestApp, id: string, token: string) =>
      app.post(`/v1/people/${id}/password-reset`, {}, bearer(token)),
    'end sessions': (app: TestApp, id: string, token: string) =>
      app.delete(`/v1/sessions?account=${id}`, {}, bearer(token)),
    erase: (app: TestApp, id: string, token: string) =>
      app.delete(`/v1/people/${id}`, {}, bearer(token)),
  }

  const NO = '403 owner_needed'
  const OWN = '409 own_account'

  /** The actor, the target, and the result of each action, in the order of ACTS. */
  const GOLDEN: readonly (readonly [keyof typeof ROLES, keyof typeof ROLES, readonly string[]])[] =
    [
      ['oli', 'mia', ['done', 'done', 'done', 'done', 'done', 'done', 'done']],
      ['oli', 'amy', ['done', 'done', 'done', 'done', 'done', 'done', 'done']],
      ['oli', 'ora', ['done', 'done', 'done', 'done', 'done', 'done', 'done']],
      ['oli', 'oli', ['done', 'done', 'done', 'done', OWN, 'done', OWN]],
      ['amy', 'mia', ['done', NO, NO, 'done', 'done', 'done', 'done']],
      ['amy', 'ann', [NO, NO, NO, NO, NO, 'done', NO]],
      ['amy', 'oli', [NO, NO, NO, NO, NO, NO, NO]],
      ['amy', 'amy', [NO, NO, NO, NO, OWN, 'done', OWN]],
      [
        'mia',
        'amy',
        Object.keys(ACTS).map((act) =>
          act === 'end sessions' ? '404 not_found' : '403 forbidden',
        ),
      ],
    ]

  test('[A2, G4] admins can manage members, owners everyone, and members no one', async () => {
    await using app = await startApp()
    for (const name of Object.keys(ROLES)) await addPerson(app, name)
    for (const [by, whom, outcomes] of GOLDEN)
      for (const [index, [name, act]] of Object.entries(ACTS).entries()) {
        const people = await restored(app)
        const tokens = await app.accounts.sessions.begin(await storedPassword(app, by), ORIGIN)
        const outcome = await outcomeOf(
          await act(app, people(whom).publicId, tokens?.accessToken ?? ''),
        )
        expect(`${by} ${name} ${whom}: ${outcome}`).toBe(
          `${by} ${name} ${whom}: ${outcomes[index]}`,
        )
      }
  })

  const storedPassword = async (app: TestApp, username: string) => {
    const found = await app.accounts.store.findPassword(username)
    if (!found) throw new Error(`${username} is missing`)
    return found
  }

  const addPerson = (app: TestApp, username: string) =>
    app.accounts.newAccounts.add(
      { username, password: PASSWORD, phone: '1', address: 'x' },
      'member',
    )

  /** Restores the original role of every account, from the command line. Returns the accounts by name. */
  const restored = async (app: TestApp) => {
    const people: Record<string, Account> = {}
    for (const [name, role] of Object.entries(ROLES)) {
      if (!(await app.accounts.authentication.find(name))) await addPerson(app, name)
      const account = await app.accounts.authentication.find(name)
      if (!account) throw new Error(`${name} is missing`)
      const { publicId } = account
      await app.accounts.administration.change({
        by: COMMAND_LINE,
        publicId,
        role,
        disabled: false,
      })
      people[name] = { ...account, role }
    }
    return (name: keyof typeof ROLES) => people[name] as Account
  }

  test('[A2] a refused change changes nothing and is recorded', async () => {
    await using app = await startApp()
    const person = await household(app, ROLES)
    const before = await list(app, person('oli').token)
    for (const body of [{ role: 'owner' }, { disabled: true }, { role: 'owner', disabled: true }])
      await app.patch(`/v1/people/${person('ann').id}`, body, bearer(person('amy').token))
    await app.delete(`/v1/people/${person('oli').id}`, {}, bearer(person('amy').token))
    expect(await list(app, person('oli').token)).toStrictEqual(before)
    const refusals = app.logLines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ result }) => result === 'failure')
    expect(refusals).toMatchObject(
      ['account.role', 'account.disable', 'account.role', 'account.erase'].map((action) => ({
        action,
        actor: person('amy').id,
        detail: { reason: 'owner_needed' },
      })),
    )
  })

  test('[A6] an admin who is demoted in the meantime cannot finish a change', async () => {
    await using app = await startApp()
    const person = await household(app, { oli: 'owner', amy: 'admin', mia: 'member' })
    const account = await app.accounts.store.findByPublicId(person('amy').id)
    await app.patch(
      `/v1/people/${person('amy').id}`,
      { role: 'member' },
      bearer(person('oli').token),
    )
    const late = app.accounts.administration.change({
      by: { ...ORIGIN, account },
      publicId: person('mia').id,
      disabled: true,
    })
    expect(await late.catch((error: unknown) => error)).toMatchObject({ code: 'forbidden' })
    const anonymous = app.accounts.administration.erase({ by: ORIGIN, publicId: person('mia').id })
    expect(await anonymous.catch((error: unknown) => error)).toMatchObject({ status: 401 })
  })

  test('[A3] privileged and unknown fields change nothing', async () => {
    await using app = await startApp()
    const person = await household(app, { oli: 'owner', mia: 'member' })
    const path = `/v1/people/${person('mia').id}`
    const owner = bearer(person('oli').token)
    const before = (await (await app.get(path, owner)).json()) as object
    const body = {
      id: person('oli').id,
      username: 'oli',
      password: 'nine quiet green keys',
      phone: '9',
      created_at: '2020-01-01T00:00:00Z',
      second_factor: true,
      sessions: 0,
    }
    expect(await (await app.patch(path, body, owner)).json()).toMatchObject({
      detail: 'Missing one of role, disabled, admitted, unit, ends_at',
    })
    const changed = await app.patch(path, { ...body, disabled: false }, owner)
    expect(await changed.json()).toStrictEqual(before)
    for (const wrong of [{ role: 'king' }, { disabled: 'true' }, { role: null }])
      expect((await app.patch(path, wrong, owner)).status).toBe(400)
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(200)
  })

  test('[A4] answers contain the documented fields and no others', async () => {
    await using app = await startApp()
    const person = await household(app, { oli: 'owner', mia: 'member' })
    const owner = bearer(person('oli').token)
    const fields = [
      'id',
      'username',
      'role',
      'admitted',
      'phone',
      'address',
      'email',
      'unit',
      'created_at',
      'ends_at',
      'second_factor',
      'sessions',
      'invitation',
      'disabled',
      'ended',
      'registered_from',
    ]
    const shown = (await (await app.get(`/v1/people/${person('mia').id}`, owner)).json()) as object
    expect(Object.keys(shown)).toStrictEqual(fields)
    const { people } = await list(app, person('oli').token)
    for (const listed of people) expect(Object.keys(listed)).toStrictEqual(fields)
    expect(JSON.stringify(people)).not.toMatch(/argon2|password/)
    expect((await app.get('/v1/people/nobody', owner)).status).toBe(404)
  })
})

describe('the last owner', () => {
  test('cannot be demoted, disabled or erased in any way', async () => {
    await using app = await startApp()
    const person = await household(app, { oli: 'owner', ora: 'owner', amy: 'admin' })
    const { token, id } = person('oli')
    await app.patch(`/v1/people/${person('ora').id}`, { disabled: true }, bearer(token))
    const path = `/v1/people/${id}`
    const attempts = [
      app.patch(path, { role: 'admin' }, bearer(token)),
      app.patch(path, { role: 'member', disabled: true }, bearer(token)),
      app.patch(path, { disabled: true }, bearer(token)),
      app.delete('/v1/me', { password: PASSWORD }, bearer(token)),
    ]
    for (const attempt of attempts) expect(await outcomeOf(await attempt)).toBe('409 last_owner')
    expect(await list(app, token, '?role=owner&disabled=false')).toMatchObject({
      people: [{ username: 'oli' }],
    })
    // A disabled owner does not count; a second enabled one does.
    await app.patch(`/v1/people/${person('amy').id}`, { role: 'owner' }, bearer(token))
    expect(await outcomeOf(await app.patch(path, { role: 'admin' }, bearer(token)))).toBe('done')
  })

  test('[I3] remains when simultaneous requests would leave none', async () => {
    await using app = await startApp()
    const roles = { oli: 'owner', ora: 'owner', olaf: 'owner' } as const
    const person = await household(app, roles)
    const names = Object.keys(roles)
    const requests = Array.from({ length: 51 }, (_, index) => {
      const by = bearer(person(names[index % 3] ?? '').token)
      const other = person(names[(index + 1) % 3] ?? '').id
      const own = person(names[index % 3] ?? '').id
      switch (index % 4) {
        case 0:
          return app.patch(`/v1/people/${other}`, { role: 'member' }, by)
        case 1:
          return app.patch(`/v1/people/${other}`, { disabled: true }, by)
        case 2:
          return app.patch(`/v1/people/${own}`, { role: 'admin' }, by)
        default:
          return app.delete(`/v1/people/${other}`, {}, by)
      }
    })
    const answers = await Promise.all(requests)
    const people = await app.accounts.store.page(0, 9)
    const owners = people.filter(({ role }) => role === 'owner').map(({ username }) => username)
    const logins = await Promise.all(
      owners.map(
        async (username) => (await app.post('/login', { username, password: PASSWORD })).status,
      ),
    )
    expect(logins).toContain(200)
    const statuses = new Set(answers.map(({ status }) => status))
    expect(statuses).toContain(200)
    expect(
      [...statuses].filter((status) => ![200, 401, 403, 404, 409].includes(status)),
    ).toBeEmpty()
  })
})
