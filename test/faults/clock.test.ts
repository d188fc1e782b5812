import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, clientOf, startApp } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { signIn, tell } from './evidence.ts'

const DAY_MS = 86_400_000

const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find((path) => existsSync(path))
if (!FAKETIME) tell('libfaketime is missing: the clock is set within the app alone')

const unlock = async (url: string, token: string): Promise<number> =>
  (await clientOf(url).post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status

test('[D6] a clock that jumps a day: order kept, doubt noted, nothing expired comes back, logins go on', async () => {
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
  const events = await app.unlocks.page(-1, 10)
  expect(events.map(({ seq, isTimeUncertain }) => ({ seq, isTimeUncertain }))).toStrictEqual(
    [false, true, true, true, true].map((isTimeUncertain, seq) => ({ seq, isTimeUncertain })),
  )
})

test('[D6] a limit that was reached does not stick when the clock jumps', async () => {
  await using app = await startApp({ RATE_LIMIT_UNLOCK: '2/second' })
  const token = await app.signIn('ada')
  for (const jumpMs of [-DAY_MS, 2 * DAY_MS - 1, -DAY_MS]) {
    const statuses: number[] = []
    for (let sent = 0; sent < 4; sent += 1) statuses.push(await unlock(app.url, token))
    expect(statuses).toContain(429)
    app.clock.nowMs += jumpMs
    await Bun.sleep(1100)
    expect(await unlock(app.url, await app.logIn('ada'))).toBe(200)
  }
})

test.if(FAKETIME !== undefined)(
  '[D6] the clock of the machine: a day back and forward while it runs, over restarts, and 1970',
  async () => {
    const folder = temporaryFolder()
    const time = join(folder, 'time')
    const setClock = (text: string) => writeFileSync(time, `${text}\n`)
    const env = {
      ...UNLIMITED,
      LD_PRELOAD: FAKETIME ?? '',
      FAKETIME_TIMESTAMP_FILE: time,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    const expected: boolean[] = []
    /** Starts at that time, and stops again. */
    const running = async (clock: string, work: (url: string) => Promise<void>) => {
      setClock(clock)
      await using service = await startService({ folder, env })
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
      // Its half hour is not over, now that the clock is right again.
      await records(url, tokens.first, false)
      expect(await unlock(url, tokens.ahead)).toBe(401)
      tokens.last = await signIn(url)
      // The log holds an event of tomorrow, whose time was doubted.
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
      db.query('SELECT seq, is_time_uncertain AS doubted FROM unlock ORDER BY seq').all(),
    ).toStrictEqual(expected.map((isUncertain, seq) => ({ seq, doubted: Number(isUncertain) })))
    expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
    rmSync(folder, { recursive: true })
  },
)
