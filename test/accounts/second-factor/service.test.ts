import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from 'otpauth'
import {
  PASSWORD,
  type TestApp,
  basic,
  bearer,
  clientOf,
  recordsOf,
  startApp,
} from '../../support/app.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { STEP_MS, codeAt, enrol, nextCode } from '../../support/second-factor.ts'

const REQUIRED = { status: 401, msg: 'One-time code required', code: 'otp_required' }
const INVALID = { status: 401, msg: 'Invalid one-time code', code: 'otp_invalid' }
const WRONG = { status: 401, msg: 'Invalid username or password' }

type Login = { username?: string; password?: string; otp?: unknown }

const logIn = async (
  { post }: Pick<TestApp, 'post'>,
  login: Login = {},
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> => {
  const answer = await post('/login', { username: 'ada', password: PASSWORD, ...login }, headers)
  return { status: answer.status, ...((await answer.json()) as object) }
}

const wrongCode = (secret: string, nowMs: number): string => {
  const valid = new Set([-1, 0, 1].map((steps) => codeAt(secret, nowMs + steps * STEP_MS)))
  return ['000000', '111111', '222222', '333333'].find((code) => !valid.has(code)) ?? ''
}

describe('logging in with a second factor', () => {
  test('asks for the code after the right password, and only then', async () => {
    await using app = await startApp()
    const { secret } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const otp = nextCode(secret, app.clock.nowMs)
    expect(await logIn(app)).toStrictEqual(REQUIRED)
    for (const blank of ['', '  ', '-'])
      expect(await logIn(app, { otp: blank })).toStrictEqual(REQUIRED)
    for (const sent of [{}, { otp }, { otp: '000000' }])
      expect(await logIn(app, { ...sent, password: 'wrong horse battery' })).toStrictEqual(WRONG)
    expect(await logIn(app, { otp: wrongCode(secret, app.clock.nowMs) })).toStrictEqual(INVALID)
    expect(await logIn(app, { otp: 492039 })).toStrictEqual({ status: 400, msg: 'Invalid otp' })
    expect(await logIn(app, { otp })).toMatchObject({ status: 200, token_type: 'Bearer' })
  })

  test('accounts without one log in as before, whatever the otp', async () => {
    await using app = await startApp()
    await app.signIn('ada')
    for (const otp of ['000000', '', 'nonsense'])
      expect(await logIn(app, { otp })).toMatchObject({ status: 200 })
    expect(await logIn(app, { username: 'nobody', otp: '000000' })).toStrictEqual(WRONG)
  })

  test('[P6] without the right password, nothing reveals that an account has a second factor', async () => {
    await using app = await startApp()
    await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    await app.signIn('bob')
    const answers = new Set<string>()
    for (const username of ['ada', 'bob', 'nobody'])
      for (const otp of [{}, { otp: '000000' }, { otp: 'AAAA-AAAA' }]) {
        const answer = await app.post('/login', {
          username,
          password: 'wrong horse battery',
          ...otp,
        })
        const headers = [...answer.headers].filter(
          ([name]) => name !== 'x-request-id' && name !== 'date',
        )
        answers.add(JSON.stringify([answer.status, headers, await answer.text()]))
      }
    expect([...answers]).toHaveLength(1)
  })

  test('a code counts once, and no earlier code counts after it', async () => {
    await using app = await startApp()
    const { secret } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const [before, now, next, later] = [-1, 0, 1, 2].map((steps) =>
      codeAt(secret, app.clock.nowMs + steps * STEP_MS),
    )
    for (const used of [before, now]) expect(await logIn(app, { otp: used })).toStrictEqual(INVALID)
    // Pasted with a line break, and typed with the wide digits of a Japanese keyboard.
    const wide = next?.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
    const spaced = `${wide?.slice(0, 3)} ${wide?.slice(3)}\n`
    expect(await logIn(app, { otp: spaced })).toMatchObject({ status: 200 })
    for (const used of [next, now]) expect(await logIn(app, { otp: used })).toStrictEqual(INVALID)
    app.clock.nowMs += STEP_MS
    expect(await logIn(app, { otp: next })).toStrictEqual(INVALID)
    expect(await logIn(app, { otp: later })).toMatchObject({ status: 200 })
  })

  test('[I3] of twenty simultaneous logins with one code, one succeeds, and none after a restart', async () => {
    const folder = temporaryFolder()
    const before = await startService({ env: UNLIMITED, folder })
    const client = clientOf(before.url)
    await client.post('/register', {
      username: 'ada',
      password: PASSWORD,
      phone: '1',
      address: 'x',
    })
    const { access_token: token } = (await logIn(client)) as { access_token: string }
    const { secret, recoveryCodes } = await enrol(client, token)
    const codes = [nextCode(secret, Date.now()), recoveryCodes[0]]
    // Otherwise, so many wrong codes would start a lockout.
    await using db = await homeDatabase(folder)
    const forgive = async () => {
      await db.run('DELETE FROM failed_login')
      await db.run('UPDATE second_factor SET failures = 0')
    }
    for (const otp of codes) {
      await forgive()
      const statuses: unknown[] = []
      const attempts = async () => {
        while (true) {
          const { status } = await logIn(client, { otp })
          // Too many passwords at once: the code was not checked.
          if (status !== 503) return statuses.push(status)
          await Bun.sleep(20)
        }
      }
      await Promise.all(Array.from({ length: 20 }, attempts))
      expect(statuses.filter((status) => status === 200)).toHaveLength(1)
      expect(statuses.filter((status) => status === 401)).toHaveLength(19)
    }
    await before.stop()
    await forgive()
    await using after = await startService({ env: UNLIMITED, folder })
    for (const otp of codes)
      expect(await logIn(clientOf(after.url), { otp })).toStrictEqual(INVALID)
    await after.stop()
    rmSync(folder, { recursive: true })
  })

  test('each recovery code logs in once', async () => {
    await using app = await startApp()
    const { recoveryCodes } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    expect(recoveryCodes).toHaveLength(10)
    for (const otp of recoveryCodes) {
      expect(
        await logIn(app, { otp: `${otp.toLowerCase().replaceAll('-', ' ')}\n` }),
      ).toMatchObject({
        status: 200,
      })
      expect(await logIn(app, { otp })).toStrictEqual(INVALID)
    }
  })

  test('the codes of someone else do not count', async () => {
    await using app = await startApp()
    await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const bob = await enrol(app, await app.signIn('bob'), app.clock.nowMs)
    for (const otp of [nextCode(bob.secret, app.clock.nowMs), bob.recoveryCodes[0]]) {
      expect(await logIn(app, { otp })).toStrictEqual(INVALID)
      expect(await logIn(app, { username: 'bob', otp })).toMatchObject({ status: 200 })
    }
  })

  test('[P4] after five wrong codes in a row, codes are locked out, longer each time, and recovery codes are not', async () => {
    await using app = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
    const { secret, recoveryCodes } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    // Each from a different address; otherwise the client would be locked out at the name.
    let host = 0
    const elsewhere = () => ({ 'x-forwarded-for': `203.0.113.${(host += 1)}` })
    const wrong = () => logIn(app, { otp: wrongCode(secret, app.clock.nowMs) }, elsewhere())
    const right = () => logIn(app, { otp: nextCode(secret, app.clock.nowMs) }, elsewhere())
    for (let guess = 0; guess < 5; guess += 1) expect(await wrong()).toStrictEqual(INVALID)
    expect(await right()).toStrictEqual(INVALID)
    expect(await logIn(app, { otp: recoveryCodes[0] })).toMatchObject({ status: 200 })
    app.clock.nowMs += 29_999
    expect(await right()).toStrictEqual(INVALID)
    for (const lockoutMs of [30_000, 60_000, 120_000]) {
      app.clock.nowMs += lockoutMs
      expect(await wrong()).toStrictEqual(INVALID)
      expect(await right()).toStrictEqual(INVALID)
    }
    for (let guess = 0; guess < 20; guess += 1) {
      app.clock.nowMs += 3_600_000
      await wrong()
    }
    app.clock.nowMs += 3_599_999
    expect(await right()).toStrictEqual(INVALID)
    app.clock.nowMs += 1
    expect(await right()).toMatchObject({ status: 200 })
    for (let guess = 0; guess < 4; guess += 1) await wrong()
    app.clock.nowMs += STEP_MS
    expect(await right()).toMatchObject({ status: 200 })
  })

  test('[P4] a wrong code counts like a wrong password, and a right one resets the failures', async () => {
    await using app = await startApp()
    const { secret, recoveryCodes } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const wrong = () => logIn(app, { otp: wrongCode(secret, app.clock.nowMs) })
    const recover = (at: number) => logIn(app, { otp: recoveryCodes[at] })
    for (let guess = 0; guess < 9; guess += 1) await wrong()
    expect(await recover(0)).toMatchObject({ status: 200 })
    for (let guess = 0; guess < 10; guess += 1) expect(await wrong()).toStrictEqual(INVALID)
    expect(await recover(1)).toStrictEqual({ status: 401, msg: 'Invalid username or password' })
  })

  test('[D6] codes follow the gateway’s clock, even when it is set back, and recovery codes do not', async () => {
    await using app = await startApp()
    const { secret, recoveryCodes } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const phoneMs = app.clock.nowMs
    app.clock.nowMs = phoneMs + 86_400_000
    expect(await logIn(app, { otp: nextCode(secret, phoneMs) })).toStrictEqual(INVALID)
    expect(await logIn(app, { otp: recoveryCodes[0] })).toMatchObject({ status: 200 })
    app.clock.nowMs = 1000
    expect(await logIn(app, { otp: nextCode(secret, phoneMs) })).toStrictEqual(INVALID)
    expect(await logIn(app, { otp: recoveryCodes[1] })).toMatchObject({ status: 200 })
    app.clock.nowMs = phoneMs
    expect(await logIn(app, { otp: nextCode(secret, phoneMs) })).toMatchObject({ status: 200 })
    expect(await logIn(app, { otp: nextCode(secret, phoneMs) })).toStrictEqual(INVALID)
  })

  test('logins are recorded with the factor that passed or failed, and without the code', async () => {
    await using app = await startApp()
    const { secret, recoveryCodes } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const codes = [
      undefined,
      wrongCode(secret, app.clock.nowMs),
      nextCode(secret, app.clock.nowMs),
      recoveryCodes[0],
    ]
    const before = app.logLines.length
    for (const otp of codes) await logIn(app, { otp })
    const records = app.logLines
      .slice(before)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ action }) => String(action).startsWith('login'))
    const session = expect.stringMatching(/^[0-9a-f-]{36}$/)
    // The first step of every login with a second factor is no failure.
    expect(records.map(({ action, result, detail }) => [action, result, detail])).toEqual([
      ['login.code_required', 'success', undefined],
      ['login', 'failure', { reason: 'otp_invalid' }],
      ['login', 'success', { second_factor: 'totp', session }],
      ['login', 'success', { second_factor: 'recovery_code', session }],
    ])
  })
})

describe('other ways to log in', () => {
  test('[O3] a name and password alone do not open the tables of an account with a second factor, and that is recorded', async () => {
    await using app = await startApp()
    await app.signIn('amy', 'admin')
    const { secret } = await enrol(app, await app.signIn('oli', 'owner'), app.clock.nowMs)
    for (const path of ['/getLogs', '/getUsers'])
      for (const call of [
        app.get(path, basic('oli', PASSWORD)),
        app.post(path, {}, basic('oli', PASSWORD)),
      ]) {
        const answer = await call
        expect(answer.status).toBe(401)
        expect(await answer.json()).toStrictEqual({
          msg: expect.stringContaining('send the access token') as string,
          code: 'otp_required',
        })
      }
    expect(recordsOf(app.logLines, 'login').at(-1)).toMatchObject({
      result: 'failure',
      subject: (await app.accounts.authentication.find('oli'))?.publicId ?? '',
      detail: { reason: 'otp_required' },
    })
    expect((await app.get('/getLogs', basic('oli', 'wrong'))).status).toBe(401)
    expect((await app.get('/getLogs', basic('amy', PASSWORD))).status).toBe(200)
    const login = await logIn(app, { username: 'oli', otp: nextCode(secret, app.clock.nowMs) })
    const { access_token: token } = login as { access_token: string }
    expect((await app.get('/getLogs', bearer(token))).status).toBe(200)
  })

  test('a refresh needs no code, since its session began with one', async () => {
    await using app = await startApp()
    const { secret } = await enrol(app, await app.signIn('ada'), app.clock.nowMs)
    const login = await logIn(app, { otp: nextCode(secret, app.clock.nowMs) })
    const { refresh_token } = login as { refresh_token: string }
    expect((await app.post('/v1/session/refresh', { refresh_token })).status).toBe(200)
  })
})

describe('if a second factor is required', () => {
  test('an owner or admin is told to set one up, and is a member until then', async () => {
    await using app = await startApp({ SECOND_FACTOR: 'required' })
    for (const role of ['admin', 'owner'] as const) {
      const headers = bearer(await app.signIn(role, role))
      const entries = () => app.get('/v1/log/entries?start=0&end=0', headers)
      expect((await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, headers)).status).toBe(
        200,
      )
      const refused = await entries()
      expect(refused.status).toBe(403)
      expect(await refused.json()).toMatchObject({
        code: 'second_factor_required',
        detail: 'Set up a second factor first: POST /v1/me/second-factor',
      })
      for (const credentials of [headers, basic(role, PASSWORD)]) {
        const table = await app.get('/getUsers', credentials)
        expect(table.status).toBe(403)
        expect(await table.json()).toMatchObject({ code: 'second_factor_required' })
      }
      await enrol(app, headers.authorization.slice('Bearer '.length), app.clock.nowMs)
      expect((await entries()).status).toBe(200)
      expect((await app.get('/getUsers', headers)).status).toBe(200)
    }
  })

  test('members need none, and are not asked for one', async () => {
    await using app = await startApp({ SECOND_FACTOR: 'required' })
    const headers = bearer(await app.signIn('mia'))
    const refused = await app.get('/v1/log/entries?start=0&end=0', headers)
    expect(await refused.json()).toMatchObject({ status: 403, code: 'forbidden' })
    expect((await app.get('/getUsers', headers)).status).toBe(401)
    expect((await app.get('/getUsers', basic('mia', PASSWORD))).status).toBe(401)
  })
})

describe('on disk', () => {
  /** Registers ada with a second factor at a service in a folder, and stops it. */
  const enrolledIn = async (folder: string) => {
    const service = await startService({ env: UNLIMITED, folder })
    const client = clientOf(service.url)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    await client.post('/register', person)
    const { access_token: token } = (await logIn(client)) as { access_token: string }
    const enrolled = await enrol(client, token)
    await service.stop()
    return { ...enrolled, service }
  }

  test('the database alone contains neither the secret nor a recovery code', async () => {
    const folder = temporaryFolder()
    const { secret, recoveryCodes, service } = await enrolledIn(folder)
    await using db = await homeDatabase(folder)
    const { log } = service.output()
    expect(await db.contains(Secret.fromBase32(secret).bytes)).toBe(false)
    for (const text of [
      secret,
      ...recoveryCodes,
      ...recoveryCodes.map((code) => code.replaceAll('-', '')),
    ]) {
      expect(await db.contains(text)).toBe(false)
      expect(log).not.toContain(text)
    }
    expect(log).toContain('second_factor.confirm')
    rmSync(folder, { recursive: true })
  })

  // A replica that lacks a key does not start: see keys.test.ts.
  test.skipIf(IS_POSTGRES)(
    'without the key that sealed the secret, codes are refused, and recovery codes still work',
    async () => {
      const folder = temporaryFolder()
      const { secret, recoveryCodes } = await enrolledIn(folder)
      rmSync(join(folder, 'data/second-factor-key'))
      await using after = await startService({ env: UNLIMITED, folder })
      expect(await logIn(clientOf(after.url), { otp: nextCode(secret, Date.now()) })).toMatchObject(
        {
          status: 503,
          msg: expect.stringContaining(
            'restore it from a backup, or use a recovery code',
          ) as string,
        },
      )
      expect(await logIn(clientOf(after.url), { otp: recoveryCodes[0] })).toMatchObject({
        status: 200,
      })
      await after.stop()
      await using db = await homeDatabase(folder)
      expect(await db.get('SELECT failures FROM second_factor')).toStrictEqual({ failures: 0 })
      rmSync(folder, { recursive: true })
    },
  )
})
