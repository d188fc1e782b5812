import { describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'

const HOUR_MS = 3_600_000

type Made = { id: string; code: string; link: string; label: string; unit: string | null }
type Answer = { status: number; invitations: Made[]; detail?: string; code?: string }

const FLATS = Array.from({ length: 12 }, (_, index) => ({
  role: 'member',
  unit: `Flat ${index + 1}`,
  uses: 4,
}))

const invite = async (
  app: Pick<TestApp, 'post'>,
  token: string,
  bodies: unknown,
  key?: string,
): Promise<Answer> => {
  const headers = { ...bearer(token), ...(key === undefined ? {} : { 'idempotency-key': key }) }
  const answer = await app.post('/v1/invitations', bodies, headers)
  return { status: answer.status, ...((await answer.json()) as Omit<Answer, 'status'>) }
}

const statesOf = async (app: TestApp, token: string) => {
  const answer = await app.get('/v1/invitations?limit=100', bearer(token))
  const { invitations } = (await answer.json()) as { invitations: { state: string }[] }
  return invitations.map(({ state }) => state)
}

const register = async (app: Pick<TestApp, 'post'>, username: string, invitation: string) =>
  (
    await app.post('/register', {
      username,
      password: PASSWORD,
      phone: '1',
      address: 'x',
      invitation,
    })
  ).status

describe('many invitations in one request', () => {
  test('come in the order of the request, each with its own code, and each in the audit events', async () => {
    await using app = await startApp({ REGISTRATION: 'invite' })
    const owner = await app.signIn('oli', 'owner')
    const { status, invitations } = await invite(app, owner, [
      ...FLATS,
      { role: 'admin', label: 'Caretaker' },
    ])
    expect(status).toBe(200)
    expect(invitations.map(({ unit, label }) => unit ?? label)).toStrictEqual([
      ...FLATS.map(({ unit }) => unit),
      'Caretaker',
    ])
    expect(new Set(invitations.map(({ code }) => code)).size).toBe(13)
    for (const { code, link } of invitations) expect(link).toEndWith(`/join#invitation=${code}`)
    expect(
      recordsOf(app.logLines, 'invitation.create').map(({ subject }) => subject),
    ).toStrictEqual(invitations.map(({ id }) => id))
    for (const username of ['ada', 'bob'])
      expect(await register(app, username, invitations[2]?.code ?? '')).toBe(200)
    const me = await app.get('/v1/me', bearer(await app.logIn('bob')))
    expect(await me.json()).toMatchObject({ unit: 'Flat 3' })
    expect(app.logLines.join('\n')).not.toContain(invitations[0]?.code)
  })

  test('are all created or none: the answer names the one that is wrong', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const admin = await app.signIn('amy', 'admin')
    const refusals: readonly (readonly [unknown, string])[] = [
      [
        [...FLATS, { role: 'member', unit: 'x'.repeat(81) }],
        'Invitation 13: Invalid unit: text, 1 to 80 characters, no control characters',
      ],
      [[{ role: 'member' }, { unit: 'Flat 2' }], 'Invitation 2: Missing role'],
      [[{ role: 'member', uses: 0 }], 'Invitation 1: Invalid uses: a whole number from 1 to 100'],
      [[null], 'Invitation 1: Invalid JSON format'],
      [[], 'An array must have 1 to 50 invitations'],
      [
        Array.from({ length: 51 }, () => ({ role: 'member' })),
        'An array must have 1 to 50 invitations',
      ],
    ]
    for (const [bodies, detail] of refusals)
      expect(await invite(app, owner, bodies)).toMatchObject({ status: 400, detail })
    const asAdmin = await invite(app, admin, [{ role: 'member' }, { role: 'owner' }])
    expect(asAdmin).toMatchObject({ status: 403 })
    expect(recordsOf(app.logLines, 'invitation.create')).toMatchObject([{ result: 'failure' }])
    expect(await statesOf(app, owner)).toStrictEqual([])
    const whole = Array.from({ length: 50 }, () => ({ role: 'member', label: '鍵'.repeat(80) }))
    expect(await invite(app, owner, whole)).toMatchObject({ status: 200 })
  })

  test('whose answer was lost are replaced by the same request under the same key', async () => {
    await using app = await startApp({ REGISTRATION: 'invite' })
    const owner = await app.signIn('oli', 'owner')
    const other = await app.signIn('ora', 'owner')
    const lost = await invite(app, owner, FLATS, 'sheet-1')
    const again = await invite(app, owner, FLATS, 'sheet-1')
    expect(again.status).toBe(200)
    expect(await statesOf(app, owner)).toStrictEqual([
      ...FLATS.map(() => 'open'),
      ...FLATS.map(() => 'revoked'),
    ])
    expect(await register(app, 'eve', lost.invitations[0]?.code ?? '')).toBe(403)
    expect(recordsOf(app.logLines, 'invitation.revoke')).toHaveLength(12)
    // Another key, other terms and another person are other requests.
    await invite(app, owner, FLATS, 'sheet-2')
    await invite(app, owner, FLATS.slice(1), 'sheet-1')
    await invite(app, other, FLATS, 'sheet-1')
    expect((await statesOf(app, owner)).filter((state) => state === 'open')).toHaveLength(47)
    // A code that was used shows that the answer arrived.
    expect(await register(app, 'ada', again.invitations[0]?.code ?? '')).toBe(200)
    expect(await invite(app, owner, FLATS, 'sheet-1')).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: 'An invitation of this Idempotency-Key has been used; send a new key',
    })
    expect(await register(app, 'bob', again.invitations[0]?.code ?? '')).toBe(200)
    expect(await invite(app, owner, FLATS, 'ä')).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/^Invalid Idempotency-Key: 1 to 255 printable ASCII/),
    })
  })

  test('[G3] are at most 500 in 24 hours for one account, since their audit events stay', async () => {
    await using app = await startApp({ RATE_LIMIT_CHANGES: '60/minute' })
    const owner = await app.signIn('oli', 'owner')
    const other = await app.signIn('ora', 'owner')
    const whole = Array.from({ length: 50 }, () => ({ role: 'member' }))
    app.clock.nowMs += HOUR_MS
    app.clock.passedMs += HOUR_MS
    const fresh = await app.logIn('oli')
    for (let count = 0; count < 9; count += 1)
      expect((await invite(app, fresh, whole)).status).toBe(200)
    expect((await invite(app, fresh, whole.slice(1))).status).toBe(200)
    const answer = await app.post('/v1/invitations', whole.slice(0, 2), bearer(fresh))
    expect(answer.status).toBe(429)
    expect(Number(answer.headers.get('retry-after'))).toBe(24 * 3600)
    expect(await answer.json()).toMatchObject({
      detail: 'An account can create at most 500 invitations in 24 hours; try again in 24 h',
    })
    expect((await invite(app, fresh, { role: 'member' })).status).toBe(200)
    expect((await invite(app, await app.logIn('ora'), whole)).status).toBe(200)
    app.clock.nowMs += 24 * HOUR_MS + 1
    app.clock.passedMs += 24 * HOUR_MS + 1
    expect((await invite(app, await app.logIn('oli'), whole)).status).toBe(200)
    expect([owner, other]).not.toContain(fresh)
  })
})
