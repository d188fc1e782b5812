import { describe, expect, test } from 'bun:test'
import { homeDatabase } from '../../support/home-database.ts'
import { PASSWORD, type TestApp, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'

const OTHER_PASSWORD = 'nine quiet green keys'

type Me = { readonly status: number } & Readonly<Record<string, unknown>>

const me = async (app: Pick<TestApp, 'get'>, token: string): Promise<Me> => {
  const answer = await app.get('/v1/me', bearer(token))
  return { status: answer.status, ...((await answer.json()) as Record<string, unknown>) }
}

const problemOf = async (answer: Response) => {
  const { code } = (await answer.json()) as { code: string }
  return `${answer.status} ${code}`
}

const logIn = async (app: Pick<TestApp, 'post'>, username: string, password: string) =>
  (await app.post('/login', { username, password })).status

/** The recorded audit events, without logins and refused requests. */
const recorded = ({ logLines }: Pick<TestApp, 'logLines'>) =>
  logLines
    .map((line) => JSON.parse(line) as { action?: string; result?: string; detail?: object })
    .filter(({ action }) => action !== undefined && !/^(login|access.deny)$/.test(action))

describe('your own account', () => {
  test('[A4] is returned with these fields and no others', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    await app.logIn('ada')
    expect(await me(app, token)).toStrictEqual({
      status: 200,
      id: (await app.accounts.store.page(0, 1))[0]?.publicId,
      username: 'ada',
      role: 'member',
      admitted: true,
      phone: '1',
      address: 'x',
      email: null,
      unit: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      ends_at: null,
      second_factor: false,
      sessions: 2,
      invitation: null,
    })
  })

  test('changes only the given fields of phone, address and email, and removes the email', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    const change = async (body: object) =>
      (await (await app.patch('/v1/me', body, bearer(token))).json()) as object
    expect(await change({ phone: '2', email: 'ada@example.org' })).toMatchObject({
      phone: '2',
      address: 'x',
      email: 'ada@example.org',
    })
    expect(await change({ address: '2 Lock Lane' })).toMatchObject({
      phone: '2',
      address: '2 Lock Lane',
      email: 'ada@example.org',
    })
    expect(await change({ email: null })).toMatchObject({ phone: '2', email: null })
    expect(recorded(app)).toMatchObject([
      { action: 'account.contact', detail: { fields: 'phone, email' } },
      { action: 'account.contact', detail: { fields: 'address' } },
      { action: 'account.contact', detail: { fields: 'email' } },
    ])
    expect(app.logLines.join()).not.toContain('example.org')
  })

  test('[G3] leaves no audit event if nothing changes', async () => {
    await using app = await startApp()
    const ada = bearer(await app.signIn('ada'))
    const contact = { phone: '2', address: '2 Lock Lane', email: 'ada@example.org' }
    for (const body of [contact, contact, { phone: '2' }, { email: 'ada@example.org' }])
      expect(await (await app.patch('/v1/me', body, ada)).json()).toMatchObject(contact)
    for (const body of [{ email: null }, { email: null }])
      expect((await app.patch('/v1/me', body, ada)).status).toBe(200)
    expect(recorded(app)).toMatchObject([
      { action: 'account.contact', detail: { fields: 'phone, address, email' } },
      { action: 'account.contact', detail: { fields: 'email' } },
    ])
  })

  test('[A3] privileged and unknown fields change nothing', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    const before = await me(app, token)
    const privileged = {
      id: 'mine',
      public_id: 'mine',
      username: 'oli',
      role: 'owner',
      password: OTHER_PASSWORD,
      created_at: '2020-01-01T00:00:00Z',
      disabled: true,
      second_factor: true,
      invitation: { id: 'x', label: 'y' },
    }
    const alone = await app.patch('/v1/me', privileged, bearer(token))
    expect(await alone.json()).toMatchObject({ detail: 'Missing one of phone, address, email' })
    await app.patch('/v1/me', { ...privileged, phone: '2' }, bearer(token))
    expect(await me(app, token)).toStrictEqual({ ...before, phone: '2' })
    expect(await logIn(app, 'ada', PASSWORD)).toBe(200)
  })

  test('[I1] an invalid value is reported by its field and never repeated', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    for (const body of [
      { phone: 'canary'.repeat(9) },
      { address: 7, phone: '2' },
      { email: 'canary\u0000' },
      { phone: 7 },
    ]) {
      const answer = await app.patch('/v1/me', body, bearer(token))
      expect(answer.status).toBe(400)
      expect(await answer.text()).not.toContain('canary')
    }
    expect(await me(app, token)).toMatchObject({ phone: '1', address: 'x', email: null })
  })
})

describe('changing your password', () => {
  test('needs the current one, ends all other sessions, and is recorded without either password', async () => {
    await using app = await startApp()
    const [phone, tablet] = [await app.signIn('ada'), await app.logIn('ada')]
    const change = (current_password: string, new_password = OTHER_PASSWORD) =>
      app.post('/v1/me/password', { current_password, new_password }, bearer(phone))
    expect(await problemOf(await change('wrong horse battery'))).toBe('403 wrong_password')
    expect(await problemOf(await change(''))).toBe('403 wrong_password')
    expect((await me(app, tablet)).status).toBe(200)
    const changed = await change(PASSWORD)
    expect(await changed.json()).toStrictEqual({ msg: 'Password changed' })
    expect([(await me(app, phone)).status, (await me(app, tablet)).status]).toStrictEqual([
      200, 401,
    ])
    expect(await logIn(app, 'ada', PASSWORD)).toBe(401)
    expect(await logIn(app, 'ada', OTHER_PASSWORD)).toBe(200)
    expect(recorded(app)).toMatchObject([
      { action: 'password.change', result: 'failure', detail: { reason: 'wrong_password' } },
      { action: 'password.change', result: 'failure', detail: { reason: 'wrong_password' } },
      { action: 'password.change', result: 'success' },
    ])
    for (const secret of [PASSWORD, OTHER_PASSWORD])
      expect(app.logLines.join()).not.toContain(secret)
  })

  test('[P3] follows the password policy of registering, with its own error code', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    for (const weak of ['short', 'password1', 'ada ada ada', 'Secure-Lock-1!'])
      expect(
        await problemOf(
          await app.post(
            '/v1/me/password',
            { current_password: PASSWORD, new_password: weak },
            bearer(token),
          ),
        ),
      ).toBe('400 weak_password')
    expect(await logIn(app, 'ada', PASSWORD)).toBe(200)
  })

  test('from two devices at once succeeds for one and ends the other’s session', async () => {
    await using app = await startApp()
    const [phone, tablet] = [await app.signIn('ada'), await app.logIn('ada')]
    const change = (token: string, new_password: string) =>
      app.post('/v1/me/password', { current_password: PASSWORD, new_password }, bearer(token))
    const answers = await Promise.all([
      change(phone, OTHER_PASSWORD),
      change(tablet, `${OTHER_PASSWORD} too`),
    ])
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200, 401]))
    const logins = await Promise.all(
      [OTHER_PASSWORD, `${OTHER_PASSWORD} too`].map((password) => logIn(app, 'ada', password)),
    )
    expect(logins).toStrictEqual(answers.map(({ status }) => status))
  })

  test('[P4] with a wrong current password counts against the login limit', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '5/minute' })
    const token = await app.signIn('ada')
    const guess = async () =>
      (
        await app.post(
          '/v1/me/password',
          { current_password: 'wrong', new_password: OTHER_PASSWORD },
          bearer(token),
        )
      ).status
    const erase = async () =>
      (await app.delete('/v1/me', { password: 'wrong' }, bearer(token))).status
    const redeem = async () =>
      (await app.post('/v1/password-reset', { username: 'ada', code: 'x', new_password: 'y' }))
        .status
    const statuses: number[] = []
    // With a code, by client; whoever is logged in counts by account.
    for (const attempt of [guess, guess, erase, erase, redeem, guess, erase, guess])
      statuses.push(await attempt())
    expect(statuses).toStrictEqual([403, 403, 403, 403, 401, 403, 429, 429])
    for (const status of [401, 401, 401, 401, 429]) expect(await redeem()).toBe(status)
    expect((await me(app, token)).status).toBe(200)
  })
})

describe('the export', () => {
  test('[D7] contains everything about the person, streamed in parts, and nothing about others', async () => {
    await using app = await startApp()
    const [ada, eve] = [await app.signIn('ada'), await app.signIn('eve')]
    await app.signIn('amy', 'admin')
    const adaId = String((await me(app, ada))['id'])
    const unlock = (username: string, accountPublicId: string) => ({
      id: crypto.randomUUID(),
      accountPublicId,
      username,
      method: 'fingerprint',
      lock: 'front-door',
      result: 'unlocked' as const,
      reason: null,
      source: 'claimed' as const,
      occurredAtMs: null,
    })
    const events = Array.from({ length: 1300 }, (_, index) =>
      index % 2 === 0 ? unlock('ada', adaId) : unlock('eve', String(index)),
    )
    await app.unlocks.unlockLog.append(events)
    const amy = (await app.accounts.store.page(2, 1))[0]
    const from = { address: '192.0.2.77', userAgent: 'x', requestId: undefined, account: amy }
    for (let round = 0; round < 600; round += 1)
      await app.audit.record(from, { action: 'account.enable', result: 'success', subject: adaId })
    await app.post('/login', { username: 'ada', password: 'wrong' })

    const answer = await app.get('/v1/me/export', bearer(ada))
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('content-disposition')).toStartWith('attachment; filename=')
    const text = await answer.text()
    const file = JSON.parse(text) as Record<string, unknown[]> & { account: object }
    expect(Object.keys(file)).toStrictEqual([
      'exported_at',
      'account',
      'sessions',
      'access_tokens',
      'registered_from',
      'known_clients',
      'failed_logins',
      'second_factor',
      'password_reset',
      'invitations_made',
      'audit',
      'unlocks',
      'grants',
      'attempts',
      'slots',
      'targets',
    ])
    expect(file.account).toMatchObject({ id: adaId, username: 'ada', phone: '1' })
    expect(file['sessions']).toHaveLength(1)
    expect(file['unlocks']).toHaveLength(650)
    const audit = file['audit'] as { at: string }[]
    expect(audit).toStrictEqual(audit.toSorted((one, other) => one.at.localeCompare(other.at)))
    // The number of an event would tell how many others there were since the one before.
    expect(audit.filter((event) => 'seq' in event)).toStrictEqual([])
    expect(file['audit']?.at(0)).toMatchObject({
      action: 'login',
      actor: adaId,
      address: '127.0.0.1',
    })
    expect(file['audit']?.at(-1)).toMatchObject({ action: 'account.export', actor: adaId })
    // The first login, what amy did, the failed login and this export.
    expect(audit).toHaveLength(603)
    expect(text).not.toMatch(/eve|192\.0\.2\.77|argon2|refresh_token/)
    expect((await app.get('/v1/me/export', bearer(eve))).status).toBe(200)
  })

  test('[A4] contains known clients, failed logins, second factor, reset and invitations, without hashes or secrets', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post, get } = clientOf(service.url)
    await post('/register', { username: 'ada', password: PASSWORD, phone: '1', address: 'x' })
    const { access_token: token } = (await (
      await post('/login', { username: 'ada', password: PASSWORD })
    ).json()) as { access_token: string }
    await using db = await homeDatabase(service.folder)
    await db.run('UPDATE known_client SET logged_in_at_ms = 1000')
    const byte = (value: number) => Uint8Array.of(value)
    await db.run(
      "INSERT INTO failed_login VALUES (?, 'name', 1, '192.0.2.1', 3, 2000, 3000, 'login')",
      byte(0xac),
    )
    await db.run(
      'INSERT INTO second_factor (account_id, secret, confirmed_at_ms, last_step, failures, failed_at_ms) VALUES (1, ?, 4000, 5, 0, 0)',
      byte(0xad),
    )
    await db.run('INSERT INTO recovery_code VALUES (1, ?), (1, ?)', byte(0xae), byte(0xaf))
    await db.run('INSERT INTO password_reset VALUES (1, ?, 6000, NULL)', byte(0xba))
    const file = (await (await get('/v1/me/export', bearer(token))).json()) as object
    const at = (ms: number) => new Date(ms).toISOString()
    expect(file).toMatchObject({
      account: { second_factor: true },
      registered_from: '127.0.0.1',
      known_clients: [{ logged_in_at: at(1000) }],
      failed_logins: [
        { address: '192.0.2.1', failures: 3, failed_at: at(2000), locked_until: at(3000) },
      ],
      second_factor: { on_since: at(4000), recovery_codes: 2 },
      password_reset: { expires_at: at(6000) },
      invitations_made: [],
    })
  })
})
