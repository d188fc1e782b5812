import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type HomeDatabase, homeDatabase } from '../support/home-database.ts'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf, recordsOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'
import { enrol, nextCode } from '../support/second-factor.ts'

type Pair = { readonly access_token: string; readonly refresh_token: string }
type Login = Pair & {
  readonly status: number
  readonly code?: string
  readonly device_token: string
}

const HOME = '203.0.113.1'
const AWAY = '198.51.100.7'
const STRANGER = '203.0.113.66'

describe('accounts on the compiled executable', () => {
  let service: Service
  let db: HomeDatabase
  let client: ReturnType<typeof clientOf>
  let owner: Record<string, string>

  const register = async (username: string, password: string = PASSWORD) => {
    const body = { username, password, phone: '1', address: 'x' }
    return ((await (await client.post('/register', body)).json()) as { msg: string }).msg
  }

  const logIn = async (
    username: string,
    password: string = PASSWORD,
    { address = HOME, ...more }: { address?: string; device_token?: string; otp?: string } = {},
  ): Promise<Login> => {
    const forwarded = { 'x-forwarded-for': address }
    const answer = await client.post('/login', { username, password, ...more }, forwarded)
    return { ...((await answer.json()) as Omit<Login, 'status'>), status: answer.status }
  }

  const refresh = async (token: string) => {
    const answer = await client.post('/v1/session/refresh', { refresh_token: token })
    return { status: answer.status, ...((await answer.json()) as Pair) }
  }

  const statusOf = async ({ access_token: token }: Pair) =>
    (await client.get('/v1/me', bearer(token))).status

  const log = () => service.output().log.trim().split('\n')

  beforeAll(async () => {
    service = await startService({ env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' } })
    client = clientOf(service.url)
    await addAccount('oli', { role: 'owner', folder: service.folder })
    owner = bearer((await logIn('oli')).access_token)
    db = await homeDatabase(service.folder)
  })

  afterAll(async () => {
    await db.close()
    await service.stop()
  })

  test('[P2] password length counts code points, and passwords are compared in full after normalisation', async () => {
    expect(await register('kim', '🗝️🚪🔒🏠🔑🪟⛓')).toBe('User registered successfully')
    expect(await register('lea', '🗝🚪🔒🏠🔑🪟⛓')).toBe('Weak password')
    const long = 'correct horse battery staple '.repeat(8)
    expect(await register('max', `${long}a`)).toBe('User registered successfully')
    const statuses = [`${long}a`, `${long}b`, long].map(
      async (word) => (await logIn('max', word)).status,
    )
    expect(await Promise.all(statuses)).toStrictEqual([200, 401, 401])
    expect(await register('ned', 'Cafe\u0301 cre\u0300me')).toBe('User registered successfully')
    expect((await logIn('ned', 'Caf\u00e9 cr\u00e8me')).status).toBe(200)
  })

  test('[A6] a person who registered by themselves records unlocks at once, and is let in from the next request on', async () => {
    expect(await register('wim')).toBe('User registered successfully')
    const wim = bearer((await logIn('wim')).access_token)
    const admitted = async (expected: boolean) =>
      expect(await (await client.get('/v1/me', wim)).json()).toMatchObject({ admitted: expected })
    await admitted(false)
    const unlock = await client.post('/logUnlocking', { 'unlocking-method': 'pin' }, wim)
    expect(await unlock.json()).toStrictEqual({ msg: 'Unlocking process logged successfully' })
    const waiting = await client.get('/v1/people?admitted=false&text=wim', owner)
    const { people } = (await waiting.json()) as { people: { id: string }[] }
    expect(people).toHaveLength(1)
    const path = `/v1/people/${people[0]?.id}`
    for (const state of [true, false, true]) {
      const answer = await client.patch(path, { admitted: state }, owner)
      expect([answer.status, await answer.json()]).toMatchObject([200, { admitted: state }])
      await admitted(state)
    }
    expect((await client.patch(path, { admitted: false }, wim)).status).toBe(403)
    expect((await client.patch(path, { role: 'admin' }, owner)).status).toBe(200)
    const refused = await client.patch(path, { admitted: false }, owner)
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'always_admitted' }])
    for (const action of ['account.waiting', 'account.admit', 'account.admission_withdraw'])
      expect([
        action,
        recordsOf(log(), action).some(
          ({ result, subject }) => result === 'success' && subject === people[0]?.id,
        ),
      ]).toStrictEqual([action, true])
  })

  test('[P3] passwords that are common, the name or words of the product are refused', async () => {
    for (const weak of ['password1', 'PASSWORD1', 'secure lock', 'zoe-zoe-1', 'zzzzzzzzzzzz'])
      expect(`${weak}: ${await register('zoe', weak)}`).toBe(`${weak}: Weak password`)
  })

  test('[P4, P5] guessing locks a client out but not the person at home, and an owner clears the lockout', async () => {
    await register('ada')
    const { device_token: deviceToken } = await logIn('ada')
    for (let guess = 0; guess < 10; guess += 1)
      expect((await logIn('ada', 'wrong', { address: STRANGER })).status).toBe(401)
    expect((await logIn('ada', PASSWORD, { address: STRANGER })).status).toBe(401)
    expect((await logIn('ada')).status).toBe(200)
    expect((await logIn('ada', PASSWORD, { address: AWAY })).status).toBe(200)
    const known = { address: STRANGER, device_token: deviceToken }
    expect((await logIn('ada', PASSWORD, known)).status).toBe(200)
    const { lockouts } = (await (await client.get('/v1/lockouts', owner)).json()) as {
      lockouts: { id: string; address: string }[]
    }
    const [wait, ...others] = lockouts
    expect([wait?.address, others]).toStrictEqual([STRANGER, []])
    expect((await client.delete(`/v1/lockouts/${wait?.id}`, {}, owner)).status).toBe(200)
    expect((await logIn('ada', PASSWORD, { address: STRANGER })).status).toBe(200)
    expect(recordsOf(log(), 'lockout.cleared')).toHaveLength(1)
  })

  test('[T4] parallel refreshes get one successor; a later reuse ends the session and leaves an audit event', async () => {
    await register('bea')
    const first = await logIn('bea')
    const other = await logIn('bea')
    const pairs = await Promise.all(Array.from({ length: 8 }, () => refresh(first.refresh_token)))
    const [second, ...more] = new Set(pairs.map((pair) => pair.refresh_token))
    expect(more).toStrictEqual([])
    expect(await refresh(second ?? '')).toMatchObject({ status: 200 })
    await db.run('UPDATE refresh_token SET used_at_ms = used_at_ms - 11000')
    expect(await refresh(first.refresh_token)).toMatchObject({ status: 401 })
    for (const pair of pairs) expect(await statusOf(pair)).toBe(401)
    expect(await statusOf(other)).toBe(200)
    expect(recordsOf(log(), 'session.reuse')).toHaveLength(1)
  })

  test('[T3, T5] people can end their own sessions, an owner anyone’s, effective at the next request', async () => {
    await register('cem')
    const phones = [await logIn('cem'), await logIn('cem'), await logIn('cem')] as const
    const own = bearer(phones[0].access_token)
    const { sessions } = (await (await client.get('/v1/sessions', own)).json()) as {
      sessions: { id: string; current: boolean }[]
    }
    const ended = sessions.find(({ current }) => !current)
    expect((await client.delete(`/v1/sessions/${ended?.id}`, {}, own)).status).toBe(200)
    const statuses = await Promise.all(phones.map(statusOf))
    expect(statuses.filter((status) => status === 200)).toHaveLength(2)
    const { id } = (await (await client.get('/v1/me', own)).json()) as { id: string }
    expect((await client.delete(`/v1/sessions?account=${id}`, {}, owner)).status).toBe(200)
    expect(await Promise.all(phones.map(statusOf))).toStrictEqual([401, 401, 401])
  })

  test('[P6] a second factor is requested only after the right password, and each code works once', async () => {
    await register('dan')
    const { secret } = await enrol(client, (await logIn('dan')).access_token)
    expect(await logIn('dan', 'wrong')).toStrictEqual(await logIn('nobody', 'wrong'))
    expect(await logIn('dan')).toMatchObject({ status: 401, code: 'otp_required' })
    // The code of enrolment is used up; that of the next time step is already valid.
    const otp = nextCode(secret, Date.now())
    expect(await logIn('dan', PASSWORD, { otp })).toMatchObject({ status: 200 })
    expect(await logIn('dan', PASSWORD, { otp })).toMatchObject({
      status: 401,
      code: 'otp_invalid',
    })
    expect((await client.get('/getUsers', basic('dan', PASSWORD))).status).toBe(401)
  })

  test('[T6, I1] none of these tokens, passwords and codes is in the log', async () => {
    await register('eli', 'kanarienvogel im flur')
    const login = await logIn('eli', 'kanarienvogel im flur')
    await client.get(`/v1/me?access_token=${login.access_token}`)
    await refresh(login.refresh_token)
    await client.post('/login', '{"username":"eli","password":"kanarienvogel im flur"')
    const { log: lines, words } = service.output()
    for (const secret of [...Object.values(login).map(String), 'kanarienvogel', PASSWORD])
      if (secret.length > 10) expect(`${lines}${words}`).not.toContain(secret)
    expect(log().length).toBeGreaterThan(50)
  })
})
