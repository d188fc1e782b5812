import { describe, expect, test } from 'bun:test'
import { accessTokenService } from '../../../src/accounts/tokens/service.ts'
import { newAccessToken } from '../../../src/accounts/tokens/format.ts'
import { makeToken } from '../../support/access-tokens.ts'
import { PASSWORD, type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'
import { follow } from '../../support/stream.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

const home = async (env: Readonly<Record<string, string>> = {}) => {
  const app = await startApp(env)
  const person = await household(app, { oli: 'owner', amy: 'admin', ada: 'member', eva: 'member' })
  const as = (name: string) => bearer(person(name).token)
  return {
    app,
    as,
    idOf: (name: string) => person(name).id,
    token: async (name: string, scopes: readonly string[], more: object = {}) => {
      const made = await makeToken(app, as(name), scopes, more)
      return { ...made, headers: bearer(made.token) }
    },
    change: async (name: string, change: object) =>
      expect((await app.patch(`/v1/people/${person(name).id}`, change, as('oli'))).status).toBe(
        200,
      ),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

const read = async (app: TestApp, path: string, headers: Record<string, string>) =>
  outcomeOf(await app.get(path, headers))

const listed = async (app: TestApp, headers: Record<string, string>) =>
  (
    (await (await app.get('/v1/me/tokens', headers)).json()) as {
      tokens: Record<string, unknown>[]
    }
  ).tokens

describe('making access tokens', () => {
  test('a token needs the password of its maker, and is shown once', async () => {
    await using made = await home()
    const { app, as } = made
    const body = { name: 'Home Assistant', scopes: ['unlocks:read'], password: 'wrong' }
    expect(await outcomeOf(await app.post('/v1/me/tokens', body, as('ada')))).toBe(
      '403 wrong_password',
    )
    const { token, id } = await made.token('ada', ['unlocks:read'], { name: 'Home Assistant' })
    const [only, ...others] = await listed(app, as('ada'))
    expect(others).toStrictEqual([])
    expect(only).toMatchObject({
      id,
      name: 'Home Assistant',
      scopes: ['unlocks:read'],
      expires_at: new Date(app.clock.nowMs + 90 * DAY_MS).toISOString(),
      expired: false,
      used_at: null,
      used_from: null,
    })
    expect(JSON.stringify(only)).not.toContain(token)
    const stored = JSON.stringify(await app.db.all('SELECT * FROM access_token'))
    expect(stored).not.toContain(token.slice(4, 40))
    expect(await listed(app, as('eva'))).toStrictEqual([])
  })

  test('scopes are a list of known ones, and those of one lock name it', async () => {
    await using made = await home()
    const { app, as } = made
    const bad = [
      [],
      ['everything'],
      ['unlocks:write'],
      ['locks:operate:'],
      ['locks:operate:Front Door'],
      ['unlocks:read:garage'],
      'unlocks:read',
      Array.from({ length: 21 }, (_, at) => `locks:operate:${at}`),
    ]
    for (const scopes of bad) {
      const body = { name: 'x', scopes, password: PASSWORD }
      expect((await app.post('/v1/me/tokens', body, as('ada'))).status).toBe(400)
    }
    expect(await listed(app, as('ada'))).toStrictEqual([])
  })

  test('somebody who waits to be let in makes none, and nobody has more than 50', async () => {
    await using made = await home()
    const { app, as } = made
    await made.change('ada', { admitted: false })
    const body = { name: 'x', scopes: ['unlocks:read'], password: PASSWORD }
    expect(await outcomeOf(await app.post('/v1/me/tokens', body, as('ada')))).toBe(
      '403 not_admitted',
    )
    const { listOf, makeFor, revokeOwn } = app.accounts.tokens
    const origin = { address: '127.0.0.1', userAgent: '', requestId: undefined }
    const terms = { name: 'x', scopes: ['unlocks:read'], lifetimeMs: DAY_MS }
    for (let count = 0; count < 50; count += 1) await makeFor(origin, made.idOf('eva'), terms)
    expect(await outcomeOf(await app.post('/v1/me/tokens', body, as('eva')))).toBe(
      '409 too_many_tokens',
    )
    const [first] = await listOf(made.idOf('eva'))
    expect((await app.delete(`/v1/me/tokens/${first?.id}`, {}, as('eva'))).status).toBe(200)
    expect((await app.post('/v1/me/tokens', body, as('eva'))).status).toBe(200)
    // However many a person makes and revokes, a bounded number is stored.
    app.clock.nowMs += 2 * DAY_MS
    for (let count = 0; count < 60; count += 1) {
      const { listed: token } = await makeFor(origin, made.idOf('eva'), terms)
      const account = { publicId: made.idOf('eva') } as Parameters<typeof revokeOwn>[0]['account']
      await revokeOwn({ ...origin, account } as Parameters<typeof revokeOwn>[0], token.id)
    }
    const count = await app.db.get<{ n: number }>('SELECT count(*) AS n FROM access_token')
    expect(count?.n).toBeLessThan(110)
  })
})

describe('what an access token may do', () => {
  test('its maker’s rights count, as they are at each use', async () => {
    await using made = await home()
    const { app } = made
    const { headers } = await made.token('amy', ['people:read', 'unlocks:read'])
    const people = () => read(app, '/v1/people', headers)
    expect(await people()).toBe('done')
    expect((await app.get('/getUsers', headers)).status).toBe(200)
    await made.change('amy', { role: 'member' })
    expect(await people()).toBe('403 forbidden')
    expect((await app.get('/getUsers', headers)).status).toBe(401)
    expect(await read(app, '/v1/unlocks', headers)).toBe('done')
    await made.change('amy', { disabled: true })
    expect((await app.get('/v1/unlocks', headers)).status).toBe(401)
    await made.change('amy', { disabled: false })
    expect((await app.get('/v1/unlocks', headers)).status).toBe(200)
    await made.change('amy', { ends_at: new Date(app.clock.nowMs + DAY_MS).toISOString() })
    expect((await app.get('/v1/unlocks', headers)).status).toBe(200)
    app.clock.nowMs += 2 * DAY_MS
    app.clock.passedMs += 2 * DAY_MS
    expect((await app.get('/v1/unlocks', headers)).status).toBe(401)
  })

  test('an owner who must have a second factor and has none gives it the rights of a member', async () => {
    await using made = await home({ SECOND_FACTOR: 'required' })
    const { headers } = await made.token('oli', ['people:read', 'unlocks:read', 'metrics:read'])
    expect(await read(made.app, '/v1/people', headers)).toBe('403 second_factor_required')
    expect((await made.app.get('/metrics', headers)).status).toBe(403)
    expect(await read(made.app, '/v1/unlocks', headers)).toBe('done')
  })

  test('a member’s reads what the member sees, and only with the scope', async () => {
    await using made = await home()
    const { app, as } = made
    for (const name of ['ada', 'eva'])
      await app.post('/logUnlocking', { 'unlocking-method': `pin of ${name}` }, as(name))
    const { headers } = await made.token('ada', ['unlocks:read'])
    for (const path of ['/v1/unlocks', '/v1/unlocks/labels', '/v1/unlocks/export?format=csv']) {
      const text = await (await app.get(path, headers)).text()
      expect(text).toContain('pin of ada')
      expect(text).not.toContain('pin of eva')
    }
    const other = await made.token('ada', ['unlocks:write:front-door'])
    expect(await read(app, '/v1/unlocks', other.headers)).toBe('403 scope_required')
    const refused = await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, headers)
    expect([refused.status, await refused.json()]).toStrictEqual([
      403,
      {
        msg: 'This needs an access token with the scope unlocks:write for this lock',
        code: 'scope_required',
      },
    ])
  })

  test('it makes no tokens, reads none, changes no password and ends no session', async () => {
    await using made = await home()
    const { app } = made
    const everything = ['unlocks:read', 'people:read', 'metrics:read', 'locks:operate:front-door']
    const { headers, id } = await made.token('oli', everything)
    const password = { current_password: PASSWORD, new_password: 'another long password' }
    const body = { name: 'x', scopes: ['unlocks:read'], password: PASSWORD }
    const answers = [
      await app.post('/v1/me/tokens', body, headers),
      await app.get('/v1/me/tokens', headers),
      await app.get('/v1/tokens', headers),
      await app.delete(`/v1/me/tokens/${id}`, {}, headers),
      await app.delete(`/v1/tokens/${id}`, {}, headers),
      await app.post('/v1/me/password', password, headers),
      await app.get('/v1/sessions', headers),
      await app.delete('/v1/sessions', {}, headers),
      await app.get('/v1/me', headers),
    ]
    for (const answer of answers) expect(await outcomeOf(answer)).toBe('403 scope_required')
  })

  test('records unlocks at its lock, which is the lock of those that name none', async () => {
    await using made = await home()
    const { app, as } = made
    const { headers, id } = await made.token('ada', ['unlocks:write:garage'])
    expect((await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, headers)).status).toBe(
      200,
    )
    for (const body of [{ method: 'pin' }, { method: 'pin', lock: 'garage' }])
      expect(await outcomeOf(await app.post('/v1/unlocks', body, headers))).toBe('done')
    const other = { method: 'pin', lock: 'front-door' }
    for (const body of [other, [{ method: 'pin' }, other]])
      expect(await outcomeOf(await app.post('/v1/unlocks', body, headers))).toBe(
        '403 scope_required',
      )
    const unlocks = (await (await app.get('/v1/unlocks', as('ada'))).json()) as {
      unlocks: { lock: string }[]
    }
    expect(unlocks.unlocks.map(({ lock }) => lock)).toStrictEqual(['garage', 'garage', 'garage'])
    const both = await made.token('ada', ['unlocks:write:garage', 'unlocks:write:front-door'])
    await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, both.headers)
    const newest = (await (
      await app.get('/v1/unlocks?limit=1', as('ada'))
    ).json()) as typeof unlocks
    expect(newest.unlocks[0]?.lock).toBe('front-door')
    expect(id).not.toBe(both.id)
  })

  test('a browser’s cookie holds none', async () => {
    await using made = await home()
    const { token } = await made.token('oli', ['unlocks:read'])
    const headers = { cookie: `lock-access=${token}`, origin: made.app.url }
    expect((await made.app.get('/v1/unlocks', headers)).status).toBe(401)
  })
})

describe('the end of an access token', () => {
  test('[T3] it fails on the next request once it is revoked or has expired, and its streams end', async () => {
    await using made = await home()
    const { app, as } = made
    const [revoked, kept] = [
      await made.token('ada', ['unlocks:read'], { expires_in_days: 1 }),
      await made.token('ada', ['unlocks:read'], { expires_in_days: 'never' }),
    ]
    expect(kept.expires_at).toBeNull()
    const stream = await follow(app.url, revoked.headers)
    expect((await app.delete(`/v1/me/tokens/${revoked.id}`, {}, as('eva'))).status).toBe(404)
    expect((await app.get('/v1/unlocks', revoked.headers)).status).toBe(200)
    expect((await app.delete(`/v1/me/tokens/${revoked.id}`, {}, as('ada'))).status).toBe(200)
    expect((await app.delete(`/v1/me/tokens/${revoked.id}`, {}, as('ada'))).status).toBe(404)
    expect((await app.get('/v1/unlocks', revoked.headers)).status).toBe(401)
    await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, as('ada'))
    await stream.isOver
    expect(stream.messages).toStrictEqual([])
    const expiring = await made.token('ada', ['unlocks:read'], { expires_in_days: 1 })
    app.clock.nowMs += DAY_MS
    expect((await app.get('/v1/unlocks', expiring.headers)).status).toBe(401)
    expect((await app.get('/v1/unlocks', kept.headers)).status).toBe(200)
    // A clock that is set back revives nothing.
    app.clock.nowMs -= DAY_MS
    expect((await app.get('/v1/unlocks', expiring.headers)).status).toBe(401)
  })

  test('owners see and revoke everyone’s, a page at a time', async () => {
    await using made = await home()
    const { app, as } = made
    const ids = [
      (await made.token('ada', ['unlocks:read'])).id,
      (await made.token('eva', ['unlocks:read'])).id,
      (await made.token('oli', ['people:read'])).id,
    ]
    type Page = { tokens: { id: string; account: { username: string } }[]; next: string | null }
    const page = async (query: string) =>
      (await (await app.get(`/v1/tokens${query}`, as('oli'))).json()) as Page
    const first = await page('?limit=2')
    const second = await page(`?limit=2&cursor=${first.next}`)
    expect([...first.tokens, ...second.tokens].map(({ id }) => id)).toStrictEqual(ids.toReversed())
    expect(second.next).toBeNull()
    expect(second.tokens[0]?.account.username).toBe('ada')
    for (const name of ['ada', 'amy'])
      expect(await read(app, '/v1/tokens', as(name))).toBe('403 forbidden')
    expect((await app.delete(`/v1/tokens/${ids[0]}`, {}, as('oli'))).status).toBe(200)
    expect((await page('')).tokens).toHaveLength(2)
    const [event] = recordsOf(app.logLines, 'token.revoke')
    expect(event).toMatchObject({ actor: made.idOf('oli'), subject: made.idOf('ada') })
  })

  test('a password change keeps it, erasing its maker deletes it', async () => {
    await using made = await home()
    const { app, as } = made
    const { headers } = await made.token('ada', ['unlocks:read'])
    const change = { current_password: PASSWORD, new_password: 'another long password' }
    expect((await app.post('/v1/me/password', change, as('ada'))).status).toBe(200)
    expect((await app.get('/v1/unlocks', headers)).status).toBe(200)
    expect((await app.delete(`/v1/people/${made.idOf('ada')}`, {}, as('oli'))).status).toBe(200)
    expect((await app.get('/v1/unlocks', headers)).status).toBe(401)
    expect(await app.db.all('SELECT * FROM access_token')).toStrictEqual([])
  })
})

describe('the use of an access token', () => {
  test('is stored to the hour, with its address, and recorded once a day', async () => {
    await using made = await home()
    const { app } = made
    app.clock.nowMs = Date.parse('2040-03-19T10:17:00Z')
    const oli = bearer(await app.logIn('oli'))
    const { token, id } = await makeToken(app, oli, ['unlocks:read'])
    const use = async (afterMs: number, usedAt: string) => {
      app.clock.nowMs += afterMs
      expect((await app.get('/v1/unlocks', bearer(token))).status).toBe(200)
      const used = async () =>
        (
          await app.db.get<{ at: number }>(
            'SELECT used_at_ms AS at FROM access_token WHERE id = ?',
            id,
          )
        )?.at
      await until(async () => (await used()) === Date.parse(usedAt))
    }
    await use(0, '2040-03-19T10:00:00Z')
    await use(30 * 60_000, '2040-03-19T10:00:00Z')
    await use(HOUR_MS, '2040-03-19T11:00:00Z')
    await use(2 * DAY_MS, '2040-03-21T11:00:00Z')
    const events = recordsOf(app.logLines, 'token.use')
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ subject: made.idOf('oli'), client: '127.0.0.1' })
    expect(JSON.stringify(await listed(app, bearer(await app.logIn('oli'))))).toContain('127.0.0.1')
  })

  test('[G7] counts with the others of its maker, and not against what the maker does', async () => {
    await using made = await home({ RATE_LIMIT_DEFAULT: '4/minute' })
    const { app, as } = made
    const [one, other] = [
      await made.token('ada', ['unlocks:read']),
      await made.token('ada', ['unlocks:read']),
    ]
    const status = async (headers: Record<string, string>) =>
      (await app.get('/v1/unlocks', headers)).status
    for (let count = 0; count < 4; count += 1) expect(await status(one.headers)).toBe(200)
    expect(await status(one.headers)).toBe(429)
    expect(await status(other.headers)).toBe(429)
    expect(await status(as('ada'))).toBe(200)
  })

  test('[T1] text that cannot be a token costs no read of the database', async () => {
    const unread = (): never => {
      throw new Error('the database was read')
    }
    const tokens = accessTokenService({
      db: { get: unread, all: unread, run: unread, transaction: unread },
    } as unknown as Parameters<typeof accessTokenService>[0])
    const token = newAccessToken()
    const last = token.endsWith('A') ? 'B' : 'A'
    expect(await tokens.authenticate(token.slice(0, -1) + last)).toBeUndefined()
    expect(await tokens.authenticate(`sls_${'A'.repeat(2 ** 20)}`)).toBeUndefined()
    expect(tokens.authenticate(token)).rejects.toThrow('the database was read')
  })
})
