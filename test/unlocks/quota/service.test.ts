import { describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS } from '../../../src/domain/duration.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'

const events = (count: number, method = 'pin') => Array.from({ length: count }, () => ({ method }))

/** An app of one account: the statuses of what it sends. */
const phone = async (app: TestApp, name = 'ada', token?: string) => {
  const headers = bearer(token ?? (await app.signIn(name)))
  const sent = async (path: string, body: unknown) => (await app.post(path, body, headers)).status
  return {
    headers,
    lone: () => sent('/logUnlocking', { 'unlocking-method': 'pin' }),
    one: (body: unknown = { method: 'pin' }) => sent('/v1/unlocks', body),
    batch: (count: number) => sent('/v1/unlocks', events(count)),
    send: (body: unknown) => app.post('/v1/unlocks', body, headers),
  }
}

/** A person who registered without an invitation. */
const waiting = async (app: TestApp, username: string) => {
  await app.post('/register', { username, password: PASSWORD, phone: '1', address: 'x' })
  return phone(app, username, await app.logIn(username))
}

describe('RATE_LIMIT_UNLOCK counts unlocks', () => {
  test('[G3] a phone empties a queue of hundreds in one request, and logs the next unlock at once', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '60/minute;1000/hour' })
    const { batch, lone } = await phone(app)
    expect([await batch(300), await lone(), await lone()]).toStrictEqual([200, 200, 200])
    // The batch has counted in full.
    expect(await batch(1)).toBe(429)
    const other = await phone(app, 'grace')
    expect(await other.batch(500)).toBe(200)
  })

  test('[G3] or in a few requests, as long as the window has room', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '60/minute' })
    const { batch } = await phone(app)
    expect([await batch(30), await batch(29), await batch(200), await batch(1)]).toStrictEqual([
      200, 200, 200, 429,
    ])
  })

  test('[G3] lone unlocks at both endpoints share a window, and leave that of batches alone', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '2/minute' })
    const { batch, lone, one } = await phone(app)
    expect([await lone(), await one(), await lone(), await one()]).toStrictEqual([
      200, 200, 429, 429,
    ])
    expect(await batch(50)).toBe(200)
  })

  test('[G3] what is not valid counts too, and a full limit answers in the contract’s words', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '2/minute' })
    const { one, batch, send } = await phone(app)
    expect([await one('{'), await one({ method: 5 }), await one()]).toStrictEqual([400, 400, 429])
    expect(await batch(501)).toBe(400)
    const refused = await send(events(1))
    expect(await refused.json()).toStrictEqual({ error: 'ratelimit exceeded' })
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
  })

  test('[G3] a queue that is sent again because its answer was lost counts a tenth', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: '1000/hour' })
    const { one, batch } = await phone(app)
    const queue = Array.from({ length: 400 }, () => ({ method: 'pin', id: crypto.randomUUID() }))
    for (let sent = 0; sent < 10; sent += 1) expect(await one(queue)).toBe(200)
    // 400, 9 times 40, and these.
    expect([await batch(239), await batch(1), await batch(1)]).toStrictEqual([200, 200, 429])
    expect(await one(queue)).toBe(429)
  })
})

/** No minute or hour is ever full. */
const NO_WINDOW = { RATE_LIMIT_UNLOCK: '1000000/second' }

describe('a day has a quota of unlocks', () => {
  test('[G3] for each account: served as long as there is room, and then in full', async () => {
    await using app = await startApp({ ...NO_WINDOW, UNLOCK_QUOTA: '100' })
    const ada = await phone(app)
    expect([await ada.batch(99), await ada.batch(50), await ada.lone()]).toStrictEqual([
      200, 200, 429,
    ])
    expect(await (await phone(app, 'grace')).lone()).toBe(200)
  })

  test('[G3] in bytes: the longest events fill it sooner', async () => {
    await using app = await startApp({ ...NO_WINDOW, UNLOCK_QUOTA_BYTES: '1 MiB' })
    const { send } = await phone(app)
    const sizes = []
    for (
      let sent = 0;
      (await send(events(100, '\u{1F600}'.repeat(80)))).status === 200;
      sent += 100
    )
      sizes.push(sent)
    // 1,880 bytes each: 558 fit, and the request that fills the day is served.
    expect(sizes).toStrictEqual([0, 100, 200, 300, 400, 500])
  })

  test('[G3] a small one while an account waits to be let in, and one for all of a client', async () => {
    await using app = await startApp({
      ...NO_WINDOW,
      UNLOCK_QUOTA_WAITING: '10',
      UNLOCK_QUOTA_CLIENT: '15',
    })
    const [eve, mallory] = [await waiting(app, 'eve'), await waiting(app, 'mallory')]
    expect([await eve.batch(10), await eve.lone()]).toStrictEqual([200, 429])
    expect([await mallory.batch(5), await mallory.lone()]).toStrictEqual([200, 429])
    const refused = await mallory.send(events(1))
    expect(await refused.json()).toStrictEqual({
      error: 'ratelimit exceeded',
      detail:
        'The accounts at this address that wait to be let in have recorded all unlocks of a day; try again in 25 hours',
    })
    // Members at the same address are not affected.
    expect(await (await phone(app)).lone()).toBe(200)
    // Once let in, an account has a member's day.
    await app.db.run("UPDATE account SET admitted_at_ms = 1 WHERE username = 'eve'")
    expect(await eve.batch(500)).toBe(200)
  })

  test('[G3] what was recorded before costs nothing when it is sent again', async () => {
    await using app = await startApp({ ...NO_WINDOW, UNLOCK_QUOTA: '11' })
    const { one } = await phone(app)
    const queue = Array.from({ length: 10 }, () => ({ method: 'pin', id: crypto.randomUUID() }))
    for (let sent = 0; sent < 5; sent += 1) expect(await one(queue)).toBe(200)
    expect([await one(), await one()]).toStrictEqual([200, 429])
  })

  test('[G3, D6] the day ends by the monotonic clock, however the time of day jumps', async () => {
    await using app = await startApp({
      ...NO_WINDOW,
      UNLOCK_QUOTA: '3',
      JWT_ACCESS_TOKEN_EXPIRES: '43200',
    })
    const { batch, lone } = await phone(app)
    expect([await batch(3), await lone()]).toStrictEqual([200, 429])
    for (const jumpMs of [3 * DAY_MS, -9 * DAY_MS]) {
      app.clock.nowMs += jumpMs
      expect(await lone()).toBe(429)
    }
    app.clock.passedMs += 24 * HOUR_MS
    expect(await lone()).toBe(429)
    app.clock.passedMs += HOUR_MS
    expect([await batch(3), await lone()]).toStrictEqual([200, 429])
  })

  test('[G3] RATE_LIMIT_UNLOCK=off turns quotas off', async () => {
    await using app = await startApp({ RATE_LIMIT_UNLOCK: 'off', UNLOCK_QUOTA: '3' })
    const { batch } = await phone(app)
    expect([await batch(5), await batch(5)]).toStrictEqual([200, 200])
  })
})
