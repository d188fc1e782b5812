import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { SETTINGS } from '../../../src/config/settings.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, type TestApp, bearer, clientOf, recordsOf, startApp } from '../../support/app.ts'
import { startService, temporaryFolder } from '../../support/binary.ts'
import { household, outcomeOf } from '../../support/household.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 86_400_000

/** Registering counts by client, as far as the waiting list bounds it, and without end otherwise. */
const ENV = { RATE_LIMIT_AUTH: '100000/minute', TRUSTED_PROXIES: '127.0.0.1' }

type Client = Pick<TestApp, 'post' | 'get' | 'delete'>
type Person = { readonly id: string; readonly username: string; readonly registered_from: string }

const registering =
  ({ post }: Pick<Client, 'post'>) =>
  async (username: string, address: string) => {
    const person = { username, password: PASSWORD, phone: '1', address: 'x' }
    const answer = await post('/register', person, { 'x-forwarded-for': address })
    return [answer.status, await answer.json()] as const
  }

const REGISTERED = [200, { msg: 'User registered successfully' }] as const

const refusal = (msg: string) => [503, { msg, code: 'waiting_list_full' }] as const

const WHOLE_LIST = refusal(
  'Too many people wait to be let in; register again once an owner has let some in or refused them',
)
const HERE = refusal(
  'Too many people at your address wait to be let in; register again once an owner has let some in or refused them',
)

const waiting = async ({ get }: Pick<Client, 'get'>, token: string): Promise<readonly Person[]> => {
  const path = '/v1/people?admitted=false&disabled=false&order=oldest&limit=200'
  return ((await (await get(path, bearer(token))).json()) as { people: Person[] }).people
}

const names = async (app: Pick<Client, 'get'>, token: string) =>
  (await waiting(app, token)).map(({ username }) => username)

const seven = (name: string) => Array.from({ length: 7 }, (_, at) => `${name}-${at}`)

describe('the waiting list', () => {
  test('[G3] gives each client a share, also if it registers everybody at once', async () => {
    await using app = await startApp({ ...ENV, WAITING_ACCOUNTS_CLIENT: '5' })
    const register = registering(app)
    const owner = await app.signIn('oli', 'owner')
    const answers = await Promise.all(seven('eve').map((name) => register(name, '10.0.0.1')))
    expect(answers.filter(([status]) => status === 200)).toHaveLength(5)
    expect(answers.filter(([status]) => status !== 200)).toStrictEqual([HERE, HERE])
    expect(await register('grace', '10.0.0.2')).toStrictEqual(REGISTERED)
    // A subscriber chooses any address in a /64.
    for (const name of seven('mallory')) await register(name, `2001:db8::${name.at(-1)}`)
    expect(await names(app, owner)).toHaveLength(11)
    expect((await waiting(app, owner)).at(-1)?.registered_from).toBe('2001:db8::')
    expect(recordsOf(app.logLines, 'account.register')).toContainEqual(
      expect.objectContaining({ result: 'failure', detail: { reason: 'waiting_list_full' } }),
    )
    // Those who are let in, refused or erased no longer count.
    const [first, second, third] = await waiting(app, owner)
    await app.patch(`/v1/people/${first?.id}`, { admitted: true }, bearer(owner))
    await app.patch(`/v1/people/${second?.id}`, { disabled: true }, bearer(owner))
    await app.delete(`/v1/people/${third?.id}`, {}, bearer(owner))
    for (const name of ['ann', 'ben', 'cem'])
      expect(await register(name, '10.0.0.1')).toStrictEqual(REGISTERED)
    expect(await register('dan', '10.0.0.1')).toStrictEqual(HERE)
    // A refused person cannot come again under the same name.
    expect(await register(second?.username ?? '', '10.0.0.9')).toStrictEqual([
      400,
      { msg: 'User already exists' },
    ])
  })

  test('has no shares if RATE_LIMIT_AUTH is off', async () => {
    await using app = await startApp({ WAITING_ACCOUNTS_CLIENT: '1' })
    const register = registering(app)
    for (const name of seven('ada')) expect(await register(name, '10.0.0.1')).toEqual(REGISTERED)
  })

  test('[G3] is never full for somebody new while a client has several places', async () => {
    await using app = await startApp({
      ...ENV,
      WAITING_ACCOUNTS_MAX: '6',
      WAITING_ACCOUNTS_CLIENT: '5',
    })
    const register = registering(app)
    const owner = await app.signIn('oli', 'owner')
    await register('fay', '10.0.0.3')
    for (const name of ['eve-1', 'eve-2', 'eve-3']) await register(name, '10.0.0.1')
    for (const name of ['mal-1', 'mal-2']) await register(name, '10.0.0.2')
    const evicted = (await waiting(app, owner)).find(({ username }) => username === 'eve-1')
    const eve = await app.logIn('eve-1')
    await app.post('/logUnlocking', { 'unlocking-method': 'kept until then' }, bearer(eve))

    expect(await register('grace', '10.0.0.4')).toStrictEqual(REGISTERED)
    const left = ['fay', 'eve-2', 'eve-3', 'mal-1', 'mal-2', 'grace']
    expect(await names(app, owner)).toStrictEqual(left)
    expect((await app.get('/v1/me', bearer(eve))).status).toBe(401)
    expect(recordsOf(app.logLines, 'account.erase')).toMatchObject([
      { result: 'success', subject: evicted?.id, detail: { reason: 'waiting_list_full' } },
    ])
    const unlocks = await (await app.get('/v1/unlocks', bearer(owner))).text()
    expect(unlocks).not.toMatch(/eve-1|kept until then/)

    // Two clients with two places each: one more of their own does not push out the other.
    expect(await register('mal-3', '10.0.0.2')).toStrictEqual(WHOLE_LIST)
    expect(await register('hal', '10.0.0.5')).toStrictEqual(REGISTERED)
    expect(await register('ida', '10.0.0.6')).toStrictEqual(REGISTERED)
    // Everybody is alone at their address now, and stays.
    const alone = ['fay', 'eve-3', 'mal-2', 'grace', 'hal', 'ida']
    expect(await names(app, owner)).toStrictEqual(alone)
    expect(await register('jon', '10.0.0.7')).toStrictEqual(WHOLE_LIST)
    expect(await names(app, owner)).toStrictEqual(alone)
  })

  test('loses people after 30 days, but nobody who was looked at or registered before the clock was set', async () => {
    await using app = await startApp(ENV)
    const register = registering(app)
    const owner = bearer(await app.signIn('oli', 'owner'))
    const people = ['old', 'new', 'early', 'refused', 'let-in', 'withdrawn']
    for (const name of people) await register(name, '10.0.0.1')
    const idOf = async (name: string) =>
      ((await (await app.get(`/v1/people?text=${name}`, owner)).json()) as { people: Person[] })
        .people[0]?.id ?? ''
    const change = async (name: string, body: object) =>
      app.patch(`/v1/people/${await idOf(name)}`, body, owner)
    await change('refused', { disabled: true })
    await change('let-in', { admitted: true })
    await change('withdrawn', { admitted: true })
    await change('withdrawn', { admitted: false })
    const registeredAt = (timeMs: number, name: string) =>
      app.db.run('UPDATE account SET created_at_ms = ? WHERE username = ?', timeMs, name)
    for (const name of people) await registeredAt(app.clock.nowMs - 31 * DAY_MS, name)
    await registeredAt(app.clock.nowMs - 28 * DAY_MS, 'new')
    await registeredAt(1000, 'early')
    const id = await idOf('old')
    const left = async () => (await app.accounts.store.page(0, 100)).map(({ username }) => username)

    // A clock that has just jumped erases nobody.
    const { nowMs } = app.clock
    app.clock.nowMs += 400 * DAY_MS
    await app.accounts.waitingList.apply()
    expect(await left()).toStrictEqual(['oli', ...people])
    app.clock.nowMs = nowMs
    await app.accounts.waitingList.apply()
    expect(await left()).toStrictEqual(['oli', ...people])
    app.clock.nowMs += DAY_MS
    app.clock.passedMs += DAY_MS
    await app.accounts.waitingList.apply()
    expect(await left()).toStrictEqual(['oli', ...people.slice(1)])
    expect(recordsOf(app.logLines, 'account.erase')).toMatchObject([
      {
        result: 'success',
        subject: id,
        client: 'gateway',
        detail: { reason: 'waited_too_long' },
      },
    ])
  })

  test('[G4] is cleared by admins and owners, for one address or all, and by nobody else', async () => {
    await using app = await startApp({ ...ENV, WAITING_ACCOUNTS_CLIENT: '20' })
    const register = registering(app)
    const person = await household(app, { oli: 'owner', amy: 'admin', mia: 'member' })
    for (let at = 0; at < 20; at += 1) await register(`eve-${at}`, '10.0.0.1')
    for (const [name, address] of [
      ['fay', '10.0.0.1'],
      ['grace', '10.0.0.2'],
      ['hal', '10.0.0.3'],
    ] as const)
      await register(name, address)
    const eve = bearer(await app.logIn('eve-7'))
    await app.post('/logUnlocking', { 'unlocking-method': 'of eve' }, eve)
    const clear = (query: string, who: string) =>
      app.delete(`/v1/waiting-list${query}`, {}, bearer(person(who).token))
    expect(await outcomeOf(await clear('', 'mia'))).toBe('403 forbidden')
    expect((await app.delete('/v1/waiting-list', {}, eve)).status).toBe(403)
    expect((await app.delete('/v1/waiting-list')).status).toBe(401)
    expect(await names(app, person('oli').token)).toHaveLength(22)

    // fay found no place: the share of her address was used up.
    expect(await (await clear('?registered_from=10.0.0.1', 'amy')).json()).toEqual({ erased: 20 })
    expect(await names(app, person('oli').token)).toStrictEqual(['grace', 'hal'])
    expect((await app.get('/v1/me', eve)).status).toBe(401)
    const { id: actor } = person('amy')
    expect(recordsOf(app.logLines, 'account.erase')).toHaveLength(20)
    expect(recordsOf(app.logLines, 'account.erase')[0]).toMatchObject({ actor, result: 'success' })
    const unlocks = async () => (await app.get('/v1/unlocks', bearer(person('oli').token))).text()
    await until(async () => !(await unlocks()).includes('of eve'))

    expect(await (await clear('?registered_from=10.0.0.1', 'amy')).json()).toEqual({ erased: 0 })
    expect(await (await clear('', 'oli')).json()).toStrictEqual({ erased: 2 })
    expect(await names(app, person('oli').token)).toStrictEqual([])
    const { people } = (await (
      await app.get('/v1/people', bearer(person('oli').token))
    ).json()) as { people: Person[] }
    expect(people).toHaveLength(3)
  })

  test('knows where people registered until somebody decides, and no byte of it stays', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ folder, env: ENV })
    const { url } = service
    const client = clientOf(url)
    await addAccount('oli', { folder, role: 'owner' })
    const owner = await tokenFor(url, 'oli')
    const register = registering(client)
    await register('grace', '203.0.113.77')
    await register('hal', '203.0.113.78')
    const [grace, hal] = await waiting(client, owner)
    expect([grace?.registered_from, hal?.registered_from]).toEqual(['203.0.113.77', '203.0.113.78'])
    const admitted = await client.patch(`/v1/people/${hal?.id}`, { admitted: true }, bearer(owner))
    expect(await admitted.json()).toMatchObject({ registered_from: null })
    expect((await client.delete(`/v1/people/${grace?.id}`, {}, bearer(owner))).status).toBe(200)
    await service.stop()
    await using db = await homeDatabase(folder)
    expect(await db.contains('grace')).toBe(false)
    expect(await db.contains('203.0.113.77')).toBe(false)
    expect(
      await db.get('SELECT count(*) AS n FROM account WHERE waiting_client IS NOT NULL'),
    ).toStrictEqual({ n: 0 })
    rmSync(folder, { recursive: true })
  })

  test('[G3] filled from 12 addresses at the default limits, takes Grace from another at once', async () => {
    const limits = {
      RATE_LIMIT_AUTH: SETTINGS.rateLimitAuth.defaultText,
      WAITING_ACCOUNTS_MAX: '100',
    }
    await using app = await startApp({ ...ENV, ...limits })
    const owner = await app.signIn('oli', 'owner')
    const register = registering(app)
    const flood = Array.from({ length: 120 }, (__, at) => [`squat-${at}`, `10.2.0.${at % 12}`])
    const taken: number[] = []
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        for (;;) {
          const [name = '', address = ''] = flood.pop() ?? []
          if (!name) return
          taken.push((await register(name, address))[0])
        }
      }),
    )
    expect(taken).toHaveLength(120)
    expect(await waiting(app, owner)).toHaveLength(100)
    expect(await register('grace', '10.3.0.1')).toStrictEqual(REGISTERED)
    const after = await waiting(app, owner)
    expect(after.map(({ username }) => username)).toContain('grace')
    expect(after).toHaveLength(100)
  })

  test('loses people who waited too long at the start of the service', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ folder, env: ENV })
    await registering(clientOf(service.url))('grace', '10.0.0.1')
    await registering(clientOf(service.url))('hal', '10.0.0.1')
    await service.stop()
    await using db = await homeDatabase(folder)
    await db.run(
      "UPDATE account SET created_at_ms = created_at_ms - 31 * CAST(86400000 AS bigint) WHERE username = 'hal'",
    )
    await using restarted = await startService({ folder, env: ENV })
    const logIn = async (username: string) =>
      (await clientOf(restarted.url).post('/login', { username, password: PASSWORD })).status
    expect([await logIn('grace'), await logIn('hal')]).toStrictEqual([200, 401])
    await restarted.stop()
    rmSync(folder, { recursive: true })
  })
})
