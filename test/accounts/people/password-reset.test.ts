import { describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

const NEW_PASSWORD = 'nine quiet green keys'

describe('a password reset', () => {
  const begin = async (app: TestApp, id: string, token: string) =>
    (await (await app.post(`/v1/people/${id}/password-reset`, {}, bearer(token))).json()) as {
      code: string
      expires_at: string
    }

  const redeem = (app: TestApp, code: string, new_password = NEW_PASSWORD, username = 'mia') =>
    app.post('/v1/password-reset', { username, code, new_password })

  test('has a code that is shown once, works once within half an hour, and is stored as a hash', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member' })
    const { token, id } = person('mia')
    const { code, expires_at } = await begin(app, id, person('amy').token)
    // Letters and digits of five bits each.
    expect(code.replaceAll('-', '').length * 5).toBeGreaterThanOrEqual(128)
    expect(Date.parse(expires_at) - app.clock.nowMs).toBeWithin(29 * 60_000, 31 * 60_000)
    expect((await app.get('/v1/me', bearer(token))).status).toBe(200)
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(200)
    const answer = await redeem(app, ` ${code.toLowerCase().replaceAll('-', ' ')}`)
    expect(await answer.json()).toStrictEqual({ msg: 'Password changed' })
    expect((await app.get('/v1/me', bearer(token))).status).toBe(401)
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(401)
    expect((await app.post('/login', { username: 'mia', password: NEW_PASSWORD })).status).toBe(200)
    expect(await outcomeOf(await redeem(app, code))).toBe('401 invalid_code')
    const log = app.logLines.join()
    for (const secret of [code, NEW_PASSWORD]) expect(log).not.toContain(secret)
    expect(log).toContain('password.reset_begin')
    expect(log).toContain(`"action":"password.reset","result":"success","actor":"${id}"`)
  })

  test('succeeds for one of 50 simultaneous redemptions', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member' })
    const { code } = await begin(app, person('mia').id, person('amy').token)
    const passwords = Array.from({ length: 50 }, (_, index) => `${NEW_PASSWORD} ${index}`)
    const statuses: number[] = []
    let waiting = passwords
    // Requests refused because too many passwords are being hashed try again.
    while (waiting.length > 0) {
      const answers = await Promise.all(waiting.map((password) => redeem(app, code, password)))
      statuses.push(...answers.map(({ status }) => status).filter((status) => status !== 503))
      waiting = waiting.filter((_, index) => answers[index]?.status === 503)
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(49)
  })

  test('gives the same answer to a wrong, used, voided or expired code, an unknown name and a disabled account', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      mia: 'member',
      max: 'member',
      dan: 'member',
    })
    const admin = person('oli').token
    const voided = (await begin(app, person('mia').id, admin)).code
    const good = (await begin(app, person('mia').id, admin)).code
    const disabled = (await begin(app, person('dan').id, admin)).code
    await app.patch(`/v1/people/${person('dan').id}`, { disabled: true }, bearer(admin))
    await app.patch(`/v1/people/${person('dan').id}`, { disabled: false }, bearer(admin))
    const answers = [
      await redeem(app, '7QJK-0M3V-X8TB-4ZPN-HC5W-9RFD-2YGE'),
      await redeem(app, voided),
      await redeem(app, good, NEW_PASSWORD, 'max'),
      await redeem(app, good, NEW_PASSWORD, 'nobody'),
      await redeem(app, disabled, NEW_PASSWORD, 'dan'),
      await redeem(app, 'canary'),
    ]
    app.clock.nowMs += 31 * 60_000
    answers.push(await redeem(app, good))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(bodies).size).toBe(1)
    expect(bodies[0]).toContain('invalid_code')
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([401]))
    expect((await app.post('/login', { username: 'mia', password: PASSWORD })).status).toBe(200)
  })

  test('keeps its code after a weak password', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member' })
    const { code } = await begin(app, person('mia').id, person('amy').token)
    expect(await outcomeOf(await redeem(app, code, 'short'))).toBe('400 weak_password')
    expect(await outcomeOf(await redeem(app, code))).toBe('done')
  })

  test('is void once the person is promoted or has changed the password themselves', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      amy: 'admin',
      mia: 'member',
      max: 'member',
    })
    const promoted = (await begin(app, person('mia').id, person('amy').token)).code
    await app.patch(
      `/v1/people/${person('mia').id}`,
      { role: 'owner' },
      bearer(person('oli').token),
    )
    expect(await outcomeOf(await redeem(app, promoted))).toBe('401 invalid_code')
    const forMax = (await begin(app, person('max').id, person('amy').token)).code
    const own = { current_password: PASSWORD, new_password: `${NEW_PASSWORD} 2` }
    await app.post('/v1/me/password', own, bearer(person('max').token))
    expect(await outcomeOf(await redeem(app, forMax, NEW_PASSWORD, 'max'))).toBe('401 invalid_code')
  })

  test('is void once its creator could not create it again', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      amy: 'admin',
      ann: 'admin',
      zoe: 'owner',
      mia: 'member',
    })
    const owner = bearer(person('oli').token)
    const change = (name: string, body: object) =>
      app.patch(`/v1/people/${person(name).id}`, body, owner)
    const ways: Record<string, () => Promise<Response>> = {
      amy: () => change('amy', { disabled: true }),
      ann: () => app.delete('/v1/me', { password: PASSWORD }, bearer(person('ann').token)),
      zoe: () => change('zoe', { role: 'member' }),
    }
    for (const [maker, loseRole] of Object.entries(ways)) {
      const { code } = await begin(app, person('mia').id, person(maker).token)
      expect((await loseRole()).status).toBe(200)
      expect(await outcomeOf(await redeem(app, code))).toBe('401 invalid_code')
    }
    const { code } = await begin(app, person('mia').id, person('oli').token)
    expect((await redeem(app, code)).status).toBe(200)
  })
})
