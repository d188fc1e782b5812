import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { PASSWORD, type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { enrol, nextCode } from '../../support/second-factor.ts'

const FRIEND = 'https://friend.example'

const OLI = { username: 'oli', password: PASSWORD }

/** Stands in for a browser's cookie jar: stores cookies, and sends each to its path. */
const browserAt = (url: string, origin = new URL(url).origin) => {
  const jar = new Map<string, Bun.Cookie>()
  const lines: string[] = []
  const send = async (method: string, path: string, body?: unknown, headers = {}) => {
    const sent = [...jar.values()].filter((cookie) => path.startsWith(cookie.path))
    const answer = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; '),
        ...(method === 'GET' ? {} : { origin, 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      tls: { rejectUnauthorized: false },
    })
    for (const line of answer.headers.getSetCookie()) {
      lines.push(line)
      const cookie = Bun.Cookie.parse(line)
      if (cookie.maxAge === 0) jar.delete(cookie.name)
      else jar.set(cookie.name, cookie)
    }
    return answer
  }
  return {
    jar,
    /** Every Set-Cookie value. */
    lines,
    get: (path: string, headers = {}) => send('GET', path, undefined, headers),
    post: (path: string, body: unknown = {}, headers = {}) => send('POST', path, body, headers),
    patch: (path: string, body: unknown, headers = {}) => send('PATCH', path, body, headers),
  }
}

const signedIn = async (app: TestApp) => {
  await app.signIn('oli', 'owner')
  const browser = browserAt(app.url)
  expect((await browser.post('/v1/session/cookie', OLI)).status).toBe(200)
  return browser
}

const phone = async (browser: Pick<ReturnType<typeof browserAt>, 'get'>) =>
  ((await (await browser.get('/v1/me')).json()) as { phone: string }).phone

describe('the session of a browser', () => {
  test('[I7] is in cookies that no script can read and no other site can send', async () => {
    await using app = await startApp()
    const { lines, get } = await signedIn(app)
    expect(lines.map((line) => line.replace(/=[^;]+/, '=…'))).toStrictEqual([
      'lock-access=…; Path=/; Max-Age=1800; HttpOnly; SameSite=Strict',
      'lock-refresh=…; Path=/v1/session/cookie; Max-Age=2592000; HttpOnly; SameSite=Strict',
      'lock-device=…; Path=/v1/session/cookie; Max-Age=7776000; HttpOnly; SameSite=Strict',
    ])
    expect((await get('/v1/me')).status).toBe(200)
    for (const path of ['/getLogs', '/getUsers'])
      expect((await get(path, { accept: 'text/html' })).status).toBe(200)
  })

  test('[I7] over TLS, has Secure cookies for this host only, at the compiled file', async () => {
    const folder = temporaryFolder()
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const made = Bun.spawnSync([
      ...'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'.split(' '),
      ...`-subj /CN=localhost -days 2 -keyout ${key} -out ${cert}`.split(' '),
    ])
    expect(made.exitCode).toBe(0)
    await using service = await startService({
      folder,
      env: { ...UNLIMITED, TLS_CERT_FILE: cert, TLS_KEY_FILE: key },
    })
    const args = ['user', 'add', '--role', 'owner', 'oli']
    await runCommand(args, { folder, input: `${PASSWORD}\n` })
    const browser = browserAt(service.url)
    expect((await browser.post('/v1/session/cookie', OLI)).status).toBe(200)
    expect(browser.lines).toHaveLength(3)
    for (const line of browser.lines) {
      expect(line).toMatch(/^__(Host|Secure)-lock-/)
      expect(line).toContain('; Secure; HttpOnly; SameSite=Strict')
    }
    const access = browser.jar.get('__Host-lock-access')
    expect(access?.path).toBe('/')
    expect((await browser.get('/v1/me')).status).toBe(200)
    // A cookie planted by a page without TLS on the same host.
    const planted = await browserAt(service.url).get('/v1/me', {
      cookie: `lock-access=${access?.value}`,
    })
    expect(planted.status).toBe(401)
    expect((await browser.post('/v1/session/cookie/refresh')).status).toBe(200)
    expect((await browser.post('/v1/session/logout')).status).toBe(200)
    expect([...browser.jar.keys()]).toStrictEqual(['__Secure-lock-device'])
    await service.stop()
    const { log, words } = service.output()
    expect(log + words).not.toContain(access?.value ?? 'none')
  })

  test('[I7] cannot be used from a foreign origin, or none, whatever cookies are sent', async () => {
    await using app = await startApp({ CORS_ORIGINS: FRIEND })
    const browser = await signedIn(app)
    const port = new URL(app.url).port
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: FRIEND },
      { origin: 'null' },
      // Another program on the same host is the same site, but another origin.
      { origin: 'http://127.0.0.1:1' },
      { origin: `https://127.0.0.1:${port}` },
      { origin: app.url, 'sec-fetch-site': 'same-site' },
      { origin: app.url, 'sec-fetch-site': 'cross-site' },
    ]
    const unsure: Record<string, string>[] = [
      { origin: '' },
      { origin: app.url, 'sec-fetch-site': 'none' },
    ]
    for (const headers of [...foreign, ...unsure]) {
      const status = foreign.includes(headers) && headers['origin'] !== FRIEND ? 403 : 401
      const changed = await browser.patch('/v1/me', { phone: '666' }, headers)
      expect([headers, changed.status]).toStrictEqual([headers, status])
      for (const path of ['/v1/session/cookie/refresh', '/v1/session/cookie', '/v1/setup/cookie']) {
        const refused = await browser.post(path, OLI, headers)
        expect([headers, path, refused.status]).toStrictEqual([headers, path, 403])
        expect(refused.headers.getSetCookie()).toStrictEqual([])
      }
      expect((await browser.post('/v1/session/logout', {}, headers)).status).toBe(status)
    }
    const cookie = [...browser.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')
    const silent = await fetch(`${app.url}/v1/me`, { method: 'DELETE', headers: { cookie } })
    expect(silent.status).toBe(401)
    // It cannot read either, or cause audit events by reading.
    for (const [headers, status] of [
      [{ origin: FRIEND }, 401],
      [{ 'sec-fetch-site': 'same-site' }, 403],
    ] as const)
      expect((await browser.get('/v1/unlocks/export?format=csv', headers)).status).toBe(status)
    expect(recordsOf(app.logLines, 'unlocks.export')).toStrictEqual([])
    expect(recordsOf(app.logLines, 'access.deny').length).toBeGreaterThan(0)
    expect(await phone(browser)).toBe('1')
    expect((await browser.patch('/v1/me', { phone: '2' })).status).toBe(200)
    expect(await phone(browser)).toBe('2')
  })

  test('[I7] is never used by other origins: CORS allows no credentials', async () => {
    await using app = await startApp({ CORS_ORIGINS: 'https://friend.example' })
    for (const method of ['OPTIONS', 'GET', 'POST']) {
      const answer = await fetch(`${app.url}/v1/session/cookie`, {
        method,
        headers: { origin: 'https://friend.example', 'access-control-request-method': 'POST' },
      })
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    }
  })

  test('[I7] behind a proxy that adds TLS, has Secure cookies, and accepts PUBLIC_URL as its origin', async () => {
    await using app = await startApp({ PUBLIC_URL: 'https://lock.example' })
    await app.signIn('oli', 'owner')
    const browser = browserAt(app.url, 'https://lock.example')
    expect((await browser.post('/v1/session/cookie', OLI)).status).toBe(200)
    expect(browser.lines.every((line) => line.includes('; Secure;'))).toBe(true)
    expect((await browser.patch('/v1/me', { phone: '2' })).status).toBe(200)
    expect((await browser.post('/v1/session/logout')).status).toBe(200)
    expect([...browser.jar.keys()]).toStrictEqual(['__Secure-lock-device'])
  })

  test('yields to a Bearer token, even an invalid one', async () => {
    await using app = await startApp()
    const browser = await signedIn(app)
    const mia = await app.signIn('mia')
    const asMia = await browser.get('/v1/me', bearer(mia))
    expect(await asMia.json()).toMatchObject({ username: 'mia' })
    expect((await browser.get('/v1/me', bearer('garbage'))).status).toBe(401)
    // A browser that has once read the tables sends this with every request.
    const basic = { authorization: `Basic ${btoa('oli:wrong')}` }
    expect((await browser.get('/v1/me', basic)).status).toBe(200)
  })
})

describe('refreshing', () => {
  test('[T4] in two tabs at once returns the same successor, and a later reuse ends the session', async () => {
    await using app = await startApp()
    const tab = await signedIn(app)
    const other = browserAt(app.url)
    for (const [name, cookie] of tab.jar) other.jar.set(name, cookie)
    const first = tab.jar.get('lock-refresh')
    const both = await Promise.all(
      [tab, other].map((page) => page.post('/v1/session/cookie/refresh')),
    )
    expect(both.map(({ status }) => status)).toStrictEqual([200, 200])
    const successor = tab.jar.get('lock-refresh')?.value
    expect(other.jar.get('lock-refresh')?.value).toBe(successor ?? 'none')
    expect(successor).not.toBe(first?.value ?? 'none')
    app.clock.nowMs += 60_000
    if (first) other.jar.set('lock-refresh', first)
    expect((await other.post('/v1/session/cookie/refresh')).status).toBe(401)
    expect([...other.jar.keys()]).toStrictEqual(['lock-device'])
    expect((await tab.get('/v1/me')).status).toBe(401)
    expect(recordsOf(app.logLines, 'session.reuse')).toHaveLength(1)
  })

  test('tells a browser whether it is logged in, must refresh, or neither', async () => {
    await using app = await startApp()
    const browser = await signedIn(app)
    const state = async () => (await browser.get('/v1/session/cookie')).json()
    app.clock.nowMs += 60_000
    expect(await state()).toMatchObject({ state: 'signed_in' })
    const { expires_in: remaining } = (await state()) as { expires_in: number }
    expect(remaining).toBeOneOf([1739, 1740])
    browser.jar.delete('lock-access')
    expect(await state()).toStrictEqual({ state: 'renewable', expires_in: 0 })
    browser.jar.clear()
    expect(await state()).toStrictEqual({ state: 'none', expires_in: 0 })
    expect((await browser.post('/v1/session/cookie/refresh')).status).toBe(401)
  })

  test('[T3] logging out ends the session at once and removes its cookies', async () => {
    await using app = await startApp()
    const browser = await signedIn(app)
    const access = browser.jar.get('lock-access')
    const refresh = browser.jar.get('lock-refresh')
    expect((await browser.post('/v1/session/logout')).status).toBe(200)
    expect([...browser.jar.keys()]).toStrictEqual(['lock-device'])
    if (access) browser.jar.set('lock-access', access)
    if (refresh) browser.jar.set('lock-refresh', refresh)
    expect((await browser.get('/v1/me')).status).toBe(401)
    expect((await browser.post('/v1/session/cookie/refresh')).status).toBe(401)
  })
})

describe('logging in a browser', () => {
  test('works like /login: failures count and are recorded, and the second factor is asked for last', async () => {
    await using app = await startApp()
    const token = await app.signIn('oli', 'owner')
    const { secret } = await enrol(app, token, app.clock.nowMs)
    const browser = browserAt(app.url)
    const attempt = async (body: object) => {
      const answer = await browser.post('/v1/session/cookie', { ...OLI, ...body })
      return [answer.status, ((await answer.json()) as { code?: string }).code]
    }
    expect(await attempt({ password: 'wrong' })).toStrictEqual([401, 'unauthorized'])
    expect(await attempt({ username: 'nobody' })).toStrictEqual([401, 'unauthorized'])
    expect(await attempt({})).toStrictEqual([401, 'otp_required'])
    expect(await attempt({ otp: '000000' })).toStrictEqual([401, 'otp_invalid'])
    expect([...browser.jar.keys()]).toStrictEqual([])
    const otp = nextCode(secret, app.clock.nowMs)
    expect(await attempt({ otp })).toStrictEqual([200, undefined])
    expect(recordsOf(app.logLines, 'login').map(({ result }) => result)).toStrictEqual([
      'success',
      ...Array<string>(3).fill('failure'),
      'success',
    ])
    expect(recordsOf(app.logLines, 'login.code_required')).toHaveLength(1)
  })

  test('[T6] puts no token into the answer or the log', async () => {
    await using app = await startApp({ LOG_LEVEL: 'debug' })
    await app.signIn('oli', 'owner')
    const browser = browserAt(app.url)
    const answer = await (await browser.post('/v1/session/cookie', OLI)).text()
    await browser.post('/v1/session/cookie/refresh')
    const tokens = browser.lines.map((line) => Bun.Cookie.parse(line).value)
    expect(tokens).toHaveLength(5)
    for (const token of tokens) expect(answer + app.logLines.join()).not.toContain(token)
  })

  test('is locked out like /login, but not in a browser that logged in before', async () => {
    await using app = await startApp()
    const known = await signedIn(app)
    await known.post('/v1/session/logout')
    const stranger = browserAt(app.url)
    const wrong = { ...OLI, password: 'wrong' }
    // The same address as the known browser, which only its device cookie distinguishes.
    for (let failed = 0; failed < 12; failed += 1) await stranger.post('/v1/session/cookie', wrong)
    expect((await stranger.post('/v1/session/cookie', OLI)).status).toBe(401)
    expect((await known.post('/v1/session/cookie', OLI)).status).toBe(200)
  })

  test('[A5] happens with the setup of the first owner, only from a page of this origin', async () => {
    await using app = await startApp()
    const { code = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
    const browser = browserAt(app.url)
    const owner = { ...OLI, code }
    const refused = await browser.post('/v1/setup/cookie', owner, { origin: 'https://x.example' })
    expect(refused.status).toBe(403)
    expect((await browser.post('/v1/setup/cookie', owner)).status).toBe(200)
    expect(await (await browser.get('/v1/me')).json()).toMatchObject({ role: 'owner' })
    expect((await browser.post('/v1/setup/cookie', owner)).status).toBe(409)
  })
})
