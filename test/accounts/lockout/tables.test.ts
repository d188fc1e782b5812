import { describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, basic, bearer, clientOf, startApp } from '../../support/app.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { startService, temporaryFolder } from '../../support/binary.ts'

const OLI = { username: 'oli', password: PASSWORD }
const WRONG = basic('oli', 'wrong')
const RIGHT = basic('oli', PASSWORD)
const HERE = '198.51.100.7'

/** A trusted proxy, so that tests can call from any address. */
const PROXIED = { TRUSTED_PROXIES: '127.0.0.1' } as const
const from = (address: string) => ({ 'x-forwarded-for': address })

type Lockout = Readonly<Record<'id' | 'kind' | 'place' | 'username' | 'address', string>>

const startHouse = async () => {
  const app = await startApp(PROXIED)
  const headers = { ...bearer(await app.signIn('oli', 'owner')), ...from('192.0.2.1') }
  const table = async (address: string, credentials: Record<string, string>) =>
    (await app.get('/getUsers', { ...credentials, ...from(address) })).status
  const logIn = async (address: string, password = PASSWORD) =>
    (await app.post('/login', { ...OLI, password }, from(address))).status
  const times = async (count: number, attempt: () => Promise<number>) => {
    for (let time = 0; time < count; time += 1) expect(await attempt()).toBe(401)
  }
  return {
    ...app,
    headers,
    table,
    logIn,
    failAtTables: (address: string, count: number) => times(count, () => table(address, WRONG)),
    failAtLogin: (address: string, count: number) => times(count, () => logIn(address, 'wrong')),
    lockouts: async () =>
      ((await (await app.get('/v1/lockouts', headers)).json()) as { lockouts: Lockout[] }).lockouts,
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

/** The events of lockouts, oldest first. */
const lockoutEvents = ({ logLines }: Pick<TestApp, 'logLines'>) =>
  logLines
    .map((line) => JSON.parse(line) as { action?: string; detail?: unknown })
    .filter(({ action }) => action === 'login.lockout_started' || action === 'lockout.cleared')
    .map(({ action, detail }) => ({ action, detail }))

describe('passwords that a browser sends to the tables', () => {
  test('[G6, P5] lock a client out of the tables only, at the compiled file with its default limits', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ folder })
    await addAccount('oli', { folder, role: 'owner' })
    const { get, post } = clientOf(service.url)
    const statuses: number[] = []
    for (let time = 0; time < 30; time += 1) statuses.push((await get('/getUsers', WRONG)).status)
    expect(statuses.slice(0, 20)).toStrictEqual(Array.from({ length: 20 }, () => 401))
    expect(statuses.slice(20)).toStrictEqual(Array.from({ length: 10 }, () => 429))
    expect((await post('/login', OLI)).status).toBe(200)
    const oli = bearer(await tokenFor(service.url, 'oli'))
    const answer = await get('/v1/lockouts', oli)
    expect(await answer.json()).toMatchObject({
      total: 1,
      lockouts: [{ kind: 'client_at_name', place: 'tables', username: 'oli', failures: 10 }],
    })
    expect((await get('/getUsers', oli)).status).toBe(200)
  })

  test('[P4] are refused after ten failures, even the right one, for 30 seconds and longer', async () => {
    await using house = await startHouse()
    await house.failAtTables(HERE, 10)
    expect(await house.table(HERE, RIGHT)).toBe(401)
    house.clock.passedMs += 30_000
    expect(await house.table(HERE, WRONG)).toBe(401)
    house.clock.passedMs += 30_000
    expect(await house.table(HERE, RIGHT)).toBe(401)
    house.clock.passedMs += 30_000
    expect(await house.table(HERE, RIGHT)).toBe(200)
    await house.failAtTables(HERE, 9)
    expect(await house.table(HERE, RIGHT)).toBe(200)
  })

  test('[P5] and failed logins each leave the other alone', async () => {
    await using house = await startHouse()
    await house.failAtTables(HERE, 12)
    expect(await house.logIn(HERE)).toBe(200)
    expect(await house.table(HERE, RIGHT)).toBe(401)
    house.clock.passedMs += 3_600_000
    expect(await house.table(HERE, RIGHT)).toBe(200)
    await house.failAtLogin(HERE, 10)
    expect(await house.table(HERE, RIGHT)).toBe(200)
    expect(await house.logIn(HERE)).toBe(401)
  })

  test('[P4] count together with logins at a name: a hundred guesses at both', async () => {
    await using house = await startHouse()
    for (let client = 0; client < 5; client += 1) {
      await house.failAtTables(`192.0.2.2${client}`, 10)
      await house.failAtLogin(`192.0.2.2${client}`, 10)
    }
    expect(await house.table(HERE, RIGHT)).toBe(401)
    expect(await house.logIn(HERE)).toBe(401)
    expect(await house.lockouts()).toContainEqual(
      expect.objectContaining({ kind: 'name', place: 'login', failures: 100 }),
    )
  })

  test('[P4] are refused at all names after a hundred failures of a client, and logins are not', async () => {
    await using house = await startHouse()
    for (let time = 0; time < 100; time += 1)
      expect(await house.table(HERE, basic(`nobody${time}`, 'x'))).toBe(401)
    expect(await house.table(HERE, RIGHT)).toBe(401)
    expect(await house.logIn(HERE)).toBe(200)
  })

  test('make a lockout that says where it is, and that an admin can clear', async () => {
    await using house = await startHouse()
    await house.failAtTables(HERE, 10)
    await house.failAtLogin(HERE, 10)
    const lockouts = await house.lockouts()
    expect(lockouts.map(({ kind, place }) => ({ kind, place }))).toStrictEqual([
      { kind: 'client_at_name', place: expect.any(String) },
      { kind: 'client_at_name', place: expect.any(String) },
    ])
    expect(lockouts.map(({ place }) => place).toSorted()).toStrictEqual(['login', 'tables'])
    const clear = async (place: string) => {
      const id = lockouts.find((lockout) => lockout.place === place)?.id
      return (await house.delete(`/v1/lockouts/${id}`, {}, house.headers)).status
    }
    expect(await clear('tables')).toBe(200)
    expect(await house.table(HERE, RIGHT)).toBe(200)
    expect(await house.logIn(HERE)).toBe(401)
    expect(await clear('login')).toBe(200)
    expect(await house.logIn(HERE)).toBe(200)
    const detail = { kind: 'client_at_name', failures: 10 }
    expect(lockoutEvents(house)).toStrictEqual([
      {
        action: 'login.lockout_started',
        detail: { ...detail, seconds: 30, place: 'tables' },
      },
      { action: 'login.lockout_started', detail: { ...detail, seconds: 30 } },
      { action: 'lockout.cleared', detail: { ...detail, place: 'tables' } },
      { action: 'lockout.cleared', detail },
    ])
  })
})
