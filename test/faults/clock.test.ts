import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { PASSWORD, bearer, clientOf, startApp } from '../support/app.ts'
import { runCommand } from '../support/binary.ts'
import { IS_LONG, signIn, tell } from './evidence.ts'
import { CAN_FAKE, withClock } from '../support/faketime.ts'
import { until } from '../support/until.ts'

const DAY_MS = 86_400_000

/** How long ten wrong passwords lock out. */
const WAIT_MS = 30_000

if (!CAN_FAKE) tell('libfaketime is missing: the clock is set only inside the app')

const unlock = async (url: string, token: string): Promise<number> =>
  (await clientOf(url).post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status

/** Unlocks more often at once than two a second, however slow the disk is, until one is refused. */
const reachLimit = (url: string, token: string): Promise<void> =>
  until(async () => {
    const statuses = await Promise.all(Array.from({ length: 4 }, () => unlock(url, token)))
    return statuses.includes(429)
  })

test('[D6] a clock that jumps a day: order kept, times marked uncertain, nothing expired comes back, logins still work', async () => {
  await using app = await startApp({ RATE_LIMIT_UNLOCK: '8/second' })
  const begunMs = app.clock.nowMs
  const token = await app.signIn('ada')
  expect(await unlock(app.url, token)).toBe(200)
  app.clock.nowMs = begunMs - DAY_MS
  expect(await unlock(app.url, token)).toBe(200)
  const loggedInBehind = await app.signIn('bob')
  expect(await unlock(app.url, loggedInBehind)).toBe(200)
  app.clock.nowMs = begunMs + DAY_MS
  expect(await unlock(app.url, token)).toBe(401)
  const loggedInAhead = await app.signIn('eve')
  expect(await unlock(app.url, loggedInAhead)).toBe(200)
  app.clock.nowMs = begunMs
  expect(await unlock(app.url, token)).toBe(401)
  expect(await unlock(app.url, loggedInAhead)).toBe(200)
  const events = await app.unlocks.store.page(-1, 10)
  expect(events.map(({ seq, isTimeUncertain }) => ({ seq, isTimeUncertain }))).toStrictEqual(
    [false, true, true, true, true].map((isTimeUncertain, seq) => ({ seq, isTimeUncertain })),
  )
})

test('[D6] a limit that was reached does not stick when the clock jumps', async () => {
  await using app = await startApp({ RATE_LIMIT_UNLOCK: '2/second' })
  const first = await app.signIn('ada')
  for (const jumpMs of [-DAY_MS, 2 * DAY_MS - 1, -DAY_MS]) {
    await reachLimit(app.url, first)
    app.clock.nowMs += jumpMs
    const token = await app.logIn('ada')
    await until(async () => (await unlock(app.url, token)) === 200)
  }
})

/** Logs in with a session; returns the answer. */
const sessionOf = async (url: string, body: unknown, path = '/login') => {
  const answer = await clientOf(url).post(path, body)
  const tokens = (await answer.json()) as { access_token: string; refresh_token: string }
  return { status: answer.status, ...tokens }
}

describe.if(CAN_FAKE)('the clock of the machine', () => {
  test('[D6] jumps either way while a limit is reached: the limit does not stick', async () => {
    using machine = withClock({ RATE_LIMIT_UNLOCK: '2/second' })
    await using service = await machine.start('+0')
    await signIn(service.url)
    for (const clock of ['-1d', '+1d', '@1970-01-01 00:00:10', '+0']) {
      const token = await signIn(service.url)
      await reachLimit(service.url, token)
      machine.setClock(clock)
      const after = await signIn(service.url)
      await until(async () => (await unlock(service.url, after)) === 200)
    }
  })

  test('[D6, P4] jumps during a lockout: the lockout becomes neither shorter nor longer', async () => {
    using machine = withClock()
    await using service = await machine.start('+0')
    await signIn(service.url)
    const { post } = clientOf(service.url)
    const login = async (password: string) =>
      (await post('/login', { username: 'bob', password })).status
    const bob = { username: 'bob', password: PASSWORD, phone: '1', address: 'x' }
    expect((await post('/register', bob)).status).toBe(200)
    for (let guess = 0; guess < 10; guess += 1)
      expect(await login(`wrong horse ${guess}`)).toBe(401)
    const begun = performance.now()
    for (const clock of ['+1d', '-1d', '+0']) {
      machine.setClock(clock)
      expect(`${clock} ${await login(PASSWORD)}`).toBe(`${clock} 401`)
    }
    if (!IS_LONG) return
    await until(async () => (await login(PASSWORD)) === 200, 2 * WAIT_MS)
    expect(performance.now() - begun).toBeGreaterThan(WAIT_MS - 1000)
  })

  test('[D6] jumps a day and back: a session continues with a new token', async () => {
    using machine = withClock()
    await using service = await machine.start('+0')
    const { url } = service
    await signIn(url)
    let session = await sessionOf(url, { username: 'ada', password: PASSWORD })
    for (const clock of ['+1d', '+0', '-1d', '+0']) {
      machine.setClock(clock)
      const { refresh_token } = session
      session = await sessionOf(url, { refresh_token }, '/v1/session/refresh')
      expect(`${clock} ${session.status}`).toBe(`${clock} 200`)
      expect(await unlock(url, session.access_token)).toBe(200)
    }
  })

  test('[D6] is 1970 at the start, and then set right: earlier tokens are invalid, and everything continues', async () => {
    using machine = withClock()
    const { folder } = machine
    {
      await using service = await machine.start('@1970-01-01 00:00:10')
      const { url } = service
      await signIn(url)
      const then = await sessionOf(url, { username: 'ada', password: PASSWORD })
      expect(await unlock(url, then.access_token)).toBe(200)
      machine.setClock('+0')
      expect(await unlock(url, then.access_token)).toBe(401)
      const { refresh_token } = then
      expect((await sessionOf(url, { refresh_token }, '/v1/session/refresh')).status).toBe(401)
      expect(await unlock(url, await signIn(url))).toBe(200)
      expect((await clientOf(url).get('/readyz')).status).toBe(200)
      expect(await service.stop()).toBe(0)
    }
    using db = new Database(join(folder, 'data/secure-lock.db'), { readonly: true })
    expect(
      db.query('SELECT seq, is_time_uncertain AS doubted FROM unlock_event ORDER BY seq').all(),
    ).toStrictEqual([
      { seq: 0, doubted: 1 },
      { seq: 1, doubted: 0 },
    ])
    expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
  })

  test('[D6] is far ahead at a start: LOG_RETENTION_DAYS erases nothing by it', async () => {
    using machine = withClock({ LOG_RETENTION_DAYS: '30' })
    const names = async (clock: string) => {
      await using service = await machine.start(clock)
      const token = await signIn(service.url)
      expect(await unlock(service.url, token)).toBe(200)
      const answer = await clientOf(service.url).get('/v1/unlocks', bearer(token))
      const { unlocks } = (await answer.json()) as { unlocks: { username: string }[] }
      const isWaiting = service.output().log.includes('retention waits for a clock')
      expect(await service.stop()).toBe(0)
      return { names: unlocks.map(({ username }) => username), isWaiting }
    }
    expect(await names('+0')).toStrictEqual({ names: ['ada'], isWaiting: false })
    expect(await names('+60d')).toStrictEqual({ names: ['ada', 'ada'], isWaiting: true })
    expect(await names('-60d')).toStrictEqual({ names: ['ada', 'ada', 'ada'], isWaiting: true })
    expect((await names('+0')).names).toHaveLength(4)
  })
})

test.if(CAN_FAKE)(
  '[D6] the clock of the machine: a day back and forward while the service runs, across restarts, and 1970',
  async () => {
    using machine = withClock()
    const { folder, setClock } = machine
    const expected: boolean[] = []
    /** Starts at that time, and stops again. */
    const running = async (clock: string, work: (url: string) => Promise<void>) => {
      await using service = await machine.start(clock)
      await work(service.url)
      expect(await service.stop()).toBe(0)
    }
    const records = async (url: string, token: string, isUncertain: boolean) => {
      expect(await unlock(url, token)).toBe(200)
      expected.push(isUncertain)
    }
    const tokens = { first: '', ahead: '', last: '' }
    await running('+0', async (url) => {
      tokens.first = await signIn(url)
      await records(url, tokens.first, false)
      setClock('-1d')
      await records(url, tokens.first, true)
      await records(url, await signIn(url), true)
      setClock('+1d')
      expect(await unlock(url, tokens.first)).toBe(401)
      tokens.ahead = await signIn(url)
      await records(url, tokens.ahead, true)
      setClock('+0')
      expect(await unlock(url, tokens.first)).toBe(401)
      await records(url, tokens.ahead, true)
    })
    await running('+0', async (url) => {
      // Its half hour has not ended, now that the clock is right again.
      await records(url, tokens.first, false)
      expect(await unlock(url, tokens.ahead)).toBe(401)
      tokens.last = await signIn(url)
      // The log has an event of tomorrow, with an uncertain time.
      await records(url, tokens.last, false)
    })
    await running('-1d', async (url) => {
      expect(await unlock(url, tokens.last)).toBe(401)
      await records(url, await signIn(url), true)
    })
    await running('@1970-01-01 00:00:10', async (url) => {
      for (const token of Object.values(tokens)) expect(await unlock(url, token)).toBe(401)
      await records(url, await signIn(url), true)
    })
    await running('+2d', async (url) => {
      for (const token of Object.values(tokens)) expect(await unlock(url, token)).toBe(401)
      await records(url, await signIn(url), false)
    })
    await running('+30d', async (url) => {
      await records(url, await signIn(url), true)
    })
    using db = new Database(join(folder, 'data/secure-lock.db'), { readonly: true })
    expect(
      db.query('SELECT seq, is_time_uncertain AS doubted FROM unlock_event ORDER BY seq').all(),
    ).toStrictEqual(expected.map((isUncertain, seq) => ({ seq, doubted: Number(isUncertain) })))
    expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
  },
)
