import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { localWindows } from '../../src/domain/limits/windows.ts'
import { windowCounter } from '../../src/http/rate-limits.ts'
import { PASSWORD, basic, bearer, recordsOf, startApp } from '../support/app.ts'

const LIMITED = { msg: 'x' }

describe('limits', () => {
  test('over the limit the answer is 429 with Retry-After, in the contract’s words', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '2/minute;100/hour' })
    for (const _ of [1, 2]) expect((await app.post('/login', LIMITED)).status).toBe(400)
    const answer = await app.post('/login', LIMITED)
    expect(answer.status).toBe(429)
    expect(await answer.json()).toStrictEqual({ error: 'ratelimit exceeded' })
    expect(Number(answer.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('[G1] a refused client does not keep its connection', async () => {
    await using app = await startApp({ RATE_LIMIT_DEFAULT: '1/minute' })
    const { port = 0 } = app.http.server ?? {}
    const ended = new Promise<string>((give) => {
      let text = ''
      const socket = connect(port, '127.0.0.1')
      const request = 'GET /v1/me HTTP/1.1\r\nHost: lock.home\r\n\r\n'
      socket.on('data', (part) => {
        text += part.toString()
        if (text.startsWith('HTTP/1.1 401') && !text.includes('429')) socket.write(request)
      })
      socket.once('close', () => give(text))
      socket.write(request)
    })
    expect(await ended).toContain('429 Too Many Requests')
  })

  test('both windows of a limit count', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '100/minute;3/hour' })
    const statuses = []
    for (const _ of [1, 2, 3, 4]) statuses.push((await app.post('/login', LIMITED)).status)
    expect(statuses).toStrictEqual([400, 400, 400, 429])
    expect(Number((await app.post('/login')).headers.get('retry-after'))).toBeGreaterThan(60)
  })

  test('[P4] guesses count however they fail', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '5/minute' })
    await app.signIn('ada')
    const guesses = [
      app.post('/login', { username: 'ada', password: 'wrong' }),
      app.post('/login', { username: 'nobody', password: 'wrong' }),
      app.post('/login', '{'),
      app.post('/login', {}),
      app.post('/login', { username: 1, password: 2 }),
    ]
    const statuses = (await Promise.all(guesses)).map((answer) => answer.status)
    expect(statuses).toStrictEqual([401, 401, 400, 400, 400])
    expect((await app.post('/login', { username: 'ada', password: PASSWORD })).status).toBe(429)
  })

  test('[P4, G6] guesses at the tables count apart, by the same limit', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '3/minute' })
    await app.signIn('oli', 'owner')
    for (const path of ['/getLogs', '/getUsers', '/getLogs'])
      expect((await app.get(path, basic('oli', 'wrong'))).status).toBe(401)
    expect((await app.get('/getLogs', basic('oli', PASSWORD))).status).toBe(429)
    expect((await app.post('/getUsers', undefined, basic('oli', PASSWORD))).status).toBe(429)
    expect((await app.post('/login', { username: 'oli', password: PASSWORD })).status).toBe(200)
  })

  test('[P4] a token gives its bearer no additional guesses at another account', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '3/minute' })
    const guess = async (name: string) =>
      (await app.post('/login', { username: 'ada', password: 'x' }, bearer(await app.signIn(name))))
        .status
    const statuses = []
    for (const name of ['a', 'b', 'c', 'd']) statuses.push(await guess(name))
    expect(statuses).toStrictEqual([401, 401, 401, 429])
  })

  test('[P4] a different X-Forwarded-For does not give a stranger a new limit', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '1/minute' })
    await app.post('/login', {}, { 'x-forwarded-for': '1.1.1.1' })
    expect((await app.post('/login', {}, { 'x-forwarded-for': '2.2.2.2' })).status).toBe(429)
  })

  test('[P5] a stranger who hammers a name does not lock out its owner at another address', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '3/minute', TRUSTED_PROXIES: '127.0.0.1' })
    await app.signIn('ada')
    const login = async (address: string, password: string) =>
      (await app.post('/login', { username: 'ada', password }, { 'x-forwarded-for': address }))
        .status
    for (const _ of [1, 2, 3]) expect(await login('203.0.113.66', 'wrong')).toBe(401)
    expect(await login('203.0.113.66', PASSWORD)).toBe(429)
    expect(await login('203.0.113.1', PASSWORD)).toBe(200)
  })

  test('clients behind a trusted proxy are counted separately', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '1/minute', TRUSTED_PROXIES: '127.0.0.1' })
    const from = async (address: string) =>
      (await app.post('/login', {}, { 'x-forwarded-for': address })).status
    expect(await from('203.0.113.1')).toBe(400)
    expect(await from('203.0.113.2')).toBe(400)
    expect(await from('::ffff:203.0.113.1')).toBe(429)
    expect(await from('2001:db8::1')).toBe(400)
    expect(await from('2001:db8::2')).toBe(429)
  })

  test('unlocks count per account, not per address', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '2/minute' })
    const [ada, grace] = [await app.signIn('ada'), await app.signIn('grace')]
    const unlock = async (token: string) =>
      (await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status
    expect([await unlock(ada), await unlock(ada), await unlock(ada)]).toStrictEqual([200, 200, 429])
    expect(await unlock(grace)).toBe(200)
  })

  test('bad tokens at the unlock endpoint count against the client', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '2/minute' })
    const statuses = []
    for (const token of ['a', 'b', 'c'])
      statuses.push((await app.post('/logUnlocking', {}, bearer(token))).status)
    expect(statuses).toStrictEqual([401, 401, 429])
  })

  test('requests that leave an audit event count per account, and reading does not', async () => {
    await using app = await startApp({ RATE_LIMIT_CHANGES: '2/minute' })
    const [ada, grace] = [await app.signIn('ada'), await app.signIn('grace')]
    const change = async (token: string) =>
      (await app.patch('/v1/me', { phone: '2' }, bearer(token))).status
    expect([await change(ada), await change(ada), await change(ada)]).toStrictEqual([200, 200, 429])
    for (const path of ['/v1/me/export', '/v1/unlocks/export?format=csv'])
      expect((await app.get(path, bearer(ada))).status).toBe(429)
    expect((await app.delete('/v1/sessions', undefined, bearer(ada))).status).toBe(429)
    for (const path of ['/v1/me', '/v1/sessions', '/v1/unlocks', '/v1/unlocks/stats'])
      for (const _ of [1, 2, 3]) expect((await app.get(path, bearer(ada))).status).toBe(200)
    expect(await change(grace)).toBe(200)
    // The second time, nothing changed.
    expect(recordsOf(app.logLines, 'account.contact')).toHaveLength(2)
  })

  test('[G3] a day has a limit of changes too, since their audit events stay', async () => {
    await using app = await startApp({ RATE_LIMIT_CHANGES: '60/minute;600/hour;3/day' })
    const ada = bearer(await app.signIn('ada'))
    for (const phone of ['2', '3', '4'])
      expect((await app.patch('/v1/me', { phone }, ada)).status).toBe(200)
    const refused = await app.patch('/v1/me', { phone: '5' }, ada)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(86_000)
    expect(await refused.json()).toStrictEqual({ error: 'ratelimit exceeded' })
    expect((await app.get('/v1/me', ada)).status).toBe(200)
  })

  test('an admin’s and an owner’s changes count too', async () => {
    await using app = await startApp({ RATE_LIMIT_CHANGES: '1/hour' })
    const limited = [
      ['PATCH', '/v1/people/x'],
      ['DELETE', '/v1/people/x'],
      ['DELETE', '/v1/waiting-list'],
      ['POST', '/v1/people/x/password-reset'],
      ['POST', '/v1/invitations'],
      ['DELETE', '/v1/invitations/x'],
      ['PATCH', '/v1/settings'],
      ['POST', '/v1/backups'],
    ] as const
    const owner = bearer(await app.signIn('oli', 'owner'))
    await app.patch('/v1/me', {}, owner)
    for (const [method, path] of limited) {
      const answer = await fetch(app.url + path, { method, headers: owner })
      expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 429`)
    }
    for (const path of ['people', 'invitations', 'settings', 'backups'])
      expect((await app.get(`/v1/${path}`, owner)).status).toBe(200)
  })

  test('each group has its own counters, even if their numbers are equal', async () => {
    await using app = await startApp({
      RATE_LIMIT_AUTH: '2/minute',
      RATE_LIMIT_UNLOCK: '2/minute',
      RATE_LIMIT_DEFAULT: '2/minute',
    })
    const statuses = []
    for (const _ of [1, 2, 3])
      statuses.push(
        (await app.post('/login')).status,
        (await app.post('/logUnlocking')).status,
        (await app.get('/livez')).status,
      )
    expect(statuses).toStrictEqual([400, 401, 200, 400, 401, 200, 429, 429, 429])
  })

  test('unknown paths and wrong methods count too', async () => {
    await using app = await startApp({ RATE_LIMIT_DEFAULT: '2/minute' })
    expect((await app.get('/nowhere')).status).toBe(404)
    expect((await app.get('/login')).status).toBe(405)
    expect((await app.get('/nowhere/else')).status).toBe(429)
  })

  test('every route is limited', async () => {
    await using app = await startApp({
      RATE_LIMIT_AUTH: '1/hour',
      RATE_LIMIT_UNLOCK: '1/hour',
      RATE_LIMIT_DEFAULT: '1/hour',
    })
    for (const path of ['/', '/login', '/logUnlocking']) await app.post(path)
    for (const path of ['/livez', '/console']) await app.get(path)
    // Of these, ten a minute are allowed.
    for (let n = 0; n < 10; n++) await app.post('/v1/guest/look')
    for (const { method, path } of app.http.routes) {
      const answer = await fetch(app.url + path, { method: method === 'ALL' ? 'PUT' : method })
      expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 429`)
    }
  })
})

describe('the counter of a window', () => {
  const counted = (start = 0) => {
    const clock = { now: start }
    return { clock, counter: windowCounter(localWindows(() => clock.now)) }
  }

  test('starts again when the window has ended', async () => {
    const { clock, counter } = counted()
    await counter.increment('a', 1000)
    expect(await counter.increment('a', 1000)).toMatchObject({ count: 2 })
    clock.now = 1000
    expect(await counter.increment('a', 1000)).toMatchObject({ count: 1 })
  })

  test('[D6] does not stick when the time of day jumps', async () => {
    const { clock, counter } = counted()
    for (const [now, leftMs] of [
      [0, 1000],
      [999, 1],
    ] as const) {
      clock.now = now
      const before = Date.now()
      const { nextReset } = await counter.increment('a', 1000)
      expect(nextReset.getTime() - leftMs).toBeWithin(before, Date.now() + 1)
    }
  })

  test('remembers a bounded number of callers', async () => {
    const { counter } = counted()
    for (let caller = 0; caller < 50_001; caller++) await counter.increment(`c${caller}`, 1000)
    expect(await counter.increment('c0', 1000)).toMatchObject({ count: 1 })
    expect(await counter.increment('c50000', 1000)).toMatchObject({ count: 2 })
  })
})
