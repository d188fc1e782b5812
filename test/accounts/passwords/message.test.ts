import { expect, test } from 'bun:test'
import { PASSWORD, bearer, startApp } from '../../support/app.ts'

test('one message for weak passwords, which names the length that is set; the phone app gets its two words', async () => {
  await using app = await startApp({ PASSWORD_MIN_LENGTH: '12' })
  const rule = 'use at least 12 characters, not a common password, and more than the username'
  const weak = { status: 400, code: 'weak_password', detail: `Weak password: ${rule}` }
  const ada = bearer(await app.signIn('ada'))
  const owner = bearer(await app.signIn('oli', 'owner'))

  const change = { current_password: PASSWORD, new_password: 'elevenchars' }
  const changed = await app.post('/v1/me/password', change, ada)
  expect(await changed.json()).toMatchObject({ ...weak, fields: { new_password: rule } })

  const { id } = (await (await app.get('/v1/me', ada)).json()) as { id: string }
  const made = await app.post(`/v1/people/${id}/password-reset`, {}, owner)
  const { code } = (await made.json()) as { code: string }
  const reset = await app.post('/v1/password-reset', { username: 'ada', code, new_password: 'ada' })
  expect(await reset.json()).toMatchObject({ ...weak, fields: { new_password: rule } })
  expect(reset.headers.get('link')).toContain('/manual/accounts#password-length')

  const person = { username: 'eve', password: 'elevenchars', phone: '', address: '' }
  const registered = await app.post('/register', person)
  expect([registered.status, await registered.json()]).toStrictEqual([
    400,
    { msg: 'Weak password' },
  ])

  for (const path of ['/join', '/console', '/console/new-password']) {
    const page = await (await app.get(path)).text()
    expect(page).toContain(`<meta name="password-rule" content="${rule}" />`)
  }
})
