import { describe, expect, test } from 'bun:test'
import { PASSWORD, bearer, startApp } from '../support/app.ts'

type Tokens = {
  readonly access_token: string
  readonly refresh_token: string
  readonly device_token: string
}

const LIMITS = { RATE_LIMIT_AUTH: '3/hour', RATE_LIMIT_DEFAULT: '3/hour' }

/** An app, and a household whose address a stranger shares. */
const startHouse = async (env: Readonly<Record<string, string>> = {}) => {
  const app = await startApp({ ...LIMITS, ...env })
  await app.signIn('ada')
  const login = (more: object, headers: Record<string, string> = {}) =>
    app.post('/login', { username: 'ada', password: PASSWORD, ...more }, headers)
  return {
    ...app,
    login,
    logIn: async (more: object = {}, headers: Record<string, string> = {}): Promise<Tokens> =>
      (await (await login(more, headers)).json()) as Tokens,
    refresh: (token: string) => app.post('/v1/session/refresh', { refresh_token: token }),
    /** Uses up what the address may ask for. */
    stranger: async (): Promise<void> => {
      for (const path of ['/login', '/nothing'])
        for (let time = 0; time < 3; time += 1) await app.post(path, '{')
      expect((await app.post('/login', '{')).status).toBe(429)
      expect((await app.get('/nothing')).status).toBe(429)
    },
  }
}

const from = (address: string) => ({ 'x-forwarded-for': address })

describe('a stranger who uses up the limits of an address', () => {
  test('takes nothing from those who share it and are signed in', async () => {
    await using house = await startHouse()
    const oli = bearer(await house.signIn('oli', 'owner'))
    await house.stranger()
    expect((await house.get('/v1/unlocks', oli)).status).toBe(200)
    expect((await house.patch('/v1/settings', { registration: 'closed' }, oli)).status).toBe(200)
    const change = { current_password: PASSWORD, new_password: 'nine quiet green keys' }
    expect((await house.post('/v1/me/password', change, oli)).status).toBe(200)
  })

  test('takes from those who wait to be let in', async () => {
    await using house = await startHouse()
    const grace = bearer(await house.signIn('grace'))
    await house.db.run('UPDATE account SET admitted_at_ms = NULL')
    await house.stranger()
    expect((await house.get('/v1/me', grace)).status).toBe(429)
    const change = { current_password: PASSWORD, new_password: 'nine quiet green keys' }
    expect((await house.post('/v1/me/password', change, grace)).status).toBe(429)
  })

  test('does not keep a genuine refresh token from being used', async () => {
    await using house = await startHouse()
    const { refresh_token: token } = await house.logIn()
    await house.stranger()
    const answer = await house.refresh(token)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('ratelimit-remaining')).toBe('2')
    expect((await house.refresh('no such token')).status).toBe(429)
    expect((await house.post('/v1/session/refresh', '{')).status).toBe(429)
  })

  test('[P5] does not keep a device that has logged in before from logging in again', async () => {
    await using house = await startHouse()
    const { device_token: token } = await house.logIn()
    await house.stranger()
    expect((await house.login({})).status).toBe(429)
    expect((await house.login({ device_token: 'no such device' })).status).toBe(429)
    expect((await house.login({ device_token: token, username: 'oli' })).status).toBe(429)
    expect((await house.login({ device_token: token })).status).toBe(200)
  })

  test('keeps a device from logging in to an account that waits, or is disabled', async () => {
    await using house = await startHouse({ RATE_LIMIT_AUTH: '4/hour' })
    const { device_token: token } = await house.logIn()
    await house.stranger()
    await house.db.run('UPDATE account SET admitted_at_ms = NULL')
    expect((await house.login({ device_token: token })).status).toBe(429)
    await house.db.run('UPDATE account SET admitted_at_ms = 1, disabled_at_ms = 1')
    expect((await house.login({ device_token: token })).status).toBe(429)
  })

  test('keeps neither health checks nor the console from answering, nor the metrics token', async () => {
    await using house = await startHouse()
    await house.stranger()
    for (const path of ['/livez', '/readyz', '/console'])
      expect((await house.get(path)).status).toBe(200)
    expect((await house.get('/metrics')).status).toBe(429)
    const scraping = bearer(await Bun.file(`${house.folder}/data/metrics-token`).text())
    expect((await house.get('/metrics', scraping)).status).toBe(200)
  })

  test('does not end the session of a browser', async () => {
    await using house = await startHouse()
    const same = { 'sec-fetch-site': 'same-origin' }
    const logIn = (headers: Record<string, string> = {}) =>
      house.post(
        '/v1/session/cookie',
        { username: 'ada', password: PASSWORD },
        { ...same, ...headers },
      )
    const { headers } = await logIn()
    const cookie = headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .filter((pair) => !pair?.startsWith('lock-access='))
      .join('; ')
    await house.stranger()
    const state = await house.get('/v1/session/cookie', { ...same, cookie })
    expect(await state.json()).toMatchObject({ state: 'renewable' })
    const refresh = (sent: Record<string, string>) =>
      house.post('/v1/session/cookie/refresh', {}, { ...same, ...sent })
    expect((await refresh({ cookie })).status).toBe(200)
    expect((await refresh({})).status).toBe(429)
    expect((await logIn({ cookie })).status).toBe(200)
    expect((await logIn()).status).toBe(429)
  })
})

describe('what is genuine has bounds of its own', () => {
  test('an account’s requests, at each of its clients', async () => {
    await using house = await startHouse({ TRUSTED_PROXIES: '127.0.0.1' })
    const token = bearer(await house.signIn('oli'))
    const me = async (address: string) =>
      (await house.get('/v1/me', { ...token, ...from(address) })).status
    const thief = [await me('203.0.113.66'), await me('203.0.113.66'), await me('203.0.113.66')]
    expect(thief).toStrictEqual([200, 200, 200])
    expect(await me('203.0.113.66')).toBe(429)
    expect(await me('203.0.113.1')).toBe(200)
  })

  test('[P4] a device’s attempts, wherever it is, and however often it logs in', async () => {
    await using house = await startHouse({ TRUSTED_PROXIES: '127.0.0.1' })
    const [one, other] = [await house.logIn(), await house.logIn()]
    let { device_token: token } = one
    for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.3'])
      token = (await house.logIn({ device_token: token }, from(address))).device_token
    for (const stolen of [one.device_token, token]) {
      const refused = await house.login({ device_token: stolen, password: 'wrong' })
      expect(refused.status).toBe(429)
      expect(await refused.json()).toStrictEqual({ error: 'ratelimit exceeded' })
      expect(Number(refused.headers.get('retry-after'))).toBeWithin(3000, 3601)
    }
    expect((await house.login({ device_token: other.device_token })).status).toBe(200)
  })

  test('failed attempts of a device count, malformed ones against its client', async () => {
    await using house = await startHouse({ RATE_LIMIT_AUTH: '4/hour' })
    const { device_token: token } = await house.logIn()
    const statuses = []
    for (let time = 0; time < 5; time += 1)
      statuses.push((await house.login({ device_token: token, password: 'wrong' })).status)
    expect(statuses).toStrictEqual([401, 401, 401, 401, 429])
    const malformed = []
    for (let time = 0; time < 4; time += 1)
      malformed.push((await house.login({ device_token: token, password: 7 })).status)
    expect(malformed).toStrictEqual([400, 400, 400, 429])
  })

  test('an account’s refreshes', async () => {
    await using house = await startHouse()
    let { refresh_token: token } = await house.logIn()
    for (let time = 0; time < 3; time += 1)
      token = ((await (await house.refresh(token)).json()) as Tokens).refresh_token
    const refused = await house.refresh(token)
    expect(refused.status).toBe(429)
    expect(await refused.json()).toStrictEqual({ error: 'ratelimit exceeded' })
  })

  test('[P4] a token gives no more attempts at its own password than its client has', async () => {
    await using house = await startHouse()
    const ada = bearer(await house.logIn().then((tokens) => tokens.access_token))
    const guess = { current_password: 'wrong', new_password: 'nine quiet green keys' }
    const statuses = []
    for (let time = 0; time < 4; time += 1)
      statuses.push((await house.post('/v1/me/password', guess, ada)).status)
    expect(statuses).toStrictEqual([403, 403, 403, 429])
  })
})
