import { describe, expect, test } from 'bun:test'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessTokens } from '../../../src/accounts/sessions/access-tokens.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

type Claims = Record<string, unknown>

const hmacToken = (header: Claims, claims: Claims, secret: string, hash = 'sha256') => {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

const HS256 = { alg: 'HS256', typ: 'JWT' }

/** Invalid tokens, signed with the service's own secret if that makes them harder to refuse. */
const badTokens = (good: string, secret: string): Record<string, string> => {
  const [header = '', payload = '', signature = ''] = good.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
  const now = Math.floor(Date.now() / 1000)
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))
  const resigned = (changes: Claims) => hmacToken(HS256, { ...claims, ...changes }, secret)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsaSigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${payload}`
  const oddHeader = (more: Claims) => hmacToken({ ...HS256, ...more }, claims, secret)
  return {
    'of no text': ' ',
    'of garbage': 'abc',
    'of three garbage parts': 'a.b.c',
    'alg none': `${part({ alg: 'none', typ: 'JWT' })}.${payload}.`,
    'alg none with a signature': `${part({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`,
    'no signature': `${header}.${payload}.`,
    HS384: hmacToken({ alg: 'HS384', typ: 'JWT' }, claims, secret, 'sha384'),
    HS512: hmacToken({ alg: 'HS512', typ: 'JWT' }, claims, secret, 'sha512'),
    RS256: `${rsaSigned}.${sign('sha256', Buffer.from(rsaSigned), privateKey).toString('base64url')}`,
    'the wrong key': hmacToken(HS256, claims, 'another key of quite enough bytes, truly'),
    'an empty key': hmacToken(HS256, claims, ''),
    'a changed payload': `${header}.${part({ ...claims, role: 'owner' })}.${signature}`,
    'no exp': hmacToken(HS256, without('exp'), secret),
    'an exp of text': resigned({ exp: String(now + 600) }),
    'an expired exp': resigned({ exp: now - 1 }),
    'an exp of null': resigned({ exp: null }),
    'a negative exp': resigned({ exp: -1 }),
    'no iat': hmacToken(HS256, without('iat'), secret),
    // The clock of another replica may be ahead by any amount; `exp` limits its tokens.
    ...(IS_POSTGRES
      ? {}
      : { 'an iat in the future': resigned({ iat: now + 600, exp: now + 1200 }) }),
    'an old iat with a far exp': resigned({ iat: now - 40 * 60, exp: now + 86_400 }),
    'an nbf in the future': resigned({ nbf: now + 600 }),
    'another issuer': resigned({ iss: 'someone' }),
    'no issuer': hmacToken(HS256, without('iss'), secret),
    'another audience': resigned({ aud: 'someone' }),
    'no audience': hmacToken(HS256, without('aud'), secret),
    'another typ': hmacToken({ alg: 'HS256', typ: 'refresh+jwt' }, claims, secret),
    'no typ': hmacToken({ alg: 'HS256' }, claims, secret),
    'a kid': oddHeader({ kid: '../../dev/null' }),
    'a jku': oddHeader({ jku: 'https://evil.example/keys' }),
    'a jwk': oddHeader({ jwk: { kty: 'oct', k: 'AAAA' } }),
    'a crit': oddHeader({ crit: ['exp'] }),
    'an exp with a fraction': resigned({ exp: now + 600.5 }),
    'a negative iat': resigned({ iat: -1 }),
    'padding after the signature': `${good}=`,
    'no sub': hmacToken(HS256, without('sub'), secret),
    'a sub of another account': resigned({ sub: crypto.randomUUID() }),
    'no sid': hmacToken(HS256, without('sid'), secret),
    'a sid of no session': resigned({ sid: crypto.randomUUID() }),
    'a sid of a number': resigned({ sid: 1 }),
    'twelve thousand characters': `${header}.${'A'.repeat(12_000)}.${signature}`,
  }
}

describe('access tokens at the compiled file', () => {
  test('[T1] every invalid token gets 401, and the valid one 200', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    await post('/register', person)
    const login = (await (await post('/login', person)).json()) as { access_token: string }
    const secret = readFileSync(join(service.folder, 'data/jwt-secret-key'), 'utf8').trim()
    const unlock = (headers: Record<string, string>) =>
      post('/logUnlocking', { 'unlocking-method': 'pin' }, headers)

    expect((await unlock(bearer(login.access_token))).status).toBe(200)
    for (const [what, token] of Object.entries(badTokens(login.access_token, secret))) {
      const answer = await unlock(bearer(token))
      expect(`${what}: ${answer.status}`).toBe(`${what}: 401`)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      expect(await answer.json()).toStrictEqual({ msg: 'There is an error with this token' })
    }
    expect((await unlock({ authorization: login.access_token })).status).toBe(401)
    expect((await unlock({ authorization: `Basic ${login.access_token}` })).status).toBe(401)
    expect((await unlock({ authorization: `bearer ${login.access_token}` })).status).toBe(200)
  })

  test('[T1] a token of 1 MB is refused before it is read', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    const answer = await post('/logUnlocking', {}, bearer('a'.repeat(1_000_000)))
    expect(answer.status).toBe(431)
    expect((await clientOf(service.url).get('/livez')).status).toBe(200)
  })
})

describe('access tokens', () => {
  const secret = 'k'.repeat(48)
  const whose = { accountPublicId: 'account', sessionId: 'session' }

  test('contain what the phone app reads, and no role', async () => {
    const tokens = accessTokens({
      secret,
      lifetimeMs: 60_000,
      clock: { nonDecreasingMs: Date.now },
    })
    const [, payload = ''] = (await tokens.issue(whose)).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
    expect(Object.keys(claims).toSorted()).toStrictEqual(
      ['aud', 'exp', 'iat', 'iss', 'jti', 'public_id', 'sid', 'sub'].toSorted(),
    )
    expect(claims).toMatchObject({ sub: 'account', public_id: 'account', sid: 'session' })
  })

  test('[D6] expire even if they were verified before', async () => {
    let nowMs = Date.now()
    const tokens = accessTokens({
      secret,
      lifetimeMs: 60_000,
      clock: { nonDecreasingMs: () => nowMs },
    })
    const token = await tokens.issue(whose)
    expect(await tokens.verify(token)).toMatchObject(whose)
    nowMs += 61_000
    expect(await tokens.verify(token)).toBeUndefined()
    expect(await tokens.verify(token)).toBeUndefined()
  })

  test('[D6] are checked again after the clock was set back, even if they were verified before', async () => {
    let nowMs = Date.now() + 86_400_000
    const tokens = accessTokens({
      secret,
      lifetimeMs: 60_000,
      clock: { nonDecreasingMs: () => nowMs },
    })
    const token = await tokens.issue(whose)
    expect(await tokens.verify(token)).toMatchObject(whose)
    nowMs -= 86_400_000
    expect(await tokens.verify(token)).toBeUndefined()
  })

  test('are remembered as verified only in bounded number', async () => {
    const tokens = accessTokens({
      secret,
      lifetimeMs: 60_000,
      clock: { nonDecreasingMs: Date.now },
    })
    const issued = await Promise.all(
      Array.from({ length: 1100 }, (_, n) => tokens.issue({ ...whose, sessionId: `s${n}` })),
    )
    for (const token of issued) expect(await tokens.verify(token)).toBeDefined()
    expect(await tokens.verify(issued[0] ?? '')).toMatchObject({ sessionId: 's0' })
  })
})
