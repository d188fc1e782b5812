import { describe, expect, test } from 'bun:test'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, type TestApp, bearer, clientOf, startApp } from '../../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { until } from '../../support/until.ts'

const OWNER = { username: 'oli', password: PASSWORD }
const WRONG = 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG'
const MINUTE_MS = 60_000

/** Returns the code and the link printed at startup. */
const printed = async (service: Service) => {
  await until(() => service.output().words.includes('user add'))
  const { words } = service.output()
  const { code, link } =
    /^ {2}code {7}(?<code>[0-9A-Z-]{34})\n {2}link {7}(?<link>\S+)$/m.exec(words)?.groups ?? {}
  if (code === undefined || link === undefined) throw new Error(`no code in: ${words}`)
  return { code, link }
}

const setUp = async ({ post }: Pick<TestApp, 'post'>, body: object) => {
  const answer = await post('/v1/setup', body)
  const { code, detail, ...rest } = (await answer.json()) as Record<string, unknown>
  return { status: answer.status, code, detail, ...rest }
}

const isNeeded = async ({ get }: Pick<TestApp, 'get'>) => (await get('/v1/setup')).json()

describe('the first owner, with the executable', () => {
  test('[A5] is created and logged in by one of 50 simultaneous requests with the printed code', async () => {
    await using service = await startService({ env: UNLIMITED })
    const client = clientOf(service.url)
    expect(await isNeeded(client)).toStrictEqual({ needed: true })
    const { code } = await printed(service)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        setUp(client, { ...OWNER, username: `owner-${index}`, code }),
      ),
    )
    const made = answers.filter(({ status }) => status === 200)
    expect(made).toHaveLength(1)
    for (const { status } of answers) expect(status).toBeOneOf([200, 409, 503])
    const { access_token: token } = made[0] as unknown as { access_token: string }
    expect(await (await client.get('/getUsers', bearer(token))).json()).toStrictEqual({
      1: expect.objectContaining({ role: 'owner' }) as object,
    })
    expect(await isNeeded(client)).toStrictEqual({ needed: false })
    expect(await setUp(client, { ...OWNER, code })).toMatchObject({
      status: 409,
      code: 'owner_exists',
    })
  })

  test('[A5, T6] has a code that is in no log, answer or file, and a new one at each start', async () => {
    const folder = temporaryFolder()
    const first = await startService({ folder, env: { ...UNLIMITED, LOG_LEVEL: 'debug' } })
    const { code, link } = await printed(first)
    expect(link).toBe(`${first.url}/join#setup=${code}`)
    const client = clientOf(first.url)
    const answers = [
      await setUp(client, { ...OWNER, code: WRONG }),
      await setUp(client, { ...OWNER, password: 'short', code }),
      await setUp(client, { username: 'oli', code }),
    ]
    expect(answers.map(({ status, detail }) => [status, detail])).toStrictEqual([
      [403, 'This setup code is wrong'],
      [
        400,
        'Weak password: use at least 8 characters, not a common password, and more than the username',
      ],
      [400, 'Missing password'],
    ])
    await first.stop()
    expect(JSON.stringify(answers) + first.output().log).not.toContain(code)
    for (const name of readdirSync(join(folder, 'data')))
      expect(await Bun.file(join(folder, 'data', name)).text()).not.toContain(code)

    await using second = await startService({ folder, env: UNLIMITED })
    const next = await printed(second)
    expect(next.code).not.toBe(code)
    expect(await setUp(clientOf(second.url), { ...OWNER, code })).toMatchObject({ status: 403 })
    expect(await setUp(clientOf(second.url), { ...OWNER, code: next.code })).toMatchObject({
      status: 200,
    })
    await second.stop()
    const third = await startService({ folder, env: UNLIMITED })
    await third.stop()
    expect(third.output().words).toContain('Secure Lock Server')
    expect(third.output().words).not.toMatch(/owner|code/)
    rmSync(folder, { recursive: true })
  })

  test('[A5] from the command line voids the code of the running server', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { code } = await printed(service)
    const { folder } = service
    const client = clientOf(service.url)
    const [made, ...setups] = await Promise.all([
      runCommand(['user', 'add', '--role', 'owner', 'amy'], { folder, input: `${PASSWORD}\n` }),
      ...Array.from({ length: 5 }, (_, index) =>
        setUp(client, { ...OWNER, username: `oli-${index}`, code }),
      ),
    ])
    expect(made.status).toBe(0)
    expect(setups.filter(({ status }) => status === 200).length).toBeLessThan(2)
    expect(await setUp(client, { ...OWNER, code })).toMatchObject({ status: 409 })
    expect(await isNeeded(client)).toStrictEqual({ needed: false })
  })

  test('[A5, P4] has a code whose guesses count against the login limit; asking whether it is needed does not', async () => {
    await using service = await startService({ env: { RATE_LIMIT_AUTH: '3/minute' } })
    const client = clientOf(service.url)
    for (let time = 0; time < 10; time += 1) await isNeeded(client)
    for (let guess = 0; guess < 3; guess += 1)
      expect(await setUp(client, { ...OWNER, code: WRONG })).toMatchObject({ status: 403 })
    const { code } = await printed(service)
    expect(await setUp(client, { ...OWNER, code })).toMatchObject({ status: 429 })
    expect((await client.post('/login', OWNER)).status).toBe(429)
  })
})

describe('a setup code', () => {
  test('[A5] expires after 30 minutes of the monotonic clock, and the answer says how to get another', async () => {
    let monotonicMs = 5000
    await using app = await startApp({}, { monotonicMs: () => monotonicMs })
    const { code = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
    app.clock.nowMs += 50 * 365 * 24 * 60 * MINUTE_MS
    monotonicMs += 30 * MINUTE_MS - 1
    expect(await setUp(app, { ...OWNER, password: 'short', code })).toMatchObject({ status: 400 })
    monotonicMs += 1
    expect(await setUp(app, { ...OWNER, code })).toMatchObject({
      status: 403,
      code: 'setup_code_expired',
      detail: 'The setup code has expired; restart the service for a new one',
    })
    expect(await app.accounts.store.hasOwner()).toBe(false)
  })

  test('[A5] stays valid after a refused name or password and after wrong codes, which are recorded', async () => {
    await using app = await startApp()
    await app.signIn('oli')
    const { code = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
    for (let guess = 0; guess < 30; guess += 1)
      expect(await setUp(app, { ...OWNER, code: WRONG })).toMatchObject({
        code: 'setup_code_wrong',
      })
    const records = app.logLines.filter((line) => line.includes('"action":"owner.setup"'))
    expect(records).toHaveLength(30)
    expect(records.join()).not.toContain(WRONG)
    for (let fault = 0; fault < 30; fault += 1)
      expect(await setUp(app, { ...OWNER, code })).toMatchObject({
        status: 400,
        detail: 'User already exists',
      })
    const typed = `${code.replaceAll('-', ' ').toLowerCase()}\n`
    const details = { phone: '01', address: '1 Lock Lane', email: 'amy@example.org' }
    const made = await setUp(app, { ...OWNER, username: 'amy', code: typed, ...details })
    expect(made).toMatchObject({ status: 200, token_type: 'Bearer', expires_in: 1800 })
    expect(await app.accounts.store.page(1, 1)).toMatchObject([
      { username: 'amy', role: 'owner', ...details },
    ])
  })

  test('[A5] is not created if there is an owner, and none is valid until one is created', async () => {
    await using app = await startApp()
    expect(await setUp(app, { ...OWNER, code: WRONG })).toMatchObject({
      code: 'setup_code_expired',
    })
    await app.signIn('amy', 'owner')
    expect(await app.accounts.firstOwner.newSetupCode()).toBeUndefined()
    expect(await setUp(app, { ...OWNER, code: WRONG })).toMatchObject({ code: 'owner_exists' })
  })

  test('[P5] makes the first owner’s client known, so that strangers’ guesses do not lock it out', async () => {
    await using app = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
    const { code = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
    const home = { 'x-forwarded-for': '203.0.113.1' }
    expect((await app.post('/v1/setup', { ...OWNER, code }, home)).status).toBe(200)
    for (let guess = 0; guess < 100; guess += 1) {
      const stranger = { 'x-forwarded-for': `198.51.100.${guess % 10}` }
      await app.post('/login', { ...OWNER, password: 'wrong' }, stranger)
    }
    expect((await app.post('/login', OWNER, { 'x-forwarded-for': '203.0.113.2' })).status).toBe(401)
    expect((await app.post('/login', OWNER, home)).status).toBe(200)
  })

  test('[A3] ignores privileged fields sent with it', async () => {
    await using app = await startApp()
    const { code = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
    const more = { id: 99, public_id: 'mine', role: 'member', invitation: code }
    expect(await setUp(app, { ...OWNER, code, ...more })).toMatchObject({ status: 200 })
    const [owner] = await app.accounts.store.page(0, 1)
    expect(owner).toMatchObject({ id: 1, role: 'owner' })
    expect(owner?.publicId).toMatch(/^[0-9a-f-]{36}$/)
  })
})
