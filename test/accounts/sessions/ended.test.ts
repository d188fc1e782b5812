import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'

const NEW_PASSWORD = 'nine quiet green keys'

type Client = ReturnType<typeof clientOf>
type Tokens = { readonly access_token: string; readonly refresh_token: string }

/** A person with two logins, an owner, and the command line of their gateway. */
type Scene = {
  readonly client: Client
  readonly name: string
  readonly id: string
  readonly old: Tokens
  readonly other: Tokens
  readonly owner: Tokens
  readonly command: (...words: string[]) => Promise<number>
}

const own = ({ access_token: token }: Tokens) => bearer(token)

/** Every way to end the login `old` of an admin; each returns the status of its answer. */
const WAYS: Readonly<Record<string, (scene: Scene) => Promise<number>>> = {
  'logging out': async ({ client, old }) =>
    (await client.post('/v1/session/logout', {}, own(old))).status,
  'ending all other sessions': async ({ client, other }) =>
    (await client.delete('/v1/sessions', {}, own(other))).status,
  'an owner ending all sessions': async ({ client, id, owner }) =>
    (await client.delete(`/v1/sessions?account=${id}`, {}, own(owner))).status,
  'a password changed on another device': async ({ client, other }) => {
    const body = { current_password: PASSWORD, new_password: NEW_PASSWORD }
    return (await client.post('/v1/me/password', body, own(other))).status
  },
  'a password chosen with a one-time code': async ({ client, name, id, owner }) => {
    const begun = await client.post(`/v1/people/${id}/password-reset`, {}, own(owner))
    const { code } = (await begun.json()) as { code: string }
    const body = { username: name, code, new_password: NEW_PASSWORD }
    return (await client.post('/v1/password-reset', body)).status
  },
  'a lower role': async ({ client, id, owner }) =>
    (await client.patch(`/v1/people/${id}`, { role: 'member' }, own(owner))).status,
  disabling: async ({ client, id, owner }) =>
    (await client.patch(`/v1/people/${id}`, { disabled: true }, own(owner))).status,
  'disabling and enabling again': async ({ client, id, owner }) => {
    await client.patch(`/v1/people/${id}`, { disabled: true }, own(owner))
    return (await client.patch(`/v1/people/${id}`, { disabled: false }, own(owner))).status
  },
  'being erased': async ({ client, id, owner }) =>
    (await client.delete(`/v1/people/${id}`, {}, own(owner))).status,
  'erasing oneself': async ({ client, other }) =>
    (await client.delete('/v1/me', { password: PASSWORD }, own(other))).status,
  'a lower role by the command line': ({ command, name }) => command('role', name, 'member'),
  'disabling by the command line': ({ command, name }) => command('disable', name),
  'being erased by the command line': ({ command, name }) => command('erase', '--yes', name),
}

/** Returns the statuses of everything a login can be used for. */
const uses = async ({ get, post }: Client, tokens: Tokens) => [
  (await get('/v1/me', own(tokens))).status,
  (await post('/logUnlocking', { 'unlocking-method': 'pin' }, own(tokens))).status,
  (await get('/getUsers', own(tokens))).status,
  (await post('/v1/session/refresh', { refresh_token: tokens.refresh_token })).status,
]

test('[T3] an ended login is refused from the very next request, also after a restart', async () => {
  const folder = temporaryFolder()
  const service = await startService({ folder, env: UNLIMITED })
  const client = clientOf(service.url)
  const command = async (...words: string[]) => {
    const { status } = await runCommand(['user', ...words], { folder, input: `${PASSWORD}\n` })
    return status === 0 ? 200 : 500
  }
  const logIn = async (username: string) =>
    (await (await client.post('/login', { username, password: PASSWORD })).json()) as Tokens
  await command('add', '--role', 'owner', 'oli')
  const owner = await logIn('oli')

  const ended: Tokens[] = []
  for (const [at, [way, end]] of Object.entries(WAYS).entries()) {
    const name = `person-${at}`
    await command('add', '--role', 'admin', name)
    const [old, other] = [await logIn(name), await logIn(name)]
    const { id } = (await (await client.get('/v1/me', own(old))).json()) as { id: string }
    expect([way, (await client.get('/getUsers', own(old))).status]).toStrictEqual([way, 200])
    expect([way, await end({ client, name, id, old, other, owner, command })]).toStrictEqual([
      way,
      200,
    ])
    expect([way, ...(await uses(client, old))]).toStrictEqual([way, 401, 401, 401, 401])
    ended.push(old)
  }
  expect((await client.get('/v1/me', own(owner))).status).toBe(200)
  expect(await service.stop()).toBe(0)

  await using again = await startService({ folder, env: UNLIMITED })
  for (const tokens of ended)
    expect(await uses(clientOf(again.url), tokens)).toStrictEqual([401, 401, 401, 401])
  expect((await clientOf(again.url).get('/v1/me', own(owner))).status).toBe(200)
  await again.stop()
  rmSync(folder, { recursive: true })
})
