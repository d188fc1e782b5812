import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { newAccessToken } from '../../../src/accounts/tokens/format.ts'
import { makeToken } from '../../support/access-tokens.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { outcomeOf } from '../../support/household.ts'

const EVERY_SCOPE = [
  'unlocks:read',
  'people:read',
  'metrics:read',
  'unlocks:write:front-door',
  'locks:operate:front-door',
]

describe('access tokens at the compiled executable', () => {
  let service: Service
  let login: Record<string, string>
  let made: Awaited<ReturnType<typeof makeToken>>

  beforeAll(async () => {
    service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'debug' } })
    await addAccount('oli', { role: 'owner', folder: service.folder })
    await addAccount('ada', { folder: service.folder })
    login = bearer(await tokenFor(service.url, 'oli'))
    made = await makeToken(clientOf(service.url), login, EVERY_SCOPE)
  })

  afterAll(async () => {
    await service.stop()
  })

  const unlock = async (token: string) => {
    const answer = await clientOf(service.url).post(
      '/logUnlocking',
      { 'unlocking-method': 'script' },
      bearer(token),
    )
    return { status: answer.status, body: await answer.text() }
  }

  test('one records an unlock, as the contract answers, and reads it', async () => {
    expect(await unlock(made.token)).toStrictEqual({
      status: 200,
      body: '{"msg":"Unlocking process logged successfully"}',
    })
    const logs = await clientOf(service.url).get('/getLogs', bearer(made.token))
    expect(await logs.text()).toContain('"unlocking_method":"script"')
    const newest = await clientOf(service.url).get('/v1/unlocks?limit=1', bearer(made.token))
    expect(await newest.json()).toMatchObject({
      unlocks: [{ method: 'script', token: { id: made.id, name: 'Script' } }],
    })
    const metrics = await clientOf(service.url).get('/metrics', bearer(made.token))
    expect(await metrics.text()).toContain('secure_lock_build_info')
  })

  test('[T1] every text that is not a valid one gets 401, in the words of the contract', async () => {
    const { token } = made
    const bad = [
      newAccessToken(),
      token.slice(0, -1),
      `${token}A`,
      token.toLowerCase(),
      token.replace('sls_', 'SLS_'),
      token.slice(0, -6) + token.slice(-6).split('').toReversed().join('') + '0',
      'sls_',
      `sls_${'A'.repeat(12_000)}`,
      `${token}.${token}`,
    ]
    for (const text of bad)
      expect(await unlock(text)).toStrictEqual({
        status: 401,
        body: '{"msg":"There is an error with this token"}',
      })
    expect((await unlock(`sls_${'A'.repeat(1_000_000)}`)).status).toBe(431)
    expect((await unlock(token)).status).toBe(200)
  })

  test('opens a lock with the grants of its maker, and only its lock', async () => {
    const client = clientOf(service.url)
    const open = async (label: string, headers: Record<string, string>) => {
      const answer = await client.post(
        `/v1/locks/${label}/unlock`,
        { id: crypto.randomUUID() },
        headers,
      )
      return (await answer.json()) as { decision?: string; reason?: string; code?: string }
    }
    for (const label of ['garage', 'shed'])
      expect((await client.post('/v1/locks', { label, name: label }, login)).status).toBe(200)
    const ada = bearer(await tokenFor(service.url, 'ada'))
    const script = bearer((await makeToken(client, ada, ['locks:operate:garage'])).token)
    expect(await open('garage', script)).toMatchObject({ decision: 'denied', reason: 'no_grant' })
    const { id: account } = (await (await client.get('/v1/me', ada)).json()) as { id: string }
    const grant = { holder: { account }, locks: ['garage', 'shed'] }
    expect((await client.post('/v1/grants', grant, login)).status).toBe(201)
    expect(await open('garage', script)).toMatchObject({ decision: 'permitted' })
    const newest = await client.get('/v1/unlocks?limit=1', login)
    expect(await newest.json()).toMatchObject({
      unlocks: [{ source: 'decided', username: 'ada', token: { name: 'Script' } }],
    })
    expect(await open('shed', script)).toMatchObject({ code: 'scope_required' })
    expect(await open('garage', bearer(made.token))).toMatchObject({ code: 'scope_required' })
    const reader = bearer((await makeToken(client, ada, ['unlocks:read'])).token)
    expect(await open('garage', reader)).toMatchObject({ code: 'scope_required' })
    await client.patch(`/v1/people/${account}`, { disabled: true }, login)
    expect(await open('garage', script)).toMatchObject({ code: 'unauthorized' })
    await client.patch(`/v1/people/${account}`, { disabled: false }, login)
    const id = crypto.randomUUID()
    await client.post('/v1/locks/garage/unlock', { id }, script)
    const attempt = async (label: string) =>
      outcomeOf(await client.get(`/v1/locks/${label}/attempts/${id}`, script))
    expect([await attempt('garage'), await attempt('shed')]).toStrictEqual([
      'done',
      '403 scope_required',
    ])
  })

  test('somebody who is refused with one that opened locks is in the log', async () => {
    const client = clientOf(service.url)
    const { token, id } = await makeToken(client, login, ['locks:operate:front-door'])
    const reader = await makeToken(client, login, ['unlocks:read'])
    for (const one of [id, reader.id]) await client.delete(`/v1/me/tokens/${one}`, {}, login)
    const refusals = async () => {
      const text = await (await client.get('/v1/unlocks?limit=200', login)).text()
      return text.split('"reason":"session_ended"').length - 1
    }
    const before = await refusals()
    expect((await unlock(reader.token)).status).toBe(401)
    expect(await refusals()).toBe(before)
    expect((await unlock(token)).status).toBe(401)
    expect(await refusals()).toBe(before + 1)
  })

  test('[T6] [I1] none is in an answer, a header, the log or the audit events', async () => {
    const client = clientOf(service.url)
    const { token } = made
    const wrong = newAccessToken()
    const answers: Response[] = []
    for (const text of [token, wrong]) {
      answers.push(
        await client.get('/v1/unlocks', bearer(text)),
        await client.get('/v1/people', bearer(text)),
        await client.get('/v1/settings', bearer(text)),
        await client.get('/nowhere', bearer(text)),
        await client.post('/v1/unlocks', { method: 1, token: text }, bearer(text)),
        await client.post('/v1/unlocks', `{"token":"${text}"`, bearer(text)),
        await client.post('/v1/me/tokens', { name: text, scopes: [text], password: text }, login),
        await client.delete(`/v1/me/tokens/${text}`, {}, login),
        await client.get('/v1/tokens', login),
        await client.get('/v1/me/tokens', login),
        await client.get('/v1/me/export', login),
        await client.get('/v1/audit?limit=200', login),
      )
    }
    const seen = await Promise.all(
      answers.map(async (answer) => JSON.stringify([...answer.headers]) + (await answer.text())),
    )
    expect(seen).toHaveLength(24)
    const { log, words } = service.output()
    expect(log.split('\n').length).toBeGreaterThan(20)
    const audit = await runCommand(['audit'], { folder: service.folder })
    for (const text of [...seen, log, words, audit.out, audit.words])
      for (const secret of [token, wrong]) expect(text.includes(secret.slice(4, 30))).toBe(false)
  })

  test('[A2] another person’s is neither shown nor revoked', async () => {
    const client = clientOf(service.url)
    const ada = bearer(await tokenFor(service.url, 'ada'))
    expect(await (await client.get('/v1/me/tokens', ada)).text()).not.toContain(made.id)
    expect((await client.delete(`/v1/me/tokens/${made.id}`, {}, ada)).status).toBe(404)
    expect((await client.delete(`/v1/tokens/${made.id}`, {}, ada)).status).toBe(403)
    expect((await unlock(made.token)).status).toBe(200)
  })

  test('[O3] making, using and revoking one is recorded, without its name', async () => {
    const client = clientOf(service.url)
    const { id } = await makeToken(client, login, ['unlocks:read'], { name: 'Secret name' })
    await client.delete(`/v1/tokens/${id}`, {}, login)
    const refused = { name: 'x', scopes: ['unlocks:read'], password: 'wrong' }
    await client.post('/v1/me/tokens', refused, login)
    const { events } = (await (await client.get('/v1/audit?limit=200', login)).json()) as {
      events: { action: string; result: string; detail: Record<string, unknown> }[]
    }
    const of = (action: string) => events.filter((event) => event.action === action)
    expect(of('token.make')[0]).toMatchObject({
      result: 'failure',
      detail: { reason: 'wrong_password' },
    })
    expect(of('token.make')[1]).toMatchObject({
      result: 'success',
      detail: { token: id, scopes: 'unlocks:read' },
    })
    expect(of('token.revoke')[0]).toMatchObject({ detail: { token: id } })
    expect(of('token.use').map(({ detail }) => detail['token'])).toContain(made.id)
    expect(JSON.stringify(events)).not.toContain('Secret name')
    await client.get('/v1/unlocks/export?format=csv', bearer(made.token))
    const exported = await (await client.get('/v1/audit?action=unlocks.export', login)).json()
    expect((exported as { events: unknown[] }).events[0]).toMatchObject({
      actor: { name: 'oli' },
      detail: { format: 'csv', token: made.id },
    })
  })

  test('ending all sessions revokes them if that is wanted', async () => {
    const client = clientOf(service.url)
    const { token } = await makeToken(client, login, ['unlocks:read'])
    const status = async () => (await client.get('/v1/unlocks', bearer(token))).status
    expect((await client.delete('/v1/sessions', {}, login)).status).toBe(200)
    expect(await status()).toBe(200)
    expect((await client.delete('/v1/sessions?tokens=all', {}, login)).status).toBe(400)
    expect((await client.delete('/v1/sessions?tokens=revoke', {}, login)).status).toBe(200)
    expect(await status()).toBe(401)
    expect((await unlock(made.token)).status).toBe(401)
    expect((await client.get('/v1/me', login)).status).toBe(200)
  })
})

test('[T3] a restart changes nothing: a revoked one stays refused, another goes on', async () => {
  const folder = temporaryFolder()
  await addAccount('oli', { role: 'owner', folder })
  const run = async (...args: string[]) => (await runCommand(['token', ...args], { folder })).out
  const make = async () =>
    (await run('make', 'oli', '--name', 'x', '--scope', 'unlocks:read')).trim()
  const [revoked, kept] = [await make(), await make()]
  const ids = (await run('list')).split('\n').map((line) => line.split('\t')[0] ?? '')
  const status = async ({ url }: Service, token: string) =>
    (await clientOf(url).get('/v1/unlocks', bearer(token))).status
  const before = await startService({ env: UNLIMITED, folder })
  expect([await status(before, revoked), await status(before, kept)]).toStrictEqual([200, 200])
  // Newest first, after the headings.
  await run('revoke', ids[2] ?? '')
  expect(await status(before, revoked)).toBe(401)
  await before.stop()
  await using after = await startService({ env: UNLIMITED, folder })
  expect([await status(after, revoked), await status(after, kept)]).toStrictEqual([401, 200])
  expect((await clientOf(after.url).get('/getLogs', bearer(PASSWORD))).status).toBe(401)
  await after.stop()
  rmSync(folder, { recursive: true })
})
