import { describe, expect, test } from 'bun:test'
import { homeDatabase } from '../../support/home-database.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { tokenFor } from '../../support/accounts.ts'
import { PASSWORD, type TestApp, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../../support/binary.ts'
import { STEP_MS, codeAt, enrol, nextCode } from '../../support/second-factor.ts'

type Client = Pick<TestApp, 'url' | 'get' | 'post'>

const answered = async (call: Promise<Response>): Promise<Record<string, unknown>> => {
  const answer = await call
  return { status: answer.status, ...((await answer.json()) as object) }
}

const begin = ({ post }: Client, token: string, password = PASSWORD) =>
  answered(post('/v1/me/second-factor', { password }, bearer(token)))

const confirm = ({ post }: Client, token: string, otp: string) =>
  answered(post('/v1/me/second-factor/confirm', { otp }, bearer(token)))

const remove = ({ url }: Client, token: string, path: string, body: object = {}) =>
  answered(
    fetch(url + path, {
      method: 'DELETE',
      headers: { 'content-type': 'application/json', ...bearer(token) },
      body: JSON.stringify(body),
    }),
  )

const state = ({ get }: Client, token: string) =>
  answered(get('/v1/me/second-factor', bearer(token)))

const status = async ({ post }: Client, username: string, otp?: string) =>
  (await post('/login', { username, password: PASSWORD, ...(otp ? { otp } : {}) })).status

const publicIdOf = (token: string): string =>
  (JSON.parse(atob(token.split('.')[1] ?? '')) as { sub: string }).sub

describe('turning a second factor on', () => {
  test('returns a secret in three forms, and takes effect once a first code is confirmed', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const { secret, uri, qr_svg: svg, ...rest } = await begin(app, ada)
    expect(rest).toStrictEqual({ status: 200 })
    expect(uri).toContain(`secret=${String(secret)}`)
    expect(svg).toStartWith('<svg')
    expect(await state(app, ada)).toMatchObject({ is_on: false, recovery_codes: 0 })
    expect(await status(app, 'ada')).toBe(200)
    const otp = codeAt(String(secret), app.clock.nowMs)
    const on = await confirm(app, ada, otp)
    expect(on).toMatchObject({ status: 200 })
    expect(new Set(on['recovery_codes'] as string[]).size).toBe(10)
    expect(await state(app, ada)).toStrictEqual({
      status: 200,
      is_on: true,
      is_required: false,
      recovery_codes: 10,
    })
    expect(await status(app, 'ada')).toBe(401)
    expect(await status(app, 'ada', otp)).toBe(401)
    expect(await status(app, 'ada', codeAt(String(secret), app.clock.nowMs + STEP_MS))).toBe(200)
  })

  test('needs the password: a token alone, which may be stolen, is not enough', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const refused = await begin(app, ada, 'wrong horse battery')
    expect(refused).toMatchObject({ status: 403, code: 'wrong_password' })
    expect(await confirm(app, ada, '000000')).toMatchObject({
      status: 409,
      code: 'second_factor_not_begun',
    })
  })

  test('can be restarted, and only the newer secret counts; not once it is on', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const [older, newer] = [await begin(app, ada), await begin(app, ada)]
    const at = app.clock.nowMs
    const wrong = await confirm(app, ada, codeAt(String(older['secret']), at))
    expect(wrong).toMatchObject({ status: 403, code: 'otp_invalid' })
    expect(await confirm(app, ada, codeAt(String(newer['secret']), at))).toMatchObject({
      status: 200,
    })
    expect(await begin(app, ada)).toMatchObject({ status: 409, code: 'second_factor_on' })
    expect(await confirm(app, ada, codeAt(String(newer['secret']), at + STEP_MS))).toMatchObject({
      status: 409,
    })
  })

  test('[T3] ends the other sessions, which began with the password alone', async () => {
    await using app = await startApp()
    const [phone, thief] = [await app.signIn('ada'), await app.logIn('ada')]
    await enrol(app, phone, app.clock.nowMs)
    expect((await app.get('/v1/unlocks', bearer(thief))).status).toBe(401)
    expect((await app.get('/v1/unlocks', bearer(phone))).status).toBe(200)
  })
})

describe('recovery codes', () => {
  test('are replaced with password and code, and the old ones are void', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const { secret, recoveryCodes } = await enrol(app, ada, app.clock.nowMs)
    const renew = (password: string, otp: string) =>
      answered(app.post('/v1/me/recovery-codes', { password, otp }, bearer(ada)))
    const otp = nextCode(secret, app.clock.nowMs)
    expect(await renew('wrong', otp)).toMatchObject({ status: 403, code: 'wrong_password' })
    expect(await renew(PASSWORD, 'AAAA')).toMatchObject({ status: 403, code: 'otp_invalid' })
    const { recovery_codes: fresh } = (await renew(PASSWORD, otp)) as { recovery_codes?: string[] }
    expect(fresh).toHaveLength(10)
    expect(await status(app, 'ada', recoveryCodes[0])).toBe(401)
    expect(await status(app, 'ada', fresh?.[0])).toBe(200)
    expect(await state(app, ada)).toMatchObject({ recovery_codes: 9 })
  })

  test('cannot be created while the second factor is off', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const body = { password: PASSWORD, otp: '000000' }
    expect(await answered(app.post('/v1/me/recovery-codes', body, bearer(ada)))).toMatchObject({
      status: 409,
      code: 'second_factor_off',
    })
  })
})

describe('turning a second factor off', () => {
  test('needs the password and a code; then the password alone logs in', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const { secret } = await enrol(app, ada, app.clock.nowMs)
    const otp = nextCode(secret, app.clock.nowMs)
    const off = (body: object) => remove(app, ada, '/v1/me/second-factor', body)
    expect(await off({ password: PASSWORD })).toMatchObject({ detail: 'Missing otp' })
    expect(await off({ password: PASSWORD, otp: '' })).toMatchObject({ code: 'otp_invalid' })
    expect(await off({ password: 'wrong', otp })).toMatchObject({ code: 'wrong_password' })
    expect(await status(app, 'ada')).toBe(401)
    expect(await off({ password: PASSWORD, otp })).toStrictEqual({
      status: 200,
      msg: 'Second factor is off',
    })
    expect(await status(app, 'ada')).toBe(200)
    expect(await off({ password: PASSWORD, otp })).toMatchObject({ code: 'second_factor_off' })
    expect(await state(app, ada)).toMatchObject({ is_on: false, recovery_codes: 0 })
  })

  test('works with a recovery code too, for a lost phone', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const { recoveryCodes } = await enrol(app, ada, app.clock.nowMs)
    const proof = { password: PASSWORD, otp: recoveryCodes[3] }
    expect(await remove(app, ada, '/v1/me/second-factor', proof)).toMatchObject({ status: 200 })
    expect(await status(app, 'ada')).toBe(200)
  })

  test('is possible for admins on members, for owners on others, and for nobody on themselves', async () => {
    await using app = await startApp()
    const tokens: Record<string, string> = {}
    const roles = { mia: 'member', amy: 'admin', ann: 'admin', oli: 'owner', ole: 'owner' } as const
    for (const [name, role] of Object.entries(roles)) {
      tokens[name] = await app.signIn(name, role)
      await enrol(app, tokens[name], app.clock.nowMs)
    }
    const off = async (by: string, whose: string) => {
      const path = `/v1/people/${publicIdOf(tokens[whose] ?? '')}/second-factor`
      const { status: told, code } = await remove(app, tokens[by] ?? '', path)
      return [told, code].join(' ').trim()
    }
    expect(await off('mia', 'amy')).toBe('403 forbidden')
    expect(await off('amy', 'ann')).toBe('403 owner_needed')
    expect(await off('amy', 'oli')).toBe('403 owner_needed')
    expect(await off('amy', 'amy')).toBe('409 own_account')
    expect(await off('oli', 'oli')).toBe('409 own_account')
    for (const name of Object.keys(roles)) expect(await status(app, name)).toBe(401)
    expect(await off('amy', 'mia')).toBe('200')
    expect(await off('amy', 'mia')).toBe('404 second_factor_off')
    expect(await off('oli', 'ann')).toBe('200')
    expect(await off('oli', 'ole')).toBe('200')
    expect((await app.get('/v1/unlocks', bearer(tokens['mia'] ?? ''))).status).toBe(401)
    expect(await status(app, 'mia')).toBe(200)
    const nobody = '/v1/people/6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81/second-factor'
    expect(await remove(app, tokens['oli'] ?? '', nobody)).toMatchObject({ status: 404 })
  })

  test('[A6] is refused to an admin if the member has become an owner in the meantime', async () => {
    await using app = await startApp()
    const mia = await app.signIn('mia')
    await enrol(app, mia, app.clock.nowMs)
    const amy = await app.accounts.store.findByPublicId(
      publicIdOf(await app.signIn('amy', 'admin')),
    )
    const from = { address: '::1', userAgent: '', requestId: undefined }
    await app.accounts.administration.change({
      by: COMMAND_LINE,
      publicId: publicIdOf(mia),
      role: 'owner',
    })
    const refusal: unknown = await app.accounts.enrolment
      .reset({ ...from, account: amy }, publicIdOf(mia))
      .catch((error: unknown) => error)
    expect(String(refusal)).toContain('Only an owner may do this to an owner’s account')
    expect(await state(app, mia)).toMatchObject({ is_on: true })
  })

  test('works at the gateway, also while the service runs, for an owner who has lost everything', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { folder } = service
    const client = clientOf(service.url)
    const run = (...args: string[]) =>
      runCommand(['user', ...args], { folder, input: `${PASSWORD}\n` })
    await run('add', '--role', 'owner', 'oli')
    const token = await tokenFor(service.url, 'oli')
    await enrol(client, token)
    expect(await status(client, 'oli')).toBe(401)
    expect(await run('second-factor', 'off', ' oli ')).toMatchObject({ status: 0 })
    expect(await status(client, 'oli')).toBe(200)
    expect((await client.get('/v1/unlocks', bearer(token))).status).toBe(401)
    expect(await run('second-factor', 'off', 'oli')).toMatchObject({
      status: 1,
      words: expect.stringContaining('There is no second factor') as string,
    })
    expect((await run('second-factor', 'off', 'nobody')).words).toContain(
      'There is no such account',
    )
    for (const words of [[], ['on', 'oli'], ['off'], ['off', 'oli', 'ada']])
      expect(await run('second-factor', ...words)).toMatchObject({ status: 2 })
    await using db = await homeDatabase(folder)
    const record = "SELECT subject FROM audit_event WHERE action = 'second_factor.remove'"
    expect(await db.all(record)).toStrictEqual([{ subject: publicIdOf(token) }])
  })
})

test('every change and every refusal is recorded', async () => {
  await using app = await startApp()
  const ada = await app.signIn('ada')
  await begin(app, ada, 'wrong horse battery')
  const { secret } = await enrol(app, ada, app.clock.nowMs)
  const proof = (otp: string) => ({ password: PASSWORD, otp })
  await app.post('/v1/me/recovery-codes', proof(nextCode(secret, app.clock.nowMs)), bearer(ada))
  await remove(app, ada, '/v1/me/second-factor', proof('AAAA'))
  app.clock.nowMs += STEP_MS
  await remove(app, ada, '/v1/me/second-factor', proof(nextCode(secret, app.clock.nowMs)))
  const id = publicIdOf(ada)
  const records = app.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ action }) => /^(second_factor|recovery_code)/.test(String(action)))
  expect(
    records.map(({ action, result, detail }) => [action, result, detail].filter(Boolean)),
  ).toStrictEqual([
    ['second_factor.begin', 'failure', { reason: 'wrong_password' }],
    ['second_factor.begin', 'success'],
    ['second_factor.confirm', 'success'],
    ['recovery_code.renew', 'success'],
    ['second_factor.remove', 'failure', { reason: 'otp_invalid' }],
    ['second_factor.remove', 'success'],
  ])
  for (const { actor, subject } of records) expect([actor, subject]).toStrictEqual([id, id])
})

test('[I1] no code, password or secret is in the log, or in an answer that should not have it', async () => {
  await using app = await startApp()
  const canary = 'kanarienvogel-7291'
  const ada = await app.signIn('ada')
  const { secret, recoveryCodes } = await enrol(app, ada, app.clock.nowMs)
  const bodies = [
    ...['password', 'otp'].flatMap((field) =>
      [canary, canary.repeat(99), { nested: canary }, `${canary}\u0000`].map((value) =>
        JSON.stringify({ username: 'ada', password: PASSWORD, otp: secret, [field]: value }),
      ),
    ),
    `{"otp": "${canary}`,
    canary,
  ]
  let seen = ''
  for (const body of bodies)
    for (const [method, path] of [
      ['POST', '/login'],
      ['POST', '/v1/me/second-factor'],
      ['POST', '/v1/me/second-factor/confirm'],
      ['POST', '/v1/me/recovery-codes'],
      ['DELETE', '/v1/me/second-factor'],
    ] as const) {
      const headers = { 'content-type': 'application/json', ...bearer(ada) }
      const answer = await fetch(app.url + path, { method, headers, body })
      expect(answer.status).toBeWithin(400, 500)
      seen += `${JSON.stringify([...answer.headers])}${await answer.text()}\n`
    }
  await status(app, 'ada', recoveryCodes[0])
  await status(app, 'ada', nextCode(secret, app.clock.nowMs))
  seen += await (await app.get('/v1/me/second-factor', bearer(ada))).text()
  const secrets = ['kanarienvogel', secret, ...recoveryCodes, PASSWORD]
  for (const text of [seen, app.logLines.join('')])
    for (const value of secrets) expect(text).not.toContain(value)
})
