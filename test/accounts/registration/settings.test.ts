import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf, recordsOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

test('[O3] an owner chooses who may register, at once and with an audit event', async () => {
  await using app = await startApp()
  const owner = bearer(await app.signIn('oli', 'owner'))
  const read = async () => (await app.get('/v1/settings', owner)).json()
  expect(await read()).toStrictEqual({
    registration: { value: 'open', is_fixed: false },
    first_run: 'done',
  })
  for (const registration of ['invite', 'closed', 'closed']) {
    const changed = await app.patch('/v1/settings', { registration }, owner)
    expect(await changed.json()).toStrictEqual({
      registration: { value: registration, is_fixed: false },
      first_run: 'done',
    })
    expect((await app.post('/register', PERSON)).status).toBe(403)
  }
  await app.patch('/v1/settings', { registration: 'open' }, owner)
  expect((await app.post('/register', PERSON)).status).toBe(200)
  expect(
    recordsOf(app.logLines, 'setting.change').map(({ subject, detail }) => [subject, detail]),
  ).toStrictEqual([
    ['registration', { from: 'open', to: 'invite' }],
    ['registration', { from: 'invite', to: 'closed' }],
    ['registration', { from: 'closed', to: 'open' }],
  ])
  for (const registration of ['sometimes', 1, null])
    expect((await app.patch('/v1/settings', { registration }, owner)).status).toBe(400)
  for (const role of ['member', 'admin'] as const) {
    const other = bearer(await app.signIn(role, role))
    expect((await app.patch('/v1/settings', { registration: 'closed' }, other)).status).toBe(403)
  }
})

test('a setting from the environment cannot be changed, and the answer says so', async () => {
  await using app = await startApp({ REGISTRATION: 'invite' })
  const owner = bearer(await app.signIn('oli', 'owner'))
  const read = await app.get('/v1/settings', owner)
  expect(await read.json()).toStrictEqual({
    registration: { value: 'invite', is_fixed: true },
    first_run: 'done',
  })
  const refused = await app.patch('/v1/settings', { registration: 'open' }, owner)
  expect(await refused.json()).toMatchObject({ status: 409, code: 'setting_fixed' })
  expect((await app.post('/register', PERSON)).status).toBe(403)
})

test('the choice survives a restart', async () => {
  const folder = temporaryFolder()
  const args = ['user', 'add', '--role', 'owner', 'oli']
  await runCommand(args, { folder, input: `${PASSWORD}\n` })
  const first = await startService({ env: UNLIMITED, folder })
  const token = await tokenFor(first.url, 'oli')
  const { patch } = clientOf(first.url)
  expect((await patch('/v1/settings', { registration: 'invite' }, bearer(token))).status).toBe(200)
  await first.stop()
  await using second = await startService({ env: UNLIMITED, folder })
  expect((await clientOf(second.url).post('/register', PERSON)).status).toBe(403)
  await second.stop()
  const { log } = second.output()
  expect(log.split('\n').filter((line) => line.includes('REGISTRATION'))).toStrictEqual([])
  rmSync(folder, { recursive: true })
})

test('the first run begins with an owner who was created with the setup code, and goes on where it stopped', async () => {
  await using app = await startApp()
  const { code = '' } = (await app.accounts.firstOwner.newSetupCode()) ?? {}
  const weak = { code, username: 'oli', password: 'password' }
  expect(await (await app.post('/v1/setup', weak)).json()).toMatchObject({
    status: 400,
    code: 'weak_password',
    detail: `Weak password: ${RULE}`,
    fields: { password: RULE },
  })
  await app.post('/v1/setup', { ...weak, password: PASSWORD })
  const owner = bearer(await app.logIn('oli'))
  const read = async () => (await app.get('/v1/settings', owner)).json()
  expect(await read()).toMatchObject({ first_run: 'registration' })
  for (const step of ['phone', 'opening', 'done']) {
    const changed = await app.patch('/v1/settings', { first_run: step }, owner)
    expect(await changed.json()).toMatchObject({ first_run: step })
    expect(await read()).toMatchObject({ first_run: step })
  }
  const odd = await app.patch('/v1/settings', { first_run: 'again' }, owner)
  expect(await odd.json()).toMatchObject({
    detail: 'Invalid first_run: registration, phone, opening or done',
  })
  expect(recordsOf(app.logLines, 'setting.change')).toEqual([])
})

const RULE = 'use at least 8 characters, not a common password, and more than the username'
