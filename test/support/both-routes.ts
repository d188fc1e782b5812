import { expect } from 'bun:test'
import { type TestApp, bearer, startApp } from './app.ts'
import { scraping } from './metrics-token.ts'
import { until } from './until.ts'

/** The paths that are answered directly. */
export const PATHS = ['/logUnlocking', '/v1/unlocks'] as const

/** Two equal services: one answers unlocks directly, the other through Elysia. */
export const startBoth = async (env: Readonly<Record<string, string>> = {}) => {
  const direct = await startApp(env)
  const elysia = await startApp(env)
  // The later one has its first leaves already, and no later leaf has an earlier time.
  direct.clock.nowMs = elysia.clock.nowMs
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

export type Both = Awaited<ReturnType<typeof startBoth>>

/** Returns a request by a named caller. */
export type Sent = Omit<RequestInit, 'body'> & {
  readonly path: string
  readonly by?: string
  readonly body?: string | Uint8Array<ArrayBuffer> | (() => ReadableStream)
}

export const JSON_TYPE = { 'content-type': 'application/json' }

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
    .replaceAll(/"retry-after": "\d+"/g, '"retry-after": "SECONDS"')

/** Returns everything that a request leaves behind: its answer, log lines, audit events, counts and unlocks. */
export const leftBy = async (
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
    // Repeats are recorded each minute, which may pass at one service first.
    audit: audit.map(masked).filter((row) => !row.includes(String.raw`\"repeats\":`)),
    unlocks,
  }
}

/** Sends a request to both services, and expects both to do the same. Returns the status. */
export const sendBoth = async (
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

export const usual = (path: string): Sent => ({
  path,
  method: 'POST',
  by: 'member',
  headers: JSON_TYPE,
  body: '{"unlocking-method":"fingerprint","method":"fingerprint"}',
})
