import { describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { serviceMetrics } from '../../../src/ops/metrics/metrics.ts'
import { PASSWORD, type TestApp, bearer, recordsOf, startApp } from '../../support/app.ts'
import { heldHashes } from '../../support/held-hashes.ts'
import { scraping, withoutInstance } from '../../support/metrics-token.ts'
import { follow } from '../../support/stream.ts'
import { until } from '../../support/until.ts'

type Samples = ReadonlyMap<string, number>

/** Every number of the text format, by its name with labels. */
const samplesOf = (text: string): Samples =>
  new Map(
    withoutInstance(text)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const end = line.lastIndexOf(' ')
        return [line.slice(0, end), Number(line.slice(end + 1))]
      }),
  )

const scrape = async ({ get, folder }: TestApp) =>
  samplesOf(await (await get('/metrics', scraping(folder))).text())

/** The count of a route's requests. */
const requests = (samples: Samples, method: string, route: string, status: number) =>
  samples.get(
    `secure_lock_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`,
  )

describe('who may read /metrics', () => {
  const FROM: readonly Record<string, string>[] = [
    {},
    { host: 'localhost' },
    { 'x-forwarded-for': '127.0.0.1' },
    { via: '1.1 proxy' },
    { host: 'lock.example.org' },
  ]

  test('[A1, G5] a program with the metrics token, and admins, from wherever they ask', async () => {
    await using app = await startApp()
    const [member, admin] = [await app.signIn('mia'), await app.signIn('amy', 'admin')]
    const status = async (headers: Record<string, string>) =>
      (await app.get('/metrics', headers)).status
    const token = scraping(app.folder)
    for (const from of FROM) {
      expect(await status(from)).toBe(401)
      expect(await status({ ...from, ...bearer('garbage') })).toBe(401)
      expect(await status({ ...from, ...bearer(`${token.authorization.slice(7, -1)}?`) })).toBe(401)
      expect(await status({ ...from, ...bearer(member) })).toBe(403)
      expect(await status({ ...from, ...bearer(admin) })).toBe(200)
      expect(await status({ ...from, ...token })).toBe(200)
    }
  })

  test('[G5] the metrics token opens nothing else', async () => {
    await using app = await startApp({ DEBUG: 'true' })
    const token = scraping(app.folder)
    for (const path of ['/v1/me', '/v1/people', '/v1/doctor', '/getUsers', '/getLogs'])
      expect(`${path} ${(await app.get(path, token)).status}`).toBe(`${path} 401`)
    expect((await app.post('/metrics', {}, token)).status).toBe(405)
  })

  test('[G5] a scrape without a token is told, once a day, in one line that says what to set', async () => {
    await using app = await startApp()
    const owner = bearer(await app.signIn('oli', 'owner'))
    const metricsFinding = async () => {
      const answer = await app.get('/v1/doctor', owner)
      const { findings } = (await answer.json()) as { findings: { check: string }[] }
      return findings.find(({ check }) => check === 'metrics')
    }
    expect(await metricsFinding()).toMatchObject({ state: 'ok' })
    const lines = () => app.logLines.filter((line) => line.includes('credentials_file')).length
    for (let round = 0; round < 3; round += 1) {
      const answer = await app.get('/metrics')
      expect(await answer.json()).toMatchObject({
        msg: expect.stringContaining('secure-lock-server metrics-token') as string,
      })
    }
    expect(lines()).toBe(1)
    expect(recordsOf(app.logLines, 'metrics.deny')).toHaveLength(1)
    expect(await metricsFinding()).toMatchObject({
      state: 'warning',
      says: 'Somebody at 127.0.0.1 asked for metrics (/metrics) without a valid token',
    })
    app.clock.passedMs += DAY_MS
    await app.get('/metrics')
    expect(lines()).toBe(2)
  })

  test('an admin without the required second factor is told so', async () => {
    await using app = await startApp({ SECOND_FACTOR: 'required' })
    const headers = bearer(await app.signIn('amy', 'admin'))
    const answer = await app.get('/metrics', headers)
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ code: 'second_factor_required' })
  })
})

describe('what /metrics exports', () => {
  test('requests by route as declared, whatever paths callers invent', async () => {
    await using app = await startApp()
    for (let made = 0; made < 50; made += 1) {
      await app.get(`/kanarienvogel-${made}?kanarienvogel`, { 'user-agent': 'kanarienvogel' })
      await app.delete(`/v1/no-such-thing/kanarienvogel-${made}`)
      await fetch(`${app.url}/login`, { method: 'PROPFIND' })
      await fetch(`${app.url}/v1/people/kanarienvogel-${made}`)
    }
    // A request is counted some time after its answer.
    const last = (samples: Samples) => requests(samples, 'GET', '/v1/people/:id', 401)
    await until(async () => last(await scrape(app)) === 50)
    const answer = await app.get('/metrics', scraping(app.folder))
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const text = await answer.text()
    expect(text).not.toContain('kanarienvogel')
    const samples = samplesOf(text)
    expect(requests(samples, 'GET', 'unmatched', 404)).toBe(50)
    expect(requests(samples, 'DELETE', 'unmatched', 404)).toBe(50)
    expect(requests(samples, 'other', 'unmatched', 405)).toBe(50)
    expect(requests(samples, 'GET', '/v1/people/:id', 401)).toBe(50)
    const routes = withoutInstance(text).match(/duration_seconds_count\{(?!.*"\/metrics")/g) ?? []
    expect(routes).toHaveLength(4)
  })

  test('logins by outcome, audit events, and requests over a limit', async () => {
    await using app = await startApp({ RATE_LIMIT_AUTH: '4/minute', RATE_LIMIT_UNLOCK: '1/minute' })
    const token = await app.signIn('ada')
    const before = await scrape(app)
    for (const password of [PASSWORD, 'wrong', 'wrong', 'wrong', 'wrong', 'wrong'])
      await app.post('/login', { username: 'ada', password })
    for (let round = 0; round < 4; round += 1)
      await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    const after = await scrape(app)
    const risen = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
    expect(risen('secure_lock_logins_total{outcome="success"}')).toBe(1)
    expect(risen('secure_lock_logins_total{outcome="failure"}')).toBe(3)
    expect(after.get('secure_lock_logins_total{outcome="otp_invalid"}')).toBe(0)
    expect(risen('secure_lock_audit_events_total{action="login",result="failure"}')).toBe(3)
    expect(risen('secure_lock_rate_limit_refusals_total{group="auth"}')).toBe(2)
    expect(risen('secure_lock_rate_limit_refusals_total{group="unlock"}')).toBe(3)
    expect(risen('secure_lock_rate_limit_refusals_total{group="default"}')).toBe(0)
  })

  test('the size of the unlock log, the writes that share a COMMIT, and how long it takes', async () => {
    await using app = await startApp()
    const token = await app.signIn('ada')
    const before = await scrape(app)
    const events = Array.from({ length: 7 }, () => ({ id: crypto.randomUUID(), method: 'pin' }))
    await app.post('/v1/unlocks', events, bearer(token))
    await app.post('/v1/unlocks', events, bearer(token))
    const after = await scrape(app)
    const risen = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
    expect(after.get('secure_lock_unlock_log_events')).toBe(7)
    expect(risen('secure_lock_unlock_batch_events_sum')).toBe(7)
    expect(risen('secure_lock_unlock_batch_events_count')).toBe(1)
    expect(risen('secure_lock_commit_writes_count')).toBeGreaterThanOrEqual(2)
    expect(risen('secure_lock_commit_duration_seconds_count')).toBe(
      risen('secure_lock_commit_writes_count'),
    )
    expect(risen('secure_lock_commit_duration_seconds_sum')).toBeGreaterThan(0)
  })

  test('the result of the last verification', async () => {
    await using app = await startApp()
    const intact = (scope: string) => `secure_lock_unlock_log_intact{scope="${scope}"}`
    expect((await scrape(app)).has(intact('recent'))).toBe(false)
    await app.unlocks.verification.verifyRecent()
    expect((await scrape(app)).get(intact('recent'))).toBe(1)
    await app.unlocks.verification.verifyAll()
    const samples = await scrape(app)
    expect([samples.get(intact('recent')), samples.get(intact('full'))]).toStrictEqual([
      undefined,
      1,
    ])
    expect(samples.get('secure_lock_unlock_log_verification_timestamp_seconds{scope="full"}')).toBe(
      app.clock.nowMs / 1000,
    )
  })

  test('open streams, refused passwords and the process', async () => {
    await using app = await startApp()
    const stream = await follow(app.url, bearer(await app.signIn('ada')))
    using hashes = heldHashes()
    const answered: number[] = []
    const logins = Array.from({ length: 60 }, async () =>
      answered.push((await app.post('/login', { username: 'ada', password: 'wrong' })).status),
    )
    const running = navigator.hardwareConcurrency
    await until(() => answered.length === 60 - 20)
    const busy = await scrape(app)
    expect(busy.get('secure_lock_password_hashing_running')).toBe(running)
    expect(busy.get('secure_lock_password_hashing_waiting')).toBe(20 - running)
    hashes.release()
    await Promise.all(logins)
    const refused = answered.filter((status) => status === 503).length
    const samples = await scrape(app)
    expect(refused).toBeGreaterThan(0)
    expect(samples.get('secure_lock_password_hashing_refused_total')).toBe(refused)
    expect(samples.get('secure_lock_password_hashing_waiting')).toBe(0)
    expect(samples.get('secure_lock_live_streams')).toBe(1)
    expect(samples.get('secure_lock_password_hashing_running')).toBe(0)
    expect(samples.get('process_open_fds')).toBeGreaterThan(3)
    expect(samples.get('process_max_fds')).toBeGreaterThan(3)
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1024 ** 2)
    expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0)
    const uptime = Date.now() / 1000 - (samples.get('process_start_time_seconds') ?? 0)
    expect(Math.abs(uptime - process.uptime())).toBeLessThan(10)
    expect(samples.get('secure_lock_disk_free_bytes')).toBeGreaterThan(0)
    await stream.leave()
  })

  test('a metric whose value is unknown or cannot be read is left out, and the others are exported', async () => {
    const metrics = serviceMetrics()
    const failing = () => Promise.reject(new Error('the disk does not answer'))
    metrics.add([
      { name: 'a_seconds', help: 'a', read: () => undefined },
      { name: 'b_total', help: 'b', read: failing },
      { name: 'c_bytes', help: 'c', read: () => 3 },
      { name: 'd', help: 'd', labels: ['of'], read: () => [[{ of: 'x' }, 4]] },
    ])
    for (let round = 0; round < 2; round += 1) {
      const samples = samplesOf(await metrics.text())
      expect([samples.get('a_seconds'), samples.get('b_total')]).toStrictEqual([
        undefined,
        undefined,
      ])
      expect([samples.get('c_bytes'), samples.get('d{of="x"}')]).toStrictEqual([3, 4])
    }
  })
})
