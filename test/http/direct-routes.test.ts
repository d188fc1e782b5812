import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessTokenHash, newAccessToken } from '../../src/accounts/tokens/format.ts'
import { insertGrant, insertLock } from '../support/access.ts'
import { PASSWORD, type TestApp, basic, bearer, startApp } from '../support/app.ts'
import {
  type Both,
  JSON_TYPE,
  PATHS,
  type Sent,
  leftBy,
  sendBoth,
  startBoth,
  usual,
} from '../support/both-routes.ts'

const UUID_A = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'

/** Valid and invalid bodies for both endpoints. */
const BODIES: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  '{"unlocking-method":"fingerprint"}',
  '{"method":"fingerprint"}',
  '{"unlocking-method":"Daumen ä 🔑 \\ud800"}',
  '{"unlocking-method":"Daumen ä 🔑","method":"Daumen ä 🔑"}',
  '{"unlocking-method":" ","method":""}',
  '{"unlocking-method":5,"method":null}',
  `{"unlocking-method":"${'x'.repeat(81)}","method":"${'x'.repeat(81)}"}`,
  '{"unlocking-method":"a\\u0000","method":"a\\u001b"}',
  '{"unlocking-method":"a","unlocking-method":"b","method":"a","method":"b"}',
  '{"__proto__":{"unlocking-method":"a","method":"a"}}',
  '{"unlocking-method":"a","method":"a","role":"owner","id":"x","received_at":1}',
  '['.repeat(200_000),
  '{}',
  '[]',
  'null',
  'not JSON',
  '',
  new Uint8Array([0x7b, 0xff, 0x7d]),
  '\ufeff{"unlocking-method":"a","method":"a"}',
  'x'.repeat(600_000),
  `{"unlocking-method":"a","method":"a","padding":"${'x'.repeat(70_000)}"}`,
  `{"id":"${UUID_A}","method":"a","occurred_at":"2026-11-22T18:30:00Z"}`,
  `{"id":"${UUID_A}","method":"a","occurred_at":"2026-11-22T18:30:00Z"}`,
  `{"id":"${UUID_A}","method":"other"}`,
  '{"method":"a","occurred_at":"2026-02-30T00:00:00Z"}',
  '{"method":"a","result":"denied"}',
  '{"method":"a","result":"denied","reason":"wrong_pin"}',
  '{"method":"a","lock":"Garage"}',
  `[{"method":"a"},{"method":5},7,{"id":"${UUID_A}","method":"other"},{"method":"b"}]`,
  JSON.stringify(Array.from({ length: 501 }, () => ({ method: 'a' }))),
]

/** Adds a guest with a device as rows. */
const insertGuest = async ({ db }: TestApp): Promise<void> => {
  await db.run("INSERT INTO pass (id, label, devices_max, created_at_ms) VALUES ('1', 'Max', 1, 1)")
  await db.run(
    `INSERT INTO pass_device (id, pass_id, cookie_hash, bound_at_ms, seen_at_ms)
     VALUES ('1', '1', ?, 1, 1)`,
    new Bun.CryptoHasher('sha256').update('a secret').digest(),
  )
  await insertGrant(db, { holder: 'pass:1', locks: ['lock-garage'] })
}

/** Adds an owner's access tokens and a controller as rows; returns their tokens. They were used from here before, which
 * is recorded at some time after the answer. */
const otherTokens = async ({ db }: TestApp) => {
  const accessToken = async (name: string, scopes: readonly string[]): Promise<string> => {
    const text = newAccessToken()
    await db.run(
      `INSERT INTO access_token
         (id, account_public_id, name, hash, scopes, created_at_ms, used_at_ms, used_from)
       VALUES (?, (SELECT public_id FROM account WHERE username = 'owner'), '', ?, ?, 1, 1, '127.0.0.1')`,
      name,
      accessTokenHash(text) ?? '',
      JSON.stringify(scopes),
    )
    return text
  }
  const controller = `slc_${'A'.repeat(43)}`
  await db.run(
    `INSERT INTO controller
       (id, lock_id, public_key, token_hash, name, enrolled_at_ms, seen_at_ms)
     VALUES ('1', ?, ?, ?, '', 1, 1)`,
    await insertLock(db, 'garage'),
    Uint8Array.of(4),
    new Bun.CryptoHasher('sha256').update(controller).digest(),
  )
  return {
    token: await accessToken('token', ['unlocks:write:front-door']),
    elsewhere: await accessToken('elsewhere', ['unlocks:write:garage']),
    unscoped: await accessToken('unscoped', ['unlocks:read']),
    controller,
  }
}

/** The tokens that are nobody's, or whose owner is nobody here. */
const STRANGERS = ['garbage', 'expired', 'revoked', 'disabled', 'deleted', 'controller'] as const

type Case = { readonly request: { method: string; path: string; headers: object; body?: unknown } }

describe('a direct route and Elysia’s do the same', () => {
  let both: Both
  const tokens = new Map<string, string[]>()

  beforeAll(async () => {
    both = await startBoth({ SECOND_FACTOR: 'required' })
    for (const app of both.apps) {
      const people = {
        member: 'member',
        admin: 'admin',
        owner: 'owner',
        expired: 'member',
        revoked: 'member',
        disabled: 'member',
        deleted: 'member',
        waiting: 'member',
      } as const
      for (const [name, role] of Object.entries(people))
        tokens.set(name, [...(tokens.get(name) ?? []), await app.signIn(name, role)])
      const { run } = app.db
      const account = (name: string) => `(SELECT id FROM account WHERE username = '${name}')`
      await run(`UPDATE session SET expires_at_ms = 1 WHERE account_id = ${account('expired')}`)
      await run(`DELETE FROM session WHERE account_id = ${account('revoked')}`)
      await run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'disabled'")
      await run("DELETE FROM account WHERE username = 'deleted'")
      await run("UPDATE account SET admitted_at_ms = NULL WHERE username = 'waiting'")
    }
    tokens.set('garbage', ['garbage', 'garbage'])
    const made = await Promise.all(both.apps.map(otherTokens))
    for (const name of ['token', 'elsewhere', 'unscoped', 'controller'] as const)
      tokens.set(
        name,
        made.map((one) => one[name]),
      )
    // The first time, a token is verified.
    for (const path of PATHS) for (const by of tokens.keys()) await send({ ...usual(path), by })
  })
  afterAll(() => both[Symbol.asyncDispose]())

  const send = (sent: Sent) => sendBoth(both, sent, tokens)

  test('for every kind of caller', async () => {
    const statuses = new Map<string, number[]>()
    for (const path of PATHS)
      for (const by of ['nobody', ...tokens.keys()])
        statuses.set(by, [...(statuses.get(by) ?? []), await send({ ...usual(path), by })])
    for (const by of ['member', 'admin', 'owner', 'waiting', 'token', 'elsewhere'])
      expect([by, statuses.get(by)]).toEqual([by, [200, 200]])
    expect(statuses.get('unscoped')).toEqual([403, 403])
    for (const by of ['nobody', ...STRANGERS])
      expect([by, statuses.get(by)]).toEqual([by, [401, 401]])
  })

  test('for access tokens, which record at their own lock only', async () => {
    const at = (lock: string) => ({
      ...usual('/v1/unlocks'),
      body: `{"method":"a","lock":"${lock}"}`,
    })
    for (const [by, lock, status] of [
      ['token', 'front-door', 200],
      ['token', 'garage', 403],
      ['elsewhere', 'front-door', 403],
      ['elsewhere', 'garage', 200],
      ['unscoped', 'garage', 403],
    ] as const)
      expect([by, lock, await send({ ...at(lock), by })]).toEqual([by, lock, status])
    const body = '[{"method":"a"},{"method":"a","lock":"garage"}]'
    for (const by of ['token', 'elsewhere']) await send({ ...usual('/v1/unlocks'), by, body })
  })

  test('for guests, who are nobody here', async () => {
    const guest = { cookie: 'lock-guest=a secret', 'sec-fetch-site': 'same-origin' }
    for (const app of both.apps) await insertGuest(app)
    for (const path of PATHS) {
      const headers = { ...JSON_TYPE, ...guest }
      expect(await send({ ...usual(path), by: 'nobody', headers })).toBe(401)
    }
  })

  test('and signed-in callers do not reach Elysia', async () => {
    both.reached.direct = 0
    both.reached.elysia = 0
    for (const path of PATHS) for (const by of tokens.keys()) await send({ ...usual(path), by })
    expect(both.reached.elysia).toBe(2 * tokens.size)
    expect(both.reached.direct).toBe(2 * STRANGERS.length)
  })

  test('for the cases of the contract', async () => {
    const cases = JSON.parse(
      readFileSync(join(import.meta.dir, '../contract/cases.json'), 'utf8'),
    ) as readonly Case[]
    const own = cases.filter(({ request }) => request.path === '/logUnlocking')
    expect(own.length).toBeGreaterThan(3)
    for (const { request } of own)
      for (const by of ['member', 'nobody'])
        await send({
          path: request.path,
          method: request.method,
          by,
          headers: Object.fromEntries(
            Object.entries(request.headers).filter(([name]) => name !== 'authorization'),
          ),
          ...(request.body === undefined
            ? {}
            : {
                body:
                  typeof request.body === 'string' ? request.body : JSON.stringify(request.body),
              }),
        })
  })

  test('[I2, A3] for every body', async () => {
    const statuses = new Set<number>()
    for (const path of PATHS)
      for (const body of BODIES) statuses.add(await send({ ...usual(path), body }))
    expect([...statuses].toSorted((one, other) => one - other)).toEqual([200, 400, 409, 413])
  })

  test('[I2] for bodies without a length', async () => {
    const statuses: number[] = []
    for (const path of PATHS)
      for (const text of ['{"unlocking-method":"a","method":"a"}', 'x'.repeat(600_000)]) {
        const start = (body: ReadableStreamDefaultController) => {
          body.enqueue(Buffer.from(text))
          body.close()
        }
        const body = () => new ReadableStream({ start })
        statuses.push(await send({ ...usual(path), body }))
      }
    expect(statuses).toEqual([200, 413, 200, 413])
  })

  test('[G6] for every header', async () => {
    const all: readonly Record<string, string>[] = [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=utf-8' },
      { 'idempotency-key': 'one' },
      { 'idempotency-key': 'one' },
      { 'idempotency-key': 'ä' },
      { 'idempotency-key': 'x'.repeat(256) },
      { 'x-forwarded-for': '203.0.113.7' },
      { forwarded: 'for=203.0.113.7' },
      { via: '1.1 proxy' },
      { connection: 'close', 'user-agent': 'Mozilla/5.0' },
      { 'user-agent': 'Dart/3.5 (dart:io)' },
      { 'user-agent': `a\tb${'x'.repeat(300)}` },
      { host: 'evil.example' },
      { host: 'evil.example', 'user-agent': 'Mozilla/5.0' },
      { host: '' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { referer: 'https://evil.example/page' },
      { referer: 'not a URL' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { cookie: 'lock-access=x; a=b' },
      { accept: 'text/html' },
      { authorization: basic('member', PASSWORD).authorization },
      { authorization: 'bearer' },
      { 'x-request-id': 'mine' },
    ]
    for (const path of PATHS)
      for (const headers of all)
        await send({ ...usual(path), headers: { ...JSON_TYPE, ...headers } })
    const other = '{"unlocking-method":"another"}'
    const headers = { ...JSON_TYPE, 'idempotency-key': 'one' }
    expect(await send({ ...usual('/logUnlocking'), body: other, headers })).toBe(409)
  })

  test('with a cookie instead of a token', async () => {
    const [one = '', two = ''] = tokens.get('member') ?? []
    const [direct, elysia] = both.apps
    const sent = (app: TestApp, token: string, page: object): Promise<unknown> =>
      leftBy(
        app,
        {
          ...usual('/logUnlocking'),
          headers: { ...JSON_TYPE, cookie: `lock-access=${token}`, ...page },
        },
        undefined,
      )
    for (const site of ['same-origin', 'cross-site', 'same-site'])
      expect(await sent(direct, one, { 'sec-fetch-site': site })).toEqual(
        await sent(elysia, two, { 'sec-fetch-site': site }),
      )
    expect(await sent(direct, one, {})).toEqual(await sent(elysia, two, {}))
  })

  test('[G12] for other methods and spellings of the path', async () => {
    for (const path of PATHS) {
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
        await send({ path, method, by: 'member' })
      for (const spelt of [`${path}/`, `${path}?a=b`, path.replace('l', '%6c'), `${path}%ff`])
        await send({ ...usual(spelt) })
    }
  })
})

test('a direct route asks for the peer’s address once, and parses cookies only where some came', async () => {
  await using app = await startApp()
  const token = await app.signIn('ada')
  const { server } = app.http
  if (!server) throw new Error('it does not listen')
  using asked = spyOn(server, 'requestIP')
  const { CookieMap } = Bun
  using parsed = spyOn(Bun, 'CookieMap')
  parsed.mockImplementation(((header: string) => new CookieMap(header)) as never)
  const counts: object[] = []
  for (const path of PATHS)
    for (const caller of [
      bearer(token),
      { cookie: `lock-access=${token}`, 'sec-fetch-site': 'same-origin' },
    ]) {
      asked.mockClear()
      parsed.mockClear()
      const body = { 'unlocking-method': 'pin', method: 'pin' }
      expect((await app.post(path, body, { ...caller })).status).toBe(200)
      counts.push({ addresses: asked.mock.calls.length, cookies: parsed.mock.calls.length })
    }
  expect(counts).toEqual([
    { addresses: 1, cookies: 0 },
    { addresses: 1, cookies: 1 },
    { addresses: 1, cookies: 0 },
    { addresses: 1, cookies: 1 },
  ])
})
