import { describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { codeAt } from '../../support/second-factor.ts'
import { slowRequest } from '../../support/slow-request.ts'

const NEW_PASSWORD = 'nine quiet green keys'

const changePassword = async ({ post }: TestApp, token: string): Promise<void> => {
  const change = { current_password: PASSWORD, new_password: NEW_PASSWORD }
  expect((await post('/v1/me/password', change, bearer(token))).status).toBe(200)
}

/** The caller is identified when a request begins; its body may come much later. */
describe('a request under way', () => {
  test('[A2] changes no account that was created after its own was erased', async () => {
    await using app = await startApp()
    const mallory = await app.signIn('mallory')
    const request = { method: 'PATCH', path: '/v1/me', token: mallory, body: '{"phone":"666"}' }
    const finish = await slowRequest(app.url, request)
    expect((await app.delete('/v1/me', { password: PASSWORD }, bearer(mallory))).status).toBe(200)
    const ada = bearer(await app.signIn('ada'))
    expect(await finish()).toBe(401)
    expect(await (await app.get('/v1/me', ada)).json()).toMatchObject({ phone: '1' })
  })

  test('[T3] turns on no second factor after a new password ended its session', async () => {
    await using app = await startApp()
    const thief = await app.signIn('dora')
    const dora = await app.logIn('dora')
    const begun = await app.post('/v1/me/second-factor', { password: PASSWORD }, bearer(thief))
    const { secret } = (await begun.json()) as { secret: string }
    const otp = codeAt(secret, app.clock.nowMs)
    const request = { method: 'POST', path: '/v1/me/second-factor/confirm', token: thief }
    const finish = await slowRequest(app.url, { ...request, body: JSON.stringify({ otp }) })
    await changePassword(app, dora)
    expect(await finish()).toBe(401)
    expect((await app.get('/v1/me', bearer(dora))).status).toBe(200)
    const login = { username: 'dora', password: NEW_PASSWORD }
    expect((await app.post('/login', login)).status).toBe(200)
  })

  test('[T3] changes no contact details after its session was ended', async () => {
    await using app = await startApp()
    const thief = await app.signIn('dora')
    const dora = await app.logIn('dora')
    const request = { method: 'PATCH', path: '/v1/me', token: thief, body: '{"phone":"666"}' }
    const finish = await slowRequest(app.url, request)
    expect((await app.delete('/v1/sessions', {}, bearer(dora))).status).toBe(200)
    expect(await finish()).toBe(401)
    expect(await (await app.get('/v1/me', bearer(dora))).json()).toMatchObject({ phone: '1' })
  })
})
