import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { PASSWORD, type TestApp, basic, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { until } from '../../support/until.ts'
import { type HomeDatabase, homeDatabase } from '../../support/home-database.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
const DAY_MS = 86_400_000

/** A trusted proxy, so that tests can call from any address. */
const PROXIED = { TRUSTED_PROXIES: '127.0.0.1' } as const
const from = (address: string) => ({ 'x-forwarded-for': address })

const HOME = '203.0.113.1'
const AWAY = '198.51.100.7'
const STRANGER = '203.0.113.66'

type Client = Pick<TestApp, 'post'>
type Login = { readonly address: string; readonly password?: string; readonly token?: string }

const logIn = async ({ post }: Client, { address, password = PASSWORD, token }: Login) => {
  const body = { username: 'ada', password, ...(token ? { device_token: token } : {}) }
  const answer = await post('/login', body, from(address))
  return { status: answer.status, ...((await answer.json()) as { device_token: string }) }
}

/** Fails logins in a row. */
const fail = async (client: Client, address: string, times: number): Promise<void> => {
  for (let time = 0; time < times; time += 1)
    expect((await logIn(client, { address, password: 'wrong' })).status).toBe(401)
}

type Row = { readonly kind: string; readonly address: string | null; readonly failures: number }

const counted = (db: Pick<HomeDatabase, 'all'>): Promise<readonly Row[]> =>
  db.all<Row>('SELECT kind, address, failures FROM failed_login ORDER BY kind, address')

/** An app where `ada` has registered from home. */
const startHouse = async () => {
  const app = await startApp(PROXIED)
  await app.post('/register', PERSON, from(HOME))
  return app
}

describe('what counts as a failed login', () => {
  test('[P4] every way to fail', async () => {
    await using house = await startHouse()
    const { db, post, get } = house
    await post('/register', { ...PERSON, username: 'dora' })
    await db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'dora'")
    const login = (body: unknown) => (headers: Record<string, string>) =>
      post('/login', body, headers)
    const table = (authorization: Record<string, string>) => (headers: Record<string, string>) =>
      get('/getUsers', { ...headers, ...authorization })
    const ways = {
      'a wrong password': login({ ...PERSON, password: 'wrong' }),
      'an unknown name': login({ ...PERSON, username: 'nobody' }),
      'a disabled account': login({ ...PERSON, username: 'dora' }),
      'an empty password': login({ ...PERSON, password: '' }),
      'no JSON': login('{'),
      'an array': login([]),
      'fields missing': login({}),
      'fields of the wrong type': login({ username: 1, password: 2 }),
      'a name too long': login({ ...PERSON, username: 'a'.repeat(51) }),
      'an invisible name': login({ ...PERSON, username: '\u200b' }),
      'a body over the limit': login({ ...PERSON, password: 'x'.repeat(70_000) }),
      'a wrong password at a table': table(basic('ada', 'wrong')),
      'an unknown name at a table': table(basic('nobody', PASSWORD)),
      'a disabled account at a table': table(basic('dora', PASSWORD)),
      'credentials without a colon': table({ authorization: `Basic ${btoa('ada')}` }),
      'credentials that are no base64': table({ authorization: 'Basic !!!' }),
    }
    for (const [at, [way, attempt]] of Object.entries(ways).entries()) {
      const address = `192.0.2.${at}`
      const { status } = await attempt(from(address))
      expect(`${way}: ${status}`).toMatch(/: 4\d\d$/)
      const countedHere = async () => (await counted(db)).filter((row) => row.address === address)
      // A body over the limit is counted after its answer.
      await until(async () => (await countedHere()).length > 0)
      const rows = await countedHere()
      expect({ way, rows }).toStrictEqual({
        way,
        rows: ['client', 'client_at_name'].map((kind) => ({ kind, address, failures: 1 })),
      })
    }
    const names = (await counted(db)).filter(({ kind }) => kind === 'name')
    const failures = names.reduce((sum, row) => sum + row.failures, 0)
    expect(failures).toBe(Object.keys(ways).length)
  })

  test('[P4] the right password during a lockout counts against the client', async () => {
    await using house = await startHouse()
    await fail(house, STRANGER, 10)
    for (const expected of [11, 12]) {
      expect((await logIn(house, { address: STRANGER })).status).toBe(401)
      const client = (await counted(house.db)).find((row) => row.kind === 'client')
      expect(client?.failures).toBe(expected)
    }
    expect((await counted(house.db)).map(({ failures }) => failures)).toStrictEqual([12, 10, 10])
  })

  test('[P4] a client stays the same with another address of its /64, with ::ffff: or with X-Forwarded-For', async () => {
    await using house = await startHouse()
    const clientsOf = async (...addresses: readonly string[]): Promise<number> => {
      await house.db.run('DELETE FROM failed_login')
      for (const address of addresses) await fail(house, address, 1)
      return (await counted(house.db)).filter(({ kind }) => kind === 'client').length
    }
    expect(await clientsOf('2001:db8::1', '2001:db8::ffff:2', '2001:db8::3:4:5:6')).toBe(1)
    expect(await clientsOf('2001:db8::1', '2001:db8:0:1::1')).toBe(2)
    expect(await clientsOf(STRANGER, `::ffff:${STRANGER}`, '::ffff:cb00:7142')).toBe(1)
    expect(await clientsOf(STRANGER, `${AWAY}, ${STRANGER}`, `${HOME}, ${STRANGER}`)).toBe(1)
    await using open = await startApp()
    for (const address of [HOME, AWAY, STRANGER, '2001:db8::1'])
      await open.post('/login', { username: 'ada', password: 'wrong' }, from(address))
    expect((await counted(open.db)).map(({ failures }) => failures)).toStrictEqual([4, 4, 4])
  })

  test('[P4] simultaneous guesses gain nothing over guesses in turn', async () => {
    await using house = await startHouse()
    const guesses = Array.from({ length: 17 }, () =>
      logIn(house, { address: STRANGER, password: 'wrong' }),
    )
    const right = logIn(house, { address: STRANGER })
    const answers = await Promise.all([...guesses, right])
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([401]))
    const atName = (await counted(house.db)).find(({ kind }) => kind === 'client_at_name')
    expect(atName?.failures).toBe(10)
  })

  test('[P4] neither names nor passwords typed as names are in the database', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/login', { username: PASSWORD, password: 'typed in the wrong order' })
    await using db = await homeDatabase(service.folder)
    expect(await db.contains(PASSWORD)).toBe(false)
    expect(await counted(db)).toHaveLength(3)
  })
})

describe('a lockout', () => {
  test('[P4] survives a restart, even a crash, and the owner gets in from elsewhere', async () => {
    const folder = temporaryFolder()
    const env = { ...UNLIMITED, ...PROXIED }
    {
      await using service = await startService({ env, folder })
      await clientOf(service.url).post('/register', PERSON, from(HOME))
      await fail(clientOf(service.url), STRANGER, 6)
      await service.stop('SIGKILL')
    }
    {
      await using service = await startService({ env, folder })
      await fail(clientOf(service.url), STRANGER, 4)
      await service.stop()
    }
    await using service = await startService({ env, folder })
    const client = clientOf(service.url)
    expect((await logIn(client, { address: STRANGER })).status).toBe(401)
    expect((await logIn(client, { address: AWAY })).status).toBe(200)
    expect((await logIn(client, { address: STRANGER })).status).toBe(401)
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('[P4] ends after its time, and a success resets the count of failures', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    await fail(app, STRANGER, 10)
    app.clock.passedMs += 29_000
    expect((await logIn(app, { address: STRANGER })).status).toBe(401)
    app.clock.passedMs += 1000
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
    await fail(app, STRANGER, 9)
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
  })

  test('[P4] failures are forgotten a day after the last one', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    await fail(app, STRANGER, 9)
    app.clock.passedMs += DAY_MS
    await fail(app, STRANGER, 9)
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
  })

  test('[D6] neither ends nor grows longer when the clock jumps', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    await fail(app, STRANGER, 10)
    for (const jumpMs of [DAY_MS, -3 * DAY_MS]) {
      app.clock.nowMs += jumpMs
      expect((await logIn(app, { address: STRANGER })).status).toBe(401)
    }
    app.clock.passedMs += 30_000
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
  })

  test('[P5] of a stranger at a name does not lock out its owner, elsewhere or on a known device', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    const { device_token: token } = await logIn(app, { address: HOME })
    await fail(app, STRANGER, 12)
    expect((await logIn(app, { address: STRANGER })).status).toBe(401)
    for (const address of [HOME, AWAY]) expect((await logIn(app, { address })).status).toBe(200)
    // The owner's phone in the stranger's network.
    expect((await logIn(app, { address: STRANGER, token })).status).toBe(200)
  })

  test('[P4, P5] of a name, after a hundred failures from everywhere, locks out only unknown clients', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    const { device_token: token } = await logIn(app, { address: HOME })
    const everywhere = async () => {
      for (let client = 0; client < 10; client += 1) await fail(app, `192.0.2.${client}`, 10)
      expect((await logIn(app, { address: AWAY })).status).toBe(401)
    }
    await everywhere()
    expect((await logIn(app, { address: HOME })).status).toBe(200)
    // That success has reset the failures of the name.
    expect((await logIn(app, { address: AWAY })).status).toBe(200)
    app.clock.passedMs += 91 * DAY_MS
    await everywhere()
    expect((await logIn(app, { address: HOME })).status).toBe(401)
    expect((await logIn(app, { address: AWAY, token })).status).toBe(401)
    app.clock.passedMs += 30_000
    expect((await logIn(app, { address: AWAY })).status).toBe(200)
  })

  test('[P5] ends for a client that chooses a new password with a one-time code', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    const owner = await app.signIn('oli', 'owner')
    await fail(app, AWAY, 10)
    expect((await logIn(app, { address: AWAY })).status).toBe(401)
    const [person] = await app.accounts.store.page(0, 1)
    const begun = await app.post(`/v1/people/${person?.publicId}/password-reset`, {}, bearer(owner))
    const { code } = (await begun.json()) as { code: string }
    const { username } = PERSON
    const redemption = { username, code, new_password: PERSON.password }
    expect((await app.post('/v1/password-reset', redemption, from(AWAY))).status).toBe(200)
    expect((await logIn(app, { address: AWAY })).status).toBe(200)
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
  })

  test('[P5] of a client that failed at many names does not apply where it is known', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(STRANGER))
    for (let time = 0; time < 100; time += 1)
      expect((await app.post('/login', '{', from(STRANGER))).status).toBe(400)
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
    await app.signIn('eve')
    const eve = { username: 'eve', password: PASSWORD }
    expect((await app.post('/login', eve, from(STRANGER))).status).toBe(401)
    expect((await app.post('/login', eve, from(AWAY))).status).toBe(200)
    app.clock.passedMs += 30_000
    expect((await app.post('/login', eve, from(STRANGER))).status).toBe(200)
  })

  test('a device cookie is valid for its own account only', async () => {
    await using app = await startApp(PROXIED)
    await app.post('/register', PERSON, from(HOME))
    await app.post('/register', { ...PERSON, username: 'eve' }, from(STRANGER))
    const eve = await app.post('/login', { ...PERSON, username: 'eve' }, from(STRANGER))
    const { device_token: token } = (await eve.json()) as { device_token: string }
    await fail(app, STRANGER, 10)
    expect((await logIn(app, { address: STRANGER, token })).status).toBe(401)
  })

  test('[P4] collected device cookies end with the password they were issued for', async () => {
    await using house = await startHouse()
    const cookies: string[] = []
    for (let time = 0; time < 3; time += 1)
      cookies.push((await logIn(house, { address: STRANGER })).device_token)
    const { access_token: token } = (await (
      await house.post('/login', PERSON, from(HOME))
    ).json()) as { access_token: string }
    const change = { current_password: PASSWORD, new_password: 'nine quiet green keys' }
    const headers = { ...bearer(token), ...from(HOME) }
    expect((await house.post('/v1/me/password', change, headers)).status).toBe(200)
    for (const cookie of cookies)
      for (let guess = 0; guess < 5; guess += 1)
        await logIn(house, { address: AWAY, password: 'wrong', token: cookie })
    const guessers = (await counted(house.db)).filter(({ kind }) => kind === 'client_at_name')
    expect(guessers).toStrictEqual([{ kind: 'client_at_name', address: AWAY, failures: 10 }])
  })
})

describe('an admin', () => {
  type Lockouts = {
    readonly total: number
    readonly lockouts: readonly (Record<string, unknown> & { readonly id: string })[]
  }

  const startAsAdmin = async () => {
    const app = await startApp(PROXIED)
    const headers = bearer(await app.signIn('amy', 'admin'))
    await app.post('/register', PERSON, from(HOME))
    return {
      ...app,
      lockouts: async (query = '') =>
        (await (await app.get(`/v1/lockouts${query}`, headers)).json()) as Lockouts,
      clear: (id: string) => fetch(`${app.url}/v1/lockouts/${id}`, { method: 'DELETE', headers }),
      [Symbol.asyncDispose]: app[Symbol.asyncDispose],
    }
  }

  test('sees who is locked out, since when, until when and why', async () => {
    await using app = await startAsAdmin()
    expect(await app.lockouts()).toStrictEqual({ total: 0, lockouts: [] })
    await fail(app, STRANGER, 10)
    for (let time = 0; time < 10; time += 1)
      await app.post('/login', { username: 'nobody', password: 'x' }, from(STRANGER))
    const { total, lockouts } = await app.lockouts()
    const [ada] = await app.accounts.store.page(1, 1)
    expect(total).toBe(2)
    expect(
      lockouts.map(({ kind, account, username, address, failures }) => ({
        kind,
        account,
        username,
        address,
        failures,
      })),
    ).toStrictEqual([
      {
        kind: 'client_at_name',
        account: ada?.publicId,
        username: 'ada',
        address: STRANGER,
        failures: 10,
      },
      { kind: 'client_at_name', account: null, username: null, address: STRANGER, failures: 10 },
    ])
    const leftMs = Date.parse(String(lockouts[0]?.['locked_until'])) - app.clock.nowMs
    expect(leftMs).toBeWithin(10_000, 30_001)
    const filtered = await app.lockouts(`?account=${ada?.publicId}`)
    expect(filtered.lockouts.map(({ id }) => id)).toStrictEqual([lockouts[0]?.id ?? ''])
    app.clock.passedMs += 30_000
    expect(await app.lockouts()).toStrictEqual({ total: 0, lockouts: [] })
  })

  test('clears a lockout, and both its start and its end are recorded', async () => {
    await using app = await startAsAdmin()
    await fail(app, STRANGER, 10)
    const { lockouts } = await app.lockouts()
    const id = lockouts[0]?.id ?? ''
    expect((await app.clear(id)).status).toBe(200)
    expect((await app.clear(id)).status).toBe(404)
    expect((await app.clear('none')).status).toBe(404)
    const records = app.logLines
      .map((line) => JSON.parse(line) as { action?: string; subject?: string; detail?: unknown })
      .filter(({ action }) => action === 'login.lockout_started' || action === 'lockout.cleared')
    const [ada] = await app.accounts.store.page(1, 1)
    expect(
      records.map(({ action, subject, detail }) => ({ action, subject, detail })),
    ).toStrictEqual([
      {
        action: 'login.lockout_started',
        subject: ada?.publicId,
        detail: { kind: 'client_at_name', failures: 10, seconds: 30 },
      },
      {
        action: 'lockout.cleared',
        subject: ada?.publicId,
        detail: { kind: 'client_at_name', failures: 10 },
      },
    ])
    await fail(app, STRANGER, 9)
    expect((await logIn(app, { address: STRANGER })).status).toBe(200)
  })

  test('can ask only about an account that exists', async () => {
    await using app = await startAsAdmin()
    expect(await app.lockouts('?account=nobody')).toMatchObject({ code: 'not_found' })
    expect(await app.lockouts('?name=ada')).toMatchObject({ code: 'invalid' })
  })
})
