import { describe, expect, test } from 'bun:test'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'

const MINUTE_MS = 60_000

const byText = (one: string, other: string): number => (one < other ? -1 : 1)

const usedPass = async (given: object = {}, env: Readonly<Record<string, string>> = {}) => {
  const home = await homeWithGuests({}, env)
  const made = await home.invite(given)
  const phone = guestPhone(home)
  await phone.bind(codeOf(made))
  return { ...home, made, phone, [Symbol.asyncDispose]: home[Symbol.asyncDispose] }
}

describe('a guest', () => {
  test('asks for help: the host sees it until it is handled, and it is told once in ten minutes', async () => {
    await using home = await usedPass()
    const asked = () =>
      home.db.all("SELECT 1 FROM audit_event WHERE action = 'pass.ask' AND result = 'success'")
    for (let n = 0; n < 3; n++) expect((await home.phone.ask()).status).toBe(200)
    expect(await asked()).toHaveLength(1)
    expect((await home.pass(home.made)).body.asked_at).not.toBeNull()
    const path = `/v1/passes/${passIdOf(home.made)}`
    await home.patch(path, { handled: true }, home.as('oli'))
    expect((await home.pass(home.made)).body.asked_at).toBeNull()
    await home.phone.ask()
    home.clock.nowMs += 10 * MINUTE_MS
    await home.phone.ask()
    expect(await asked()).toHaveLength(3)
  })

  test('reads what became of an attempt of this phone, and of no other', async () => {
    await using home = await usedPass()
    const other = guestPhone(home)
    await other.bind(codeOf(home.made))
    const id = crypto.randomUUID()
    await home.phone.unlock({ id })
    expect(await home.phone.attempt(id)).toMatchObject({
      status: 200,
      body: { id, decision: 'permitted', delivery: 'no_controller', pass: passIdOf(home.made) },
    })
    expect((await home.phone.attempt(id, '?wait=10')).status).toBe(200)
    expect((await other.attempt(id)).status).toBe(404)
    const path = `/v1/locks/front-door/attempts/${id}`
    expect((await home.get(path, home.as('amy'))).status).toBe(200)
    expect((await home.get(path, home.as('eva'))).status).toBe(404)
  })

  test('waits for news of the lock, which arrive as soon as they are there', async () => {
    await using home = await usedPass()
    const id = crypto.randomUUID()
    await home.phone.unlock({ id })
    await home.db.run(
      `INSERT INTO lock_operation (attempt_id, lock_id, state, asked_at_ms, deadline_ms)
       SELECT id, lock_id, 'asked', decided_at_ms, decided_at_ms + 30000 FROM attempt WHERE id = ?`,
      id,
    )
    const news = home.phone.attempt(id, '?wait=10')
    expect((await home.phone.attempt(id, '?wait=0')).body.delivery).toBe('asked')
    await home.db.run("UPDATE lock_operation SET state = 'happened', settled_at_ms = asked_at_ms")
    expect((await news).body.delivery).toBe('happened')
  })

  test('learns that a door did not open, but not what its lock says about the network of the home', async () => {
    await using home = await usedPass()
    const id = crypto.randomUUID()
    await home.phone.unlock({ id })
    await home.db.run(
      `INSERT INTO lock_operation (
         attempt_id, lock_id, state, asked_at_ms, deadline_ms, settled_at_ms, detail
       )
       SELECT id, lock_id, 'failed', 1, 2, 2, 'The connection was refused' FROM attempt WHERE id = ?`,
      id,
    )
    expect((await home.phone.attempt(id)).body).toMatchObject({
      delivery: 'failed',
      result: 'failed',
      lock_says: null,
    })
  })

  test('does not learn whether a pass was revoked or never opened a door', async () => {
    await using home = await usedPass()
    const { phone, made, db } = home
    expect((await phone.unlock({ lock: 'garage' })).body.reason).toBe('no_grant')
    // As if it was revoked between the check of the cookie and the decision.
    await db.run('UPDATE access_grant SET revoked_at_ms = 1 WHERE id = ?', made.id)
    expect((await phone.unlock()).body.reason).toBe('no_grant')
    expect(await home.logged()).toMatchObject([{ reason: 'revoked' }, { reason: 'no_grant' }])
  })

  test('may try ten times a minute on each phone', async () => {
    await using home = await usedPass({}, { RATE_LIMIT_UNLOCK: '60/minute' })
    const other = guestPhone(home)
    await other.bind(codeOf(home.made))
    const statuses = await Promise.all(
      Array.from({ length: 11 }, async () => (await home.phone.unlock()).status),
    )
    expect(statuses.filter((status) => status === 429)).toHaveLength(1)
    expect((await other.unlock()).status).toBe(200)
  })

  test('cannot guess codes, and does not count as a failed login', async () => {
    await using home = await usedPass({}, { RATE_LIMIT_AUTH: '20/minute' })
    const stranger = guestPhone(home)
    const looks = Array.from({ length: 11 }, () => stranger.look('A'.repeat(22)))
    const statuses = (await Promise.all(looks)).map(({ status }) => status)
    // One of the ten was spent on binding.
    expect(statuses.filter((status) => status === 404)).toHaveLength(9)
    expect(statuses.filter((status) => status === 429)).toHaveLength(2)
    expect(await home.db.all('SELECT 1 FROM failed_login')).toStrictEqual([])
    const login = await home.post('/login', { username: 'oli', password: 'correct horse battery' })
    expect(login.status).toBe(200)
  })
})

describe('the cookie of a phone', () => {
  test('is for HTTPS alone behind a proxy, and ends with the pass, also after it was prolonged', async () => {
    await using home = await homeWithGuests({}, { PUBLIC_URL: 'https://lock.example' })
    const made = await home.invite({ ends_at: '2040-03-20T11:11:00+01:00' })
    expect(made.link).toStartWith('https://lock.example/guest#pass=')
    const https = { origin: 'https://lock.example' }
    const bound = await home.post('/v1/guest/bind', { code: codeOf(made) }, https)
    const [set = ''] = bound.headers.getSetCookie()
    const [cookie = '', ...attributes] = set.split('; ')
    expect(cookie).toStartWith('__Host-guest=')
    expect(attributes.toSorted(byText)).toStrictEqual([
      'HttpOnly',
      'Max-Age=86400',
      'Path=/',
      'SameSite=Strict',
      'Secure',
    ])
    await home.change(made.id, { ends_at: '2040-03-21T11:11:00+01:00' }, 1)
    // Browsers send no origin with reads.
    const read = await home.get('/v1/guest/pass', { cookie })
    expect(read.headers.getSetCookie()).toStrictEqual([set.replace('86400', '172800')])
  })

  test('counts for nothing in a request of another site', async () => {
    await using home = await usedPass()
    const cookie = home.phone.cookie()
    const body = { id: crypto.randomUUID(), lock: 'front-door' }
    const foreign = { cookie, origin: 'https://evil.example' }
    expect((await home.post('/v1/guest/unlock', body, foreign)).status).toBe(403)
    expect((await home.post('/v1/guest/unlock', body, { cookie })).status).toBe(401)
    expect((await home.phone.unlock()).status).toBe(200)
  })
})

describe('what a phone is called', () => {
  test('comes from its browser, of which nothing else is kept', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite({ holder: { pass: { label: 'Party', devices_max: 5 } } })
    const agents = [
      [
        'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Mobile Safari/537.36',
        'Android phone',
      ],
      ['Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15', 'iPad'],
      ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15', 'Mac'],
      ['curl/8.5.0', 'Unknown device'],
    ] as const
    for (const [agent] of agents) await guestPhone(home, agent).bind(codeOf(made))
    const { body } = await home.pass(made)
    expect(body.devices.map(({ name }) => name)).toStrictEqual(agents.map(([, name]) => name))
  })

  test.each([
    ['Instagram', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Instagram 380.0.0.29.80'],
    ['Facebook', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) [FBAN/FBIOS;FBAV/510.0]'],
    ['Line', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari Line/15.5.0'],
    ['WeChat', 'Mozilla/5.0 (Linux; Android 15) Mobile Safari/537.36 MicroMessenger/8.0.50'],
    ['WhatsApp', 'Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 Mobile'],
  ])('says inside %s that the pass would stay there', async (_, agent) => {
    await using home = await homeWithGuests()
    const made = await home.invite()
    expect((await guestPhone(home, agent).look(codeOf(made))).body.in_app).toBe(true)
    expect((await guestPhone(home).look(codeOf(made))).body.in_app).toBe(false)
  })
})
