import { describe, expect, test } from 'bun:test'
import { hostname } from 'node:os'
import { PASSWORD, bearer, clientOf, startApp } from '../support/app.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'
import { selfSigned } from '../support/certificates.ts'

type Sent = Readonly<Record<string, string>>

/** What a browser sends for a page of another site: over HTTPS or to loopback, and over plain HTTP. */
const NO_CORS = {
  origin: 'https://evil.example',
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'no-cors',
  'content-type': 'text/plain;charset=UTF-8',
}
const FOREIGN: readonly Sent[] = [
  NO_CORS,
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'http://127.0.0.1:1' },
  { referer: 'http://evil.example/page' },
  { referer: 'http://127.0.0.1:1/', accept: 'image/avif,image/webp,*/*;q=0.5' },
]
const LINK = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}
/** The same over plain HTTP. */
const PLAIN_LINK = { accept: LINK.accept, referer: 'http://evil.example/' }
const ADA = { username: 'ada', password: PASSWORD }

const register = (url: string, username: string) =>
  clientOf(url).post('/register', { ...ADA, username, phone: '1', address: 'x' })

const statusesOf = async (count: number, call: () => Promise<Response>) => {
  const statuses = new Set<number>()
  for (let made = 0; made < count; made += 1) {
    const answer = await call()
    await answer.text()
    statuses.add(answer.status)
  }
  return [...statuses]
}

describe('a page of another site', () => {
  test('[G6] uses up nobody’s limits, and counts as nobody’s login', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ folder })
    await addAccount('oli', { folder, role: 'owner' })
    const oli = await tokenFor(service.url, 'oli')
    const { get, post } = clientOf(service.url)
    expect((await register(service.url, 'ada')).status).toBe(200)
    for (const headers of FOREIGN) {
      expect(await statusesOf(25, () => post('/login', 'x', headers))).toStrictEqual([403])
      expect(await statusesOf(25, () => post('/login', ADA, headers))).toStrictEqual([403])
      expect(await statusesOf(150, () => get('/v1/me', headers))).toStrictEqual([403])
    }
    const wrong = `Basic ${btoa('oli:wrong')}`
    for (const link of [LINK, PLAIN_LINK]) {
      const asLogin = () => get('/getUsers', { ...link, authorization: wrong })
      expect(await statusesOf(30, asLogin)).toStrictEqual([403])
    }
    // Links, as fast as a script can follow them, count apart.
    expect(await statusesOf(650, () => get('/console', LINK))).toStrictEqual([200, 429])
    expect((await post('/login', ADA)).status).toBe(200)
    expect((await get('/console', { accept: LINK.accept })).status).toBe(200)
    expect((await get('/v1/me', bearer(oli))).status).toBe(200)
    expect(await (await get('/v1/lockouts', bearer(oli))).json()).toMatchObject({ lockouts: [] })
    const events = (await (await get('/v1/audit?limit=200', bearer(oli))).json()) as {
      events: { action: string; result: string }[]
    }
    expect(events.events.filter(({ result }) => result === 'failure')).toStrictEqual([])
  })

  test('[G6] is refused on every path, by whatever method, with what to set', async () => {
    await using app = await startApp()
    const oli = await app.signIn('oli', 'owner')
    const routes = new Map(app.http.routes.map((route) => [`${route.method} ${route.path}`, route]))
    expect(routes.size).toBeGreaterThan(80)
    for (const headers of [NO_CORS, { origin: 'null' }])
      for (const { method, path } of [...routes.values(), { method: 'OPTIONS', path: '/login' }]) {
        const url = app.url + path.replaceAll(/:\w+/g, 'x').replace('*', 'nowhere')
        const answer = await fetch(url, {
          method: method === 'ALL' ? 'PUT' : method,
          headers: { ...headers, ...bearer(oli) },
        })
        expect([method, path, answer.status]).toStrictEqual([method, path, 403])
        expect(answer.headers.get('link')).toContain('/manual/api#pages-of-other-sites')
        const body = (await answer.json()) as Sent
        expect(body['code']).toBe('foreign_origin')
        expect(path.startsWith('/v1/') ? body['detail'] : body['msg']).toContain('CORS_ORIGINS')
        expect(JSON.stringify(body)).not.toContain('evil')
      }
    expect(app.logLines.filter((line) => line.includes('"status":403')).length).toBeGreaterThan(160)
  })

  test('[G6] may link to the pages, but not frame or prefetch them', async () => {
    await using app = await startApp()
    for (const path of ['/', '/console', '/join', '/manual', '/manual/api', '/swagger']) {
      const status = async (headers: Sent) => (await app.get(path, headers)).status
      expect([path, await status(LINK)]).toStrictEqual([path, 200])
      expect([path, await status(PLAIN_LINK)]).toStrictEqual([path, 200])
      expect([path, await status({ ...PLAIN_LINK, accept: '*/*' })]).toStrictEqual([path, 403])
      expect(await status({ ...PLAIN_LINK, origin: 'http://evil.example' })).toBe(403)
      expect(await status({ ...LINK, 'sec-fetch-site': 'same-site' })).toBe(200)
      expect((await fetch(app.url + path, { method: 'HEAD', headers: LINK })).status).toBe(200)
      for (const dest of ['iframe', 'frame', 'embed', 'object'])
        expect([path, await status({ ...LINK, 'sec-fetch-dest': dest })]).toStrictEqual([path, 403])
      expect(await status({ ...LINK, 'sec-fetch-mode': 'no-cors' })).toBe(403)
    }
    for (const link of [LINK, PLAIN_LINK])
      expect((await app.post('/login', ADA, link)).status).toBe(403)
  })

  test('[G6] listed in CORS_ORIGINS, calls as before, preflights included', async () => {
    await using app = await startApp({ CORS_ORIGINS: 'https://friend.example' })
    await app.signIn('ada')
    const headers = { origin: 'https://friend.example', 'sec-fetch-site': 'cross-site' }
    const preflight = await fetch(`${app.url}/login`, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect((await app.post('/login', ADA, headers)).status).toBe(200)
    expect((await app.get('/livez', { referer: 'https://friend.example/' })).status).toBe(200)
    expect((await app.post('/login', ADA, FOREIGN[0])).status).toBe(403)
  })

  test('[G6] is none of the apps, scripts and people who type an address', async () => {
    await using app = await startApp()
    await app.signIn('ada')
    for (const headers of [
      {},
      { origin: app.url },
      { 'sec-fetch-site': 'same-origin', origin: 'https://lock.example' },
      { 'sec-fetch-site': 'none' },
      { 'user-agent': 'Dart/3.9 (dart:io)', accept: '*/*' },
      { referer: `${app.url}/console` },
      { referer: 'no URL' },
      { 'sec-fetch-site': 'none', referer: 'http://evil.example/' },
    ] as Sent[])
      expect([headers, (await app.post('/login', ADA, headers)).status]).toStrictEqual([
        headers,
        200,
      ])
  })

  test('[G6] is judged behind a trusted proxy by the name and scheme it forwards', async () => {
    const env = { TRUSTED_PROXIES: '127.0.0.0/8', ALLOWED_HOSTS: 'lock.example' }
    await using trusting = await startApp(env)
    await using untrusting = await startApp({ ALLOWED_HOSTS: 'lock.example' })
    await trusting.signIn('ada')
    await untrusting.signIn('ada')
    const forwarded = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
    const origin = { origin: 'https://lock.example' }
    const byHeader = { ...forwarded, ...origin, 'x-forwarded-host': 'lock.example' }
    const byHost = { ...forwarded, ...origin, host: 'lock.example' }
    for (const headers of [byHeader, byHost]) {
      expect((await trusting.post('/login', ADA, headers)).status).toBe(200)
      expect((await trusting.post('/v1/session/cookie', ADA, headers)).status).toBe(200)
      expect((await untrusting.post('/login', ADA, headers)).status).toBe(403)
    }
    const rebound = { ...byHeader, 'x-forwarded-host': 'evil.example' }
    expect((await trusting.post('/login', ADA, rebound)).status).toBe(421)
  })
})

describe('a browser that calls by a name', () => {
  const MARKS: readonly Sent[] = [
    { origin: 'http://evil.example' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-mode': 'cors' },
    { cookie: 'x=y' },
    { accept: LINK.accept },
    { accept: 'text/html' },
    { referer: 'http://evil.example/' },
    { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  ]

  test('[G6] that is not one of this server’s is answered 421 with what to set, and counts nowhere', async () => {
    await using service = await startService()
    const { get, post } = clientOf(service.url)
    for (const mark of MARKS)
      for (const host of [
        'evil.example',
        'EVIL.example:8080',
        'evil.local',
        '127.0.0.1.evil.example',
      ]) {
        const headers = { ...mark, host }
        const answer = await post('/register', { ...ADA, phone: '1', address: 'x' }, headers)
        expect([headers, answer.status]).toStrictEqual([headers, 421])
        expect(answer.headers.get('link')).toContain('/manual/https#the-names-of-the-server')
        const { msg, code } = (await answer.json()) as Sent
        expect([msg, code]).toStrictEqual([
          expect.stringContaining('ALLOWED_HOSTS'),
          'unknown_host',
        ])
        const problem = await get('/v1/setup', headers)
        expect(problem.status).toBe(421)
        expect(problem.headers.get('content-type')).toContain('application/problem+json')
        expect(await problem.text()).not.toContain('evil')
      }
    const rebound = { host: 'evil.example', cookie: 'x=y' }
    expect(await statusesOf(650, () => get('/console', rebound))).toStrictEqual([421])
    expect((await get('/console')).status).toBe(200)
    expect((await register(service.url, 'ada')).status).toBe(200)
  })

  test('[G6] of its own is answered: addresses, names without a dot, the machine’s, the settings’', async () => {
    await using service = await startService({
      env: {
        ...UNLIMITED,
        ALLOWED_HOSTS: 'lock.fritz.box,*.home.example',
        PUBLIC_URL: 'https://door.example:8443',
      },
    })
    const machine = hostname()
    const own = [
      '127.0.0.1',
      '192.168.1.20:8080',
      '[::1]:8080',
      '[fe80::1]',
      'localhost',
      'localhost.:8080',
      'pi',
      machine,
      `${machine.split('.')[0]}.local:8080`,
      'lock.fritz.box',
      'Lock.Fritz.Box.',
      'a.home.example',
      'door.example',
    ]
    for (const host of own)
      for (const mark of MARKS.filter(({ origin, referer }) => !origin && !referer)) {
        const status = (await clientOf(service.url).get('/console', { host, ...mark })).status
        expect([host, mark, status]).toStrictEqual([host, mark, 200])
      }
    for (const host of ['home.example', 'a.b.home.example', 'fritz.box', 'xdoor.example'])
      expect(
        (await clientOf(service.url).get('/console', { host, accept: LINK.accept })).status,
      ).toBe(421)
  })

  test('[G6] of the certificate is answered, also after it was replaced', async () => {
    const certificate = { names: ['door.example', '*.doors.example'] }
    const facts = { notBeforeMs: 0, notAfterMs: 1, sha256: '', authority: undefined }
    let names: readonly string[] = certificate.names
    await using app = await startApp({}, { certificate: () => ({ ...facts, names }) })
    const status = async (host: string) =>
      (await app.get('/console', { host, accept: LINK.accept })).status
    expect(await status('door.example')).toBe(200)
    expect(await status('front.doors.example')).toBe(200)
    expect(await status('gate.example')).toBe(421)
    names = ['gate.example']
    expect(await status('gate.example')).toBe(200)
    expect(await status('door.example')).toBe(421)
  })

  test('[G6] over HTTPS has the names of its certificate, at the compiled file', async () => {
    const folder = temporaryFolder()
    const { cert, key } = selfSigned(folder, 'door.example')
    await using service = await startService({
      folder,
      env: { ...UNLIMITED, TLS_CERT_FILE: cert, TLS_KEY_FILE: key },
    })
    const status = async (headers: Sent) => {
      const tls = { rejectUnauthorized: false }
      const answer = await fetch(`${service.url}/console`, { headers, tls })
      return answer.status
    }
    expect(await status({ host: 'localhost', accept: LINK.accept })).toBe(200)
    expect(await status({ host: 'evil.example', accept: LINK.accept })).toBe(421)
  })

  test('[G6] does not concern programs that are no browsers: apps, scripts, containers', async () => {
    await using app = await startApp()
    await app.signIn('ada')
    for (const headers of [
      { host: 'gateway.docker.internal' },
      { host: 'evil.example', accept: '*/*' },
      { host: 'lock.home.lan', accept: 'application/openmetrics-text' },
      { host: 'lock.home.lan', 'user-agent': 'Mozilla/5.0 (Windows NT) WindowsPowerShell/5.1' },
      // The default of Java's own HTTP client.
      { host: 'lock.home.lan', accept: 'text/html, image/gif, image/jpeg, */*; q=0.2' },
    ]) {
      expect((await app.get('/livez', headers)).status).toBe(200)
      expect((await app.post('/login', ADA, headers)).status).toBe(200)
    }
  })
})
