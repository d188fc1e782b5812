import { describe, expect, spyOn, test } from 'bun:test'
import { homeDatabase } from '../../support/home-database.ts'
import { PASSWORD, basic, bearer, clientOf, recordsOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../../support/binary.ts'
import { failedLogins } from '../../support/failed-logins.ts'
import { heldHashes } from '../../support/held-hashes.ts'
import { until } from '../../support/until.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

describe('registering', () => {
  test('[I3] simultaneous registrations of one name create one account', async () => {
    await using app = await startApp()
    const { post } = app
    const answers = await Promise.all(Array.from({ length: 12 }, () => post('/register', PERSON)))
    const bodies = await Promise.all(answers.map((answer) => answer.json()))
    const said = (msg: string) =>
      bodies.filter((body) => (body as { msg: string }).msg === msg).length
    expect(said('User registered successfully')).toBe(1)
    expect(said('User already exists') + said('Server busy, try again')).toBe(11)
  })

  test('[A5] registering first makes nobody an owner', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    expect(await app.accounts.store.page(0, 9)).toMatchObject([{ username: 'ada', role: 'member' }])
    expect(await app.accounts.store.hasOwner()).toBe(false)
  })

  test('[O3] a closed registration answers 403, adds nobody and is recorded', async () => {
    await using app = await startApp({ REGISTRATION: 'closed' })
    const answer = await app.post('/register', PERSON)
    expect(answer.status).toBe(403)
    expect(await answer.json()).toStrictEqual({
      msg: 'Registration is closed',
      code: 'registration_closed',
    })
    expect(await app.accounts.store.page(0, 1)).toStrictEqual([])
    expect(recordsOf(app.logLines, 'account.register')).toMatchObject([
      { result: 'failure', detail: { reason: 'registration_closed' } },
    ])
  })

  test('[P2] a password of 128 characters and more is accepted and compared in full', async () => {
    await using app = await startApp()
    const long = 'correct horse battery staple '.repeat(20)
    await app.post('/register', { ...PERSON, password: `${long}a` })
    const login = async (password: string) =>
      (await app.post('/login', { username: 'ada', password })).status
    expect(await login(`${long}a`)).toBe(200)
    expect(await login(`${long}b`)).toBe(401)
    expect(await login(long)).toBe(401)
  })

  test('[P2] a password is the same from every keyboard (NFKC)', async () => {
    await using app = await startApp()
    await app.post('/register', { ...PERSON, password: 'Cafe\u0301 cre\u0300me' })
    expect(
      (await app.post('/login', { username: 'ada', password: 'Caf\u00e9 cr\u00e8me' })).status,
    ).toBe(200)
  })

  test('[P2] a setting raises the minimum length', async () => {
    await using app = await startApp({ PASSWORD_MIN_LENGTH: '15' })
    const said = async (password: string) =>
      (await app.post('/register', { ...PERSON, password })).json()
    expect(await said('fourteen chars')).toStrictEqual({ msg: 'Weak password' })
    expect(await said('fifteen charact')).toStrictEqual({ msg: 'User registered successfully' })
  })
})

describe('logging in', () => {
  test('[P1] hashes are Argon2id with at least 19 MiB and two passes, and a login replaces weaker ones', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', PERSON)
    // The compiled file has the classes of characters too.
    const unseen = await post('/register', { ...PERSON, username: 'ada\u2800' })
    expect(await unseen.json()).toStrictEqual({ msg: 'User already exists' })
    await using db = await homeDatabase(service.folder)
    const hash = async () =>
      (await db.get<{ h: string }>('SELECT password_hash AS h FROM account'))?.h ?? ''
    const strong = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$/
    const [, memory, passes] = strong.exec(await hash()) ?? []
    expect(Number(memory)).toBeGreaterThanOrEqual(19 * 1024)
    expect(Number(passes)).toBeGreaterThanOrEqual(2)
    const weak = await Bun.password.hash(PASSWORD, {
      algorithm: 'argon2id',
      memoryCost: 8,
      timeCost: 1,
    })
    await db.run('UPDATE account SET password_hash = ?', weak)
    expect((await post('/login', { username: 'ada', password: 'wrong' })).status).toBe(401)
    expect(await hash()).toBe(weak)
    expect((await post('/login', PERSON)).status).toBe(200)
    expect(await hash()).not.toBe(weak)
    expect(await hash()).toMatch(strong)
    expect((await post('/login', PERSON)).status).toBe(200)
  })

  /** The processor time of the most expensive way to fail, relative to the cheapest. */
  const costRatio = (cpuMs: ReadonlyMap<string, number>): number =>
    Math.max(...cpuMs.values()) / Math.min(...cpuMs.values())

  test('[P6] an unknown name, a wrong password, a disabled account and a lockout cannot be distinguished', async () => {
    const { answers, cpuMs } = await failedLogins(6)
    expect(answers).toHaveLength(1)
    expect(answers[0]).toStartWith('[401,')
    // A login costs one Argon2id hash whatever the outcome, never none and never two.
    expect(costRatio(cpuMs)).toBeLessThan(1.6)
  })

  test('[P6] accounts of the legacy import cannot be distinguished, whatever the name', async () => {
    const { answers, cpuMs } = await failedLogins(3, { withOlder: true })
    expect(answers).toHaveLength(1)
    // Each goes through the legacy scheme too, which costs more; no way to fail may skip it.
    expect(costRatio(cpuMs)).toBeLessThan(1.6)
  })

  test('[P7] of 200 logins at once, the excess is refused, and memory stays bounded', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', PERSON)
    const answers = await Promise.all(Array.from({ length: 200 }, () => post('/login', PERSON)))
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200, 503]))
    const status = await Bun.file(`/proc/${service.pid}/status`).text()
    expect(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(400 * 1024)
  })

  test('[P7] the excess is refused before any hash is done, and other routes still answer', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    using hashes = heldHashes()
    const taken = 20
    const refused: Response[] = []
    const logins = Array.from({ length: 100 }, async () => {
      const answer = await app.post('/login', PERSON)
      if (answer.status === 503) refused.push(answer)
      return answer.status
    })
    await until(() => refused.length === 100 - taken)
    expect(hashes.begun()).toBe(1)
    for (const answer of refused) {
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await answer.json()).toStrictEqual({ msg: 'Server busy, try again' })
    }
    expect((await app.get('/livez')).status).toBe(200)
    hashes.release()
    expect((await Promise.all(logins)).filter((status) => status === 200)).toHaveLength(taken)
  })

  test('[P7] a password that is too long is refused unread, so that it cannot keep other logins waiting', async () => {
    await using app = await startApp()
    // Normalising it would take seconds.
    const marks = `a${'\u0301'.repeat(16_000)}${'\u0316'.repeat(16_000)}`
    const normalised = spyOn(String.prototype, 'normalize')
    for (const path of ['/login', '/register']) {
      const answer = await app.post(path, { ...PERSON, password: marks })
      expect(await answer.json()).toStrictEqual({ msg: 'Invalid password' })
    }
    expect((await app.get('/getLogs', basic('ada', marks))).status).toBeOneOf([401, 431])
    expect((await app.post('/register', PERSON)).status).toBe(200)
    const lengths = normalised.mock.contexts.map((text) => String(text).length)
    expect(Math.max(...lengths)).toBeWithin(1, 1000)
    normalised.mockRestore()
  })

  test('a session lasts as long as its token, and expired ones are swept', async () => {
    await using app = await startApp({ JWT_ACCESS_TOKEN_EXPIRES: '5' })
    const token = await app.signIn('ada')
    const unlock = async () =>
      (await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status
    expect(await unlock()).toBe(200)
    app.clock.nowMs += 5 * 60_000 + 1000
    expect(await unlock()).toBe(401)
    expect((await app.post('/login', PERSON)).status).toBe(200)
  })
})

describe('accounts from the command line', () => {
  test('an owner is created with a password from standard input, also while the service runs', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { folder } = service
    const made = await runCommand(['user', 'add', '--role', 'owner', 'oli'], {
      folder,
      input: `${PASSWORD}\n`,
    })
    expect(made).toStrictEqual({
      status: 0,
      out: 'Added owner oli\n',
      words: expect.any(String) as string,
    })
    const listed = await runCommand(['user', 'list'], { folder })
    expect(listed.out).toMatch(
      /^ID\tROLE\tSTATE\tLAST SEEN\tUNIT\tUSERNAME\n1\towner\tactive\tnever\t\toli\n$/,
    )
    expect(
      (await clientOf(service.url).post('/login', { username: 'oli', password: PASSWORD })).status,
    ).toBe(200)
  })

  test('an invalid account is refused with a reason, and a password is never an argument', async () => {
    await using service = await startService({ env: UNLIMITED })
    const add = async (args: string[], input = `${PASSWORD}\n`) => {
      const { status, words } = await runCommand(['user', ...args], {
        folder: service.folder,
        input,
      })
      return `${status} ${words.split('\n')[0]}`
    }
    expect(await add(['add', 'oli'], 'short\n')).toContain('1 Weak password')
    expect(await add(['add', 'oli'], '')).toContain('1 No password was given')
    expect(await add(['add', 'oli', PASSWORD])).toContain('2 user add needs one NAME')
    expect(await add(['add', '--role', 'king', 'oli'])).toContain('2 --role must be')
    expect(await add(['add', '--password', PASSWORD, 'oli'])).toContain(
      '2 There is no option "--password"',
    )
    expect(await add(['add', 'o\nli'])).toContain('2 Invalid username')
    expect(await add(['add'])).toContain('2 user add needs one NAME')
    expect(await add([])).toContain('2 user needs one of: add, list')
    expect(await add(['remove'])).toContain('2 user knows no "remove"')
    expect(await add(['add', 'oli'])).toContain('0')
    expect(await add(['add', 'oli'])).toContain('1 User already exists')
  })
})
