import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { homeDatabase } from '../../support/home-database.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { PASSWORD, type TestApp, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
const DAY_MS = 86_400_000

type Pair = { access_token: string; refresh_token: string }

const logIn = async ({ post }: Pick<TestApp, 'post'>, username = 'ada'): Promise<Pair> =>
  (await (await post('/login', { username, password: PASSWORD })).json()) as Pair

const refresh = async ({ post }: Pick<TestApp, 'post'>, token: string) => {
  const answer = await post('/v1/session/refresh', { refresh_token: token })
  return { status: answer.status, ...((await answer.json()) as Pair) }
}

const reads = async ({ get }: Pick<TestApp, 'get'>, { access_token: token }: Pair) =>
  (await get('/v1/unlocks', bearer(token))).status

const sessionsOf = async (app: Pick<TestApp, 'get'>, { access_token: token }: Pair, query = '') => {
  const answer = await app.get(`/v1/sessions${query}`, bearer(token))
  const { sessions } = (await answer.json()) as { sessions: { id: string; current: boolean }[] }
  return sessions
}

const remove = (app: Pick<TestApp, 'url'>, path: string, { access_token: token }: Pair) =>
  fetch(app.url + path, { method: 'DELETE', headers: bearer(token) })

describe('refreshing a session', () => {
  test('[T4] each refresh returns a new pair, and the new access token is valid', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const first = await logIn(app)
    const second = await refresh(app, first.refresh_token)
    const third = await refresh(app, second.refresh_token)
    expect(new Set([first, second, third].map((pair) => pair.refresh_token)).size).toBe(3)
    expect(await reads(app, third)).toBe(200)
    expect(await sessionsOf(app, third)).toHaveLength(1)
  })

  test('[T4] a refresh token is 256 bits, and only its hash is in the data folder', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ env: UNLIMITED, folder })
    const client = clientOf(service.url)
    await client.post('/register', PERSON)
    const first = await logIn(client)
    const second = await refresh(client, first.refresh_token)
    await service.stop()
    await using db = await homeDatabase(folder)
    for (const { refresh_token: token } of [first, second]) {
      const bytes = Buffer.from(token, 'base64url')
      expect(bytes).toHaveLength(32)
      expect(await db.contains(token)).toBe(false)
      expect(await db.contains(bytes)).toBe(false)
      const hash = new Bun.CryptoHasher('sha256').update(token).digest()
      expect(await db.contains(hash)).toBe(true)
    }
    rmSync(folder, { recursive: true })
  })

  test('[T4] parallel uses get the same successor, even if the service restarts between them', async () => {
    const folder = temporaryFolder()
    const before = await startService({ env: UNLIMITED, folder })
    const client = clientOf(before.url)
    await client.post('/register', PERSON)
    const { refresh_token: token } = await logIn(client)
    const pairs = await Promise.all(Array.from({ length: 20 }, () => refresh(client, token)))
    expect(new Set(pairs.map(({ status }) => status))).toStrictEqual(new Set([200]))
    const [successor = '', ...others] = new Set(pairs.map((pair) => pair.refresh_token))
    expect(others).toStrictEqual([])
    await before.stop()
    await using after = await startService({ env: UNLIMITED, folder })
    expect((await refresh(clientOf(after.url), token)).refresh_token).toBe(successor)
    expect((await refresh(clientOf(after.url), successor)).status).toBe(200)
    await after.stop()
    rmSync(folder, { recursive: true })
  })

  test('[T4] a second use of a refresh token ends the session and is recorded', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const first = await logIn(app)
    const other = await logIn(app)
    const second = await refresh(app, first.refresh_token)
    app.clock.nowMs += 60_000
    expect((await refresh(app, first.refresh_token)).status).toBe(401)
    expect(await reads(app, second)).toBe(401)
    expect((await refresh(app, second.refresh_token)).status).toBe(401)
    expect(await reads(app, other)).toBe(200)
    const records = app.logLines.filter((line) => line.includes('session.reuse'))
    expect(records).toHaveLength(1)
    expect(records.join()).not.toContain(first.refresh_token)
  })

  test('[T4] a token from two refreshes ago ends the session too', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const first = await logIn(app)
    const second = await refresh(app, first.refresh_token)
    const third = await refresh(app, second.refresh_token)
    app.clock.nowMs += 60_000
    expect((await refresh(app, first.refresh_token)).status).toBe(401)
    expect(await reads(app, third)).toBe(401)
  })

  test('[T4] a session keeps the newest thousand used tokens, and a second use of one of them ends it', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    let newest = await logIn(app)
    const tokens = [newest.refresh_token]
    for (let n = 0; n < 1010; n += 1) {
      app.clock.nowMs += 1000
      app.clock.passedMs += 1000
      newest = await refresh(app, newest.refresh_token)
      tokens.push(newest.refresh_token)
    }
    const kept = await app.db.get<{ n: number }>('SELECT count(*) AS n FROM refresh_token')
    expect(kept?.n).toBe(1001)
    const again = async (at: number) => (await refresh(app, tokens[at] ?? '')).status
    expect([await again(0), await reads(app, newest)]).toStrictEqual([401, 200])
    expect([await again(20), await reads(app, newest)]).toStrictEqual([401, 401])
    expect(app.logLines.filter((line) => line.includes('session.reuse'))).toHaveLength(1)
  }, 240_000)

  test('[G3, G7] all sessions of an account keep a thousand used tokens together', async () => {
    await using app = await startApp()
    await app.signIn('ada')
    const pairs = [await logIn(app), await logIn(app)]
    for (let n = 0; n < 1010; n += 1) {
      app.clock.nowMs += 1000
      app.clock.passedMs += 1000
      const at = n % 2
      pairs[at] = await refresh(app, pairs[at]?.refresh_token ?? '')
    }
    const kept = await app.db.get<{ n: number }>('SELECT count(*) AS n FROM refresh_token')
    // The session of `signIn` has one too.
    expect(kept?.n).toBe(1000 + pairs.length + 1)
    for (const pair of pairs) expect(await reads(app, pair)).toBe(200)
  }, 240_000)

  test('[T4, D6] a clock that starts behind does not turn an old token into a repeat', async () => {
    const folder = temporaryFolder()
    const before = await startService({ env: UNLIMITED, folder })
    await clientOf(before.url).post('/register', PERSON)
    const first = await logIn(clientOf(before.url))
    const second = await refresh(clientOf(before.url), first.refresh_token)
    await before.stop()
    await using db = await homeDatabase(folder)
    // What a gateway with its clock an hour behind sees.
    await db.run('UPDATE refresh_token SET used_at_ms = used_at_ms + 3600000')
    await using after = await startService({ env: UNLIMITED, folder })
    expect((await refresh(clientOf(after.url), first.refresh_token)).status).toBe(401)
    expect((await refresh(clientOf(after.url), second.refresh_token)).status).toBe(401)
    await after.stop()
    rmSync(folder, { recursive: true })
  })

  test('[T1] a refresh token is not an access token, and vice versa', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const pair = await logIn(app)
    expect(await reads(app, { ...pair, access_token: pair.refresh_token })).toBe(401)
    for (const wrong of [pair.access_token.slice(0, 100), 'A'.repeat(43), '\u{1f511}'])
      expect((await refresh(app, wrong)).status).toBe(401)
    for (const none of ['', ' ']) expect((await refresh(app, none)).status).toBe(400)
    expect(await reads(app, pair)).toBe(200)
  })

  test('a session ends after its idle days without a refresh, and after its maximum in any case', async () => {
    await using app = await startApp({ SESSION_IDLE_DAYS: '2', SESSION_MAX_DAYS: '3' })
    await app.post('/register', PERSON)
    const idle = await logIn(app)
    let used = await logIn(app)
    for (let day = 1; day <= 2; day += 1) {
      app.clock.nowMs += DAY_MS
      used = await refresh(app, used.refresh_token)
    }
    app.clock.nowMs += 10_000
    expect((await refresh(app, idle.refresh_token)).status).toBe(401)
    used = await refresh(app, used.refresh_token)
    expect(used).toMatchObject({ status: 200 })
    app.clock.nowMs += DAY_MS
    expect((await refresh(app, used.refresh_token)).status).toBe(401)
  })

  test('an account keeps only its hundred most recently used sessions', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const account = await app.accounts.store.findPassword(PERSON.username)
    const from = { address: '127.0.0.1', userAgent: 'old app', requestId: undefined }
    const phone = await logIn(app)
    let current = phone
    for (let login = 0; login < 150; login += 1) {
      app.clock.nowMs += 1000
      if (account) await app.accounts.sessions.begin(account, from)
      if (login % 50 === 0) current = await refresh(app, current.refresh_token)
    }
    expect(await sessionsOf(app, current)).toHaveLength(100)
    expect(await reads(app, current)).toBe(200)
  })
})

test('[G7] a login removes a few of the sessions that have expired, and all of them are over', async () => {
  await using app = await startApp({ SESSION_IDLE_DAYS: '1' })
  await app.post('/register', PERSON)
  const expired = []
  for (let login = 0; login < 5; login += 1) expired.push(await logIn(app))
  app.clock.nowMs += DAY_MS
  const stored = async () =>
    (await app.db.get<{ n: number }>('SELECT count(*) AS n FROM session'))?.n
  const newest = await logIn(app)
  expect(await stored()).toBe(4)
  expect(await sessionsOf(app, newest)).toHaveLength(1)
  for (const pair of expired) {
    expect(await reads(app, pair)).toBe(401)
    expect((await refresh(app, pair.refresh_token)).status).toBe(401)
  }
  for (let login = 0; login < 2; login += 1) await logIn(app)
  expect(await stored()).toBe(3)
})

describe('ending sessions', () => {
  test('[T3] a login that checked the old password just before it changed begins no session', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    const asRead = await app.accounts.store.findPassword('ada')
    const change = { current_password: PASSWORD, new_password: 'nine quiet green keys' }
    expect((await app.post('/v1/me/password', change, bearer(token))).status).toBe(200)
    const from = { address: '127.0.0.1', userAgent: 'thief', requestId: undefined }
    const begin = async (account: typeof asRead) =>
      account && app.accounts.sessions.begin(account, from)
    expect(await begin(asRead)).toBeUndefined()
    expect(await begin(await app.accounts.store.findPassword('ada'))).toBeDefined()
  })

  test('[T3] logging out ends this session at once and leaves the others', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const [phone, tablet] = [await logIn(app), await logIn(app)]
    expect((await app.post('/v1/session/logout', {}, bearer(phone.access_token))).status).toBe(200)
    expect(await reads(app, phone)).toBe(401)
    expect((await refresh(app, phone.refresh_token)).status).toBe(401)
    expect(await reads(app, tablet)).toBe(200)
  })

  test('[T5] people can list their sessions, and end one or all others', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    const [phone, tablet, watch] = [await logIn(app), await logIn(app), await logIn(app)]
    const listed = await sessionsOf(app, phone)
    expect(listed).toHaveLength(3)
    const { sid } = JSON.parse(atob(tablet.access_token.split('.')[1] ?? '')) as { sid: string }
    expect(listed.filter(({ current }) => current)).toHaveLength(1)
    expect((await remove(app, `/v1/sessions/${sid}`, phone)).status).toBe(200)
    expect([await reads(app, tablet), await reads(app, watch)]).toStrictEqual([401, 200])
    const others = await remove(app, '/v1/sessions', phone)
    expect(await others.json()).toStrictEqual({ msg: '1 session ended' })
    expect([await reads(app, watch), await reads(app, phone)]).toStrictEqual([401, 200])
  })

  test('[A2] a member cannot see or end the sessions of others', async () => {
    await using app = await startApp()
    await app.signIn('ada')
    await app.signIn('eve')
    const [ada, eve] = [await logIn(app, 'ada'), await logIn(app, 'eve')]
    const [{ id } = { id: '' }] = await sessionsOf(app, ada)
    const { sub } = JSON.parse(atob(ada.access_token.split('.')[1] ?? '')) as { sub: string }
    expect((await remove(app, `/v1/sessions/${id}`, eve)).status).toBe(404)
    expect((await remove(app, `/v1/sessions?account=${sub}`, eve)).status).toBe(404)
    const listed = await app.get(`/v1/sessions?account=${sub}`, bearer(eve.access_token))
    expect([listed.status, await listed.text()]).not.toContain('127.0.0.1')
    expect(listed.status).toBe(404)
    expect(await reads(app, ada)).toBe(200)
  })

  test('[T5] an admin can end anyone’s sessions', async () => {
    await using app = await startApp()
    await app.signIn('ada')
    await app.signIn('amy', 'admin')
    const [ada, amy] = [await logIn(app, 'ada'), await logIn(app, 'amy')]
    const { sub } = JSON.parse(atob(ada.access_token.split('.')[1] ?? '')) as { sub: string }
    const [{ id } = { id: '' }] = await sessionsOf(app, amy, `?account=${sub}`)
    expect((await remove(app, `/v1/sessions/${id}`, amy)).status).toBe(200)
    expect((await remove(app, `/v1/sessions?account=${sub}`, amy)).status).toBe(200)
    expect(await reads(app, ada)).toBe(401)
    expect(await reads(app, amy)).toBe(200)
  })

  test('[T5] an ended session stays ended after a restart, and checking it costs one lookup by key', async () => {
    const folder = temporaryFolder()
    const before = await startService({ env: UNLIMITED, folder })
    await clientOf(before.url).post('/register', PERSON)
    const [phone, tablet] = [await logIn(clientOf(before.url)), await logIn(clientOf(before.url))]
    await clientOf(before.url).post('/v1/session/logout', {}, bearer(phone.access_token))
    await before.stop()
    await using after = await startService({ env: UNLIMITED, folder })
    expect(await reads(clientOf(after.url), phone)).toBe(401)
    expect(await reads(clientOf(after.url), tablet)).toBe(200)
    await after.stop()
    await using db = await homeDatabase(folder)
    const lookup = 'SELECT account_id FROM session WHERE id = ? AND expires_at_ms > ?'
    // A server may scan a small table from end to end.
    if (!IS_POSTGRES)
      expect(await db.all(`EXPLAIN QUERY PLAN ${lookup}`, 'x', 1)).toMatchObject([
        { detail: 'SEARCH session USING PRIMARY KEY (id=?)' },
      ])
    rmSync(folder, { recursive: true })
  })
})
