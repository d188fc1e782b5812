import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { accountDirectory } from '../../../src/accounts/people/store.ts'
import type { Account, Role } from '../../../src/domain/account.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { openDatabase } from '../../../src/storage/open.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'

const ORIGIN = { address: '127.0.0.1', userAgent: 'test', requestId: undefined }

const NEW_PASSWORD = 'nine quiet green keys'

/** Adds people by role, signs them in, and gives the token and public id of each by name. */
const household = async (app: TestApp, roles: Readonly<Record<string, Role>>) => {
  const people: Record<string, { token: string; id: string }> = {}
  for (const [name, role] of Object.entries(roles)) {
    const token = await app.signIn(name, role)
    const { id } = (await (await app.get('/v1/me', bearer(token))).json()) as { id: string }
    people[name] = { token, id }
  }
  return (name: string) => people[name] ?? { token: '', id: '' }
}

const outcome = async (answer: Response): Promise<string> => {
  const { code } = (await answer.json()) as { code?: string }
  return answer.ok ? 'done' : `${answer.status} ${code}`
}

type Page = { people: { username: string; role: Role; disabled: boolean }[]; next: string | null }

const list = async (app: TestApp, token: string, query = '') =>
  (await (await app.get(`/v1/people${query}`, bearer(token))).json()) as Page

const namesOf = ({ people }: Page) => people.map(({ username }) => username)

describe('who may do what to whom', () => {
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

  /** By who acts and on whom: what each act comes to, in the order of ACTS. */
  const GOLDEN: readonly (readonly [keyof typeof ROLES, keyof typeof ROLES, readonly string[]])[] =
    [
      ['oli', 'mia', ['done', 'done', 'done', 'done', 'done', 'done', 'done']],
      ['oli', 'amy', ['done', 'done', 'done', 'done', 'done', 'done', 'done']],
      ['oli', 'ora', ['done', 'done', 'done', 'done', 'done', 'done', 'done']],
      ['oli', 'oli', ['done', 'done', 'done', 'done', OWN, 'done', OWN]],
      ['amy', 'mia', ['done', NO, NO, 'done', 'done', 'done', 'done']],
      ['amy', 'ann', [NO, NO, NO, NO, NO, 'done', NO]],
      ['amy', 'oli', [NO, NO, NO, NO, NO, 'done', NO]],
      ['amy', 'amy', [NO, NO, NO, NO, OWN, 'done', OWN]],
      [
        'mia',
        'amy',
        Object.keys(ACTS).map((act) =>
          act === 'end sessions' ? '404 not_found' : '403 forbidden',
        ),
      ],
    ]

  test('[A2] admins manage members, owners everybody, and members nobody', async () => {
    await using app = await startApp()
    for (const name of Object.keys(ROLES)) await addPerson(app, name)
    for (const [by, whom, outcomes] of GOLDEN)
      for (const [at, [name, act]] of Object.entries(ACTS).entries()) {
        const people = await restored(app)
        const tokens = await app.accounts.sessions.begin(await entrant(app, by), ORIGIN)
        const came = await outcome(await act(app, people(whom).publicId, tokens?.accessToken ?? ''))
        expect(`${by} ${name} ${whom}: ${came}`).toBe(`${by} ${name} ${whom}: ${outcomes[at]}`)
      }
  })

  const entrant = async (app: TestApp, username: string) => {
    const found = await app.accounts.store.findPassword(username)
    if (!found) throw new Error(`there is no ${username}`)
    return found
  }

  const addPerson = (app: TestApp, username: string) =>
    app.accounts.newAccounts.add(
      { username, password: PASSWORD, phone: '1', address: 'x' },
      'member',
    )

  /** Makes everybody again what they were, from the command line, and gives them by name. */
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

  test('[A2] what is refused changes nothing, and is recorded', async () => {
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

  test('[A6] an admin who was lowered meanwhile may not finish what they began', async () => {
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
    const nobody = app.accounts.administration.erase({ by: ORIGIN, publicId: person('mia').id })
    expect(await nobody.catch((error: unknown) => error)).toMatchObject({ status: 401 })
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
      password: NEW_PASSWORD,
      phone: '9',
      created_at: '2020-01-01T00:00:00Z',
      second_factor: true,
      sessions: 0,
    }
    expect(await (await app.patch(path, body, owner)).json()).toMatchObject({
      detail: 'Missing one of role, disabled',
    })
    const changed = await app.patch(path, { ...body, disabled: false }, owner)
    expect(await changed.json()).toStrictEqual(before)
    for (const wrong of [{ role: 'king' }, { disabled: 'true' }, { role: null }])
      expect((await app.patch(path, wrong, owner)).status).toBe(400)
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(200)
  })

  test('[A4] answers hold the listed fields and nothing else', async () => {
    await using app = await startApp()
    const person = await household(app, { oli: 'owner', mia: 'member' })
    const owner = bearer(person('oli').token)
    const fields = [
      'id',
      'username',
      'role',
      'phone',
      'address',
      'email',
      'created_at',
      'second_factor',
      'sessions',
      'invitation',
      'disabled',
    ]
    const one = (await (await app.get(`/v1/people/${person('mia').id}`, owner)).json()) as object
    expect(Object.keys(one)).toStrictEqual(fields)
    const { people } = await list(app, person('oli').token)
    for (const each of people) expect(Object.keys(each)).toStrictEqual(fields)
    expect(JSON.stringify(people)).not.toMatch(/argon2|password/)
    expect((await app.get('/v1/people/nobody', owner)).status).toBe(404)
  })
})

describe('the last owner', () => {
  test('cannot be lowered, disabled or erased, by whatever way', async () => {
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
    for (const attempt of attempts) expect(await outcome(await attempt)).toBe('409 last_owner')
    expect(await list(app, token, '?role=owner&disabled=false')).toMatchObject({
      people: [{ username: 'oli' }],
    })
    // One who may not sign in is not the last, and another one makes room.
    await app.patch(`/v1/people/${person('amy').id}`, { role: 'owner' }, bearer(token))
    expect(await outcome(await app.patch(path, { role: 'admin' }, bearer(token)))).toBe('done')
  })

  test('[I3] stays, however many requests would leave none at once', async () => {
    await using app = await startApp()
    const owners = { oli: 'owner', ora: 'owner', olaf: 'owner' } as const
    const person = await household(app, owners)
    const names = Object.keys(owners)
    const requests = Array.from({ length: 51 }, (_, at) => {
      const by = bearer(person(names[at % 3] ?? '').token)
      const other = person(names[(at + 1) % 3] ?? '').id
      const own = person(names[at % 3] ?? '').id
      switch (at % 4) {
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
    const standing = people.filter(({ role }) => role === 'owner').map(({ username }) => username)
    const signedIn = await Promise.all(
      standing.map(
        async (username) => (await app.post('/login', { username, password: PASSWORD })).status,
      ),
    )
    expect(signedIn).toContain(200)
    const statuses = new Set(answers.map(({ status }) => status))
    expect(statuses).toContain(200)
    expect(
      [...statuses].filter((status) => ![200, 401, 403, 404, 409].includes(status)),
    ).toBeEmpty()
  })
})

describe('letting a person choose a new password', () => {
  const begin = async (app: TestApp, id: string, token: string) =>
    (await (await app.post(`/v1/people/${id}/password-reset`, {}, bearer(token))).json()) as {
      code: string
      expires_at: string
    }

  const redeem = (app: TestApp, code: string, new_password = NEW_PASSWORD, username = 'mia') =>
    app.post('/v1/password-reset', { username, code, new_password })

  test('the code is shown once, good once and for half an hour, and only its hash is kept', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member' })
    const { token, id } = person('mia')
    const { code, expires_at } = await begin(app, id, person('amy').token)
    // Letters and digits of five bits each.
    expect(code.replaceAll('-', '').length * 5).toBeGreaterThanOrEqual(128)
    expect(Date.parse(expires_at) - app.clock.nowMs).toBeWithin(29 * 60_000, 31 * 60_000)
    expect((await app.get('/v1/me', bearer(token))).status).toBe(200)
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(200)
    const answer = await redeem(app, ` ${code.toLowerCase().replaceAll('-', ' ')}`)
    expect(await answer.json()).toStrictEqual({ msg: 'Password changed' })
    expect((await app.get('/v1/me', bearer(token))).status).toBe(401)
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(401)
    expect((await app.post('/login', { username: 'mia', password: NEW_PASSWORD })).status).toBe(200)
    expect(await outcome(await redeem(app, code))).toBe('401 invalid_code')
    const log = app.logLines.join()
    for (const secret of [code, NEW_PASSWORD]) expect(log).not.toContain(secret)
    expect(log).toContain('password.reset_begin')
    expect(log).toContain(`"action":"password.reset","result":"success","actor":"${id}"`)
  })

  test('of 50 redemptions at once one succeeds', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member' })
    const { code } = await begin(app, person('mia').id, person('amy').token)
    const passwords = Array.from({ length: 50 }, (_, at) => `${NEW_PASSWORD} ${at}`)
    const statuses: number[] = []
    let waiting = passwords
    // Those who found the service busy hashing try again.
    while (waiting.length > 0) {
      const answers = await Promise.all(waiting.map((password) => redeem(app, code, password)))
      statuses.push(...answers.map(({ status }) => status).filter((status) => status !== 503))
      waiting = waiting.filter((_, at) => answers[at]?.status === 503)
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(49)
  })

  test('a wrong, used, voided or expired code, an unknown name and a disabled account are one answer', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      mia: 'member',
      max: 'member',
      dan: 'member',
    })
    const admin = person('oli').token
    const voided = (await begin(app, person('mia').id, admin)).code
    const good = (await begin(app, person('mia').id, admin)).code
    const disabled = (await begin(app, person('dan').id, admin)).code
    await app.patch(`/v1/people/${person('dan').id}`, { disabled: true }, bearer(admin))
    await app.patch(`/v1/people/${person('dan').id}`, { disabled: false }, bearer(admin))
    const answers = [
      await redeem(app, '7QJK-0M3V-X8TB-4ZPN-HC5W-9RFD-2YGE'),
      await redeem(app, voided),
      await redeem(app, good, NEW_PASSWORD, 'max'),
      await redeem(app, good, NEW_PASSWORD, 'nobody'),
      await redeem(app, disabled, NEW_PASSWORD, 'dan'),
      await redeem(app, 'canary'),
    ]
    app.clock.nowMs += 31 * 60_000
    answers.push(await redeem(app, good))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(bodies).size).toBe(1)
    expect(bodies[0]).toContain('invalid_code')
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([401]))
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(200)
  })

  test('a weak password does not use the code up', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member' })
    const { code } = await begin(app, person('mia').id, person('amy').token)
    expect(await outcome(await redeem(app, code, 'short'))).toBe('400 weak_password')
    expect(await outcome(await redeem(app, code))).toBe('done')
  })

  test('a code is void once the person is more than they were, or has chosen a password themselves', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      amy: 'admin',
      mia: 'member',
      max: 'member',
    })
    const promoted = (await begin(app, person('mia').id, person('amy').token)).code
    await app.patch(
      `/v1/people/${person('mia').id}`,
      { role: 'owner' },
      bearer(person('oli').token),
    )
    expect(await outcome(await redeem(app, promoted))).toBe('401 invalid_code')
    const forMax = (await begin(app, person('max').id, person('amy').token)).code
    const own = { current_password: PASSWORD, new_password: `${NEW_PASSWORD} 2` }
    await app.post('/v1/me/password', own, bearer(person('max').token))
    expect(await outcome(await redeem(app, forMax, NEW_PASSWORD, 'max'))).toBe('401 invalid_code')
  })

  test('a code is void once whoever made it could not make it any more', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      amy: 'admin',
      ann: 'admin',
      zoe: 'owner',
      mia: 'member',
    })
    const owner = bearer(person('oli').token)
    const change = (name: string, wish: object) =>
      app.patch(`/v1/people/${person(name).id}`, wish, owner)
    const ways: Record<string, () => Promise<Response>> = {
      amy: () => change('amy', { disabled: true }),
      ann: () => app.delete('/v1/me', { password: PASSWORD }, bearer(person('ann').token)),
      zoe: () => change('zoe', { role: 'member' }),
    }
    for (const [maker, loseRole] of Object.entries(ways)) {
      const { code } = await begin(app, person('mia').id, person(maker).token)
      expect((await loseRole()).status).toBe(200)
      expect(await outcome(await redeem(app, code))).toBe('401 invalid_code')
    }
    const { code } = await begin(app, person('mia').id, person('oli').token)
    expect((await redeem(app, code)).status).toBe(200)
  })
})

describe('listing people', () => {
  test('by text, role and whether they may sign in', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      amy: 'admin',
      mia: 'member',
      max: 'member',
    })
    const { token } = person('amy')
    const contact = { phone: '0700_900', email: 'Mia%1@example.org' }
    await app.patch('/v1/me', contact, bearer(person('mia').token))
    await app.patch(`/v1/people/${person('max').id}`, { disabled: true }, bearer(token))
    const found = async (query: string) => namesOf(await list(app, token, query))
    expect(await found('')).toStrictEqual(['max', 'mia', 'amy', 'oli'])
    expect(await found('?order=oldest')).toStrictEqual(['oli', 'amy', 'mia', 'max'])
    expect(await found('?role=member')).toStrictEqual(['max', 'mia'])
    expect(await found('?disabled=true')).toStrictEqual(['max'])
    expect(await found('?disabled=false&role=member')).toStrictEqual(['mia'])
    expect(await found('?text=M')).toStrictEqual(['max', 'mia', 'amy'])
    expect(await found('?text=0_9')).toStrictEqual(['mia'])
    expect(await found('?text=a%251@EXAMPLE')).toStrictEqual(['mia'])
    expect(await found('?text=%25')).toStrictEqual(['mia'])
    for (const query of ['?role=king', '?disabled=1', '?limit=201', '?cursor=canary', '?name=x'])
      expect((await app.get(`/v1/people${query}`, bearer(token))).status).toBe(400)
  })

  test('page by page, with a Link that leads on and a cursor that belongs to its search', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member', max: 'member' })
    const { token } = person('amy')
    const first = await app.get('/v1/people?limit=2', bearer(token))
    const { next } = (await first.json()) as Page
    const link = /^<(?<path>.+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.groups?.[
      'path'
    ]
    expect(link).toBe(`/v1/people?limit=2&cursor=${next}`)
    const second = await app.get(link ?? '', bearer(token))
    const page = (await second.json()) as Page
    expect([namesOf(page), page.next, second.headers.get('link')]).toStrictEqual([
      ['amy'],
      null,
      null,
    ])
    const foreign = await app.get(`/v1/people?text=a&cursor=${next}`, bearer(token))
    expect(foreign.status).toBe(400)
  })

  test('every person comes exactly once, whatever the page, the order, the filter and the gaps', async () => {
    const db = openDatabase(':memory:')
    const ids = Array.from({ length: 60 }, (_, at) => at * at * 13 + 1)
    for (const id of ids)
      await db.run(
        `INSERT INTO account (id, public_id, username, username_key, password_hash, role, phone,
           address, created_at_ms, disabled_at_ms) VALUES (?, ?, ?, ?, '', ?, '', '', 0, ?)`,
        id,
        `id-${id}`,
        `name-${id}`,
        `name-${id}`,
        id % 3 === 0 ? 'admin' : 'member',
        id % 2 === 0 ? 1 : null,
      )
    const { page } = accountDirectory(db, { nonDecreasingMs: () => 0 })
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          limit: fc.integer({ min: 1, max: 70 }),
          order: fc.constantFrom('newest', 'oldest'),
          role: fc.constantFrom(undefined, 'admin', 'member'),
          isDisabled: fc.constantFrom(undefined, true, false),
        }),
        async ({ limit, order, ...filter }) => {
          const found: number[] = []
          let after: number | undefined
          do {
            const { accounts, next } = await page({ filter, order, after, limit })
            expect(accounts.length).toBeLessThanOrEqual(limit)
            found.push(...accounts.map(({ id }) => id))
            after = next
          } while (after !== undefined)
          const wanted = ids.filter(
            (id) =>
              (filter.role === undefined || filter.role === (id % 3 === 0 ? 'admin' : 'member')) &&
              (filter.isDisabled === undefined || filter.isDisabled === (id % 2 === 0)),
          )
          expect(found).toStrictEqual(order === 'oldest' ? wanted : wanted.toReversed())
        },
      ),
    )
    await db.close()
  })
})
