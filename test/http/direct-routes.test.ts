import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, type TestApp, basic, bearer, startApp } from '../support/app.ts'
import { scraping } from '../support/metrics-token.ts'
import { until } from '../support/until.ts'

const PATHS = ['/logUnlocking', '/v1/unlocks'] as const

/** Two equal services: one answers unlocks directly, the other through Elysia. */
const startBoth = async (env: Readonly<Record<string, string>> = {}) => {
  const direct = await startApp(env)
  const elysia = await startApp(env)
  elysia.clock.nowMs = direct.clock.nowMs
  const reached = { direct: 0, elysia: 0 }
  for (const [name, { http }] of Object.entries({ direct, elysia })) {
    if (name === 'elysia') http['extender'].higherOrderFunctions.length = 0
    http.onRequest(({ request }) => {
      if (PATHS.some((path) => request.url.endsWith(path)))
        reached[name as keyof typeof reached] += 1
    })
    http.compile()
    http.server?.reload({ fetch: http.fetch, routes: {} })
  }
  return {
    apps: [direct, elysia] as const,
    /** How many requests have reached Elysia. */
    reached,
    [Symbol.asyncDispose]: async () => {
      await direct[Symbol.asyncDispose]()
      await elysia[Symbol.asyncDispose]()
    },
  }
}

type Both = Awaited<ReturnType<typeof startBoth>>

/** Returns a request by a named caller. */
type Sent = Omit<RequestInit, 'body'> & {
  readonly path: string
  readonly by?: string
  readonly body?: string | Uint8Array<ArrayBuffer> | (() => ReadableStream)
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** Removes what differs between answers and between services. */
const masked = (text: string): string =>
  text
    .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replaceAll(/"receipt":"([^"]*)"/g, (_, receipt: string) => {
      const lines = receipt.split(String.raw`\n`).map((line) => line.split(' ')[0]?.length)
      return `"receipt":"lines of ${lines.join()}"`
    })
    .replaceAll(/"(time|duration_ms|at_ms)":("[^"]*"|[\d.]+)/g, '"$1":0')
    .replaceAll(/("next":"|cursor=)[\w-]+/g, '$1CURSOR')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')

/** Returns everything that a request leaves behind: its answer, log lines, audit events, counts and unlocks. */
const leftBy = async (
  app: TestApp,
  { path, body: given, ...init }: Sent,
  token: string | undefined,
) => {
  const logged = app.logLines.length
  const linesSince = () =>
    app.logLines.slice(logged).filter((line) => !line.includes('"route":"/metrics"'))
  const answer = await fetch(app.url + path, {
    ...init,
    body: typeof given === 'function' ? given() : (given ?? null),
    headers: { ...(token ? bearer(token) : {}), ...(init.headers as Record<string, string>) },
  })
  const body = await answer.text()
  // The log line of Elysia's route comes after its answer.
  await until(() => linesSince().some((line) => line.includes('"msg":"request"')))
  const { 'x-request-id': id, date: _, ...headers } = Object.fromEntries(answer.headers)
  const lines = linesSince()
  expect(lines.some((line) => line.includes(`"request_id":"${id}"`))).toBe(true)
  const metrics = (await (await app.get('/metrics', scraping(app.folder))).text())
    .split('\n')
    .filter((line) => /^secure_lock_(http_\w+_count|rate_limit)/.test(line))
  const all = async (sql: string) => (await app.db.all(sql)).map((row) => JSON.stringify(row))
  const audit = await all(
    'SELECT action, result, actor, subject, address, detail FROM audit_event ORDER BY seq',
  )
  const unlocks = await all(
    'SELECT method, username, lock, result, reason, source, happened_at_ms FROM unlock_event ORDER BY seq',
  )
  return {
    answer: [answer.status, masked(body)],
    headers: masked(JSON.stringify(headers, undefined, 2)),
    lines: lines.map(masked).toSorted(),
    metrics,
    audit: audit.map(masked),
    unlocks,
  }
}

/** Sends a request to both services, and expects both to do the same. Returns the status. */
const sendBoth = async (
  both: Both,
  sent: Sent,
  tokens: ReadonlyMap<string, readonly string[]>,
): Promise<number> => {
  const [direct, elysia] = both.apps
  const of = (at: number) => tokens.get(sent.by ?? '')?.[at]
  const one = await leftBy(direct, sent, of(0))
  const other = await leftBy(elysia, sent, of(1))
  expect({ sent, ...one }).toEqual({ sent, ...other })
  return Number(one.answer[0])
}

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

const usual = (path: string): Sent => ({
  path,
  method: 'POST',
  by: 'member',
  headers: JSON_TYPE,
  body: '{"unlocking-method":"fingerprint","method":"fingerprint"}',
})

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
    for (const by of ['member', 'admin', 'owner', 'waiting'])
      expect([by, statuses.get(by)]).toEqual([by, [200, 200]])
    for (const by of ['nobody', 'garbage', 'expired', 'revoked', 'disabled', 'deleted'])
      expect([by, statuses.get(by)]).toEqual([by, [401, 401]])
  })

  test('and signed-in callers do not reach Elysia', async () => {
    both.reached.direct = 0
    both.reached.elysia = 0
    for (const path of PATHS) for (const by of tokens.keys()) await send({ ...usual(path), by })
    expect(both.reached.elysia).toBe(2 * tokens.size)
    expect(both.reached.direct).toBe(2 * (tokens.size - 4))
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

  test('for every header', async () => {
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

  test('for other methods and spellings of the path', async () => {
    for (const path of PATHS) {
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
        await send({ path, method, by: 'member' })
      for (const spelt of [`${path}/`, `${path}?a=b`, path.replace('l', '%6c'), `${path}%ff`])
        await send({ ...usual(spelt) })
    }
  })
})

describe('a direct route and Elysia’s refuse the same', () => {
  const withMember = async (env: Readonly<Record<string, string>>, isWaiting = false) => {
    const both = await startBoth(env)
    const tokens = new Map<string, string[]>()
    for (const app of both.apps) {
      tokens.set('member', [...(tokens.get('member') ?? []), await app.signIn('member')])
      if (isWaiting) await app.db.run('UPDATE account SET admitted_at_ms = NULL')
    }
    const statuses = async (times: number) => {
      const found: number[] = []
      for (const path of PATHS)
        for (let time = 0; time < times; time += 1)
          found.push(await sendBoth(both, usual(path), tokens))
      return found
    }
    return { both, statuses, [Symbol.asyncDispose]: () => both[Symbol.asyncDispose]() }
  }

  test('[G3] what is over RATE_LIMIT_UNLOCK', async () => {
    await using limited = await withMember({ RATE_LIMIT_UNLOCK: '3/minute' })
    expect(await limited.statuses(4)).toEqual([200, 200, 200, 429, 429, 429, 429, 429])
  })

  test('[G3] what is over the quota of a day', async () => {
    await using limited = await withMember({ RATE_LIMIT_UNLOCK: '60/minute', UNLOCK_QUOTA: '2' })
    expect(await limited.statuses(3)).toEqual([200, 200, 429, 429, 429, 429])
    const env = { RATE_LIMIT_UNLOCK: '60/minute', UNLOCK_QUOTA_WAITING: '1' }
    await using waiting = await withMember(env, true)
    expect(await waiting.statuses(2)).toEqual([200, 429, 429, 429])
  })

  test('[G5] what comes through a trusted proxy', async () => {
    await using trusted = await withMember({ TRUSTED_PROXIES: '127.0.0.1' })
    const tokens = new Map([
      ['member', await Promise.all(trusted.both.apps.map((app) => app.logIn('member')))],
    ])
    for (const path of PATHS)
      for (const headers of [
        { 'x-forwarded-for': '203.0.113.7, 198.51.100.4' },
        { 'x-forwarded-host': 'evil.example', 'user-agent': 'Mozilla/5.0' },
        { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'lock.example' },
      ])
        await sendBoth(
          trusted.both,
          { ...usual(path), headers: { ...JSON_TYPE, ...headers } },
          tokens,
        )
  })

  test('and with CORS_ORIGINS, Elysia answers everything, since its plugin adds headers', async () => {
    await using open = await withMember({ CORS_ORIGINS: 'https://home.example' })
    open.both.reached.direct = 0
    expect(await open.statuses(1)).toEqual([200, 200])
    expect(open.both.reached.direct).toBe(2)
  })
})
