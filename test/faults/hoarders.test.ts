import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer } from '../support/app.ts'
import { startService, temporaryFolder } from '../support/binary.ts'
import { selfSigned } from '../support/certificates.ts'
import { follow } from '../support/stream.ts'
import { until } from '../support/until.ts'
import { p99 } from './attack.ts'
import { IS_LONG, SHARE, spread, tell } from './evidence.ts'
import { holding, openFrom } from './hoard.ts'
import { MEMORY_MIB, descriptors, memoryCgroup, memoryMiB, peakMiB } from './processes.ts'

const SECONDS = 30 * SHARE

/** The descriptors of the systemd unit and more connections than that, or a tenth of both. */
const NOFILE = Math.ceil(8192 * SHARE)
const CONNECTIONS = Math.ceil(8400 * SHARE)
const UNREAD = Math.ceil(1180 * SHARE)
const EVENTS = Math.ceil(100_000 * SHARE)

/** Limits as they are by default, but for the phone's: it unlocks more often than people do. */
const ENV = { RATE_LIMIT_UNLOCK: 'off', LOG_LEVEL: 'error', JWT_ACCESS_TOKEN_EXPIRES: '1440' }

const scarce = (nofile = NOFILE): readonly string[] => ['prlimit', `--nofile=${nofile}:${nofile}`]

type Options = NonNullable<Parameters<typeof startService>[0]>

/** A service with an owner, and the owner's phone, which opens a new connection for each request. */
const door = async ({ env = {}, within = [] }: Options) => {
  const folder = temporaryFolder()
  await addAccount('oli', { role: 'owner', folder })
  const service = await startService({ folder, env: { ...ENV, ...env }, within })
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(service.url + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(body),
      tls: { rejectUnauthorized: false },
      keepalive: false,
    })
  const login = await post('/login', { username: 'oli', password: PASSWORD })
  const { access_token: token } = (await login.json()) as { access_token: string }
  return {
    service,
    token,
    post: (path: string, body: object) => post(path, body, bearer(token)),
    /** Resolves to what went wrong, or to undefined. */
    unlock: async (): Promise<string | undefined> => {
      for (let tries = 1; ; tries += 1)
        try {
          const answer = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
          const text = await answer.text()
          return answer.ok ? undefined : `${answer.status} ${text}`
        } catch (error) {
          // On a busy machine, a connection may be cut before its request has arrived: a phone tries again.
          if (tries === 2) return String(error)
        }
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

type Door = Awaited<ReturnType<typeof door>>

/** Unlocks until some time after all connections of the hoarders were opened. */
const unlocksBeside = async ({ service, unlock }: Door, hoard: Parameters<typeof holding>[1]) => {
  await using hoarders = holding(service.url, hoard)
  const times: number[] = []
  const failures: string[] = []
  let endMs = Number.POSITIVE_INFINITY
  void hoarders.opened.then(() => (endMs = performance.now() + SECONDS * 1000))
  let most = { files: 0, memory: 0 }
  while (performance.now() < endMs) {
    const begunMs = performance.now()
    const failure = await unlock()
    times.push(performance.now() - begunMs)
    if (failure !== undefined) failures.push(failure)
    most = {
      files: Math.max(most.files, descriptors(service.pid)),
      memory: Math.max(most.memory, memoryMiB(service.pid)),
    }
    await Bun.sleep(20)
  }
  const { connections, addresses, way } = hoard
  tell(
    `${connections} connections from ${addresses} addresses, ${way}: ${times.length} unlocks, ` +
      `${spread(times)}, p99 ${p99(times).toFixed(0)} ms; at most ${most.files} descriptors, ` +
      `${most.memory.toFixed(0)} MiB`,
  )
  expect(failures).toStrictEqual([])
}

const withstands = async (
  env: Readonly<Record<string, string>>,
  hoard: Parameters<typeof holding>[1],
): Promise<void> => {
  await using phone = await door({ env, within: scarce() })
  const { service } = phone
  const before = descriptors(service.pid)
  await unlocksBeside(phone, hoard)
  await until(() => descriptors(service.pid) <= before)
  expect(await service.stop()).toBe(0)
}

describe('more connections than there are descriptors', () => {
  for (const [at, way] of ['requests', 'silence', 'half a head', 'half a body'].entries())
    for (const addresses of IS_LONG ? [1, 20] : [at % 2 === 0 ? 1 : 20])
      test(`[G1] ${way}, ${addresses} addresses: every unlock of a phone that connects anew is recorded`, async () => {
        await withstands({}, { connections: CONNECTIONS, addresses, way })
      })

  test('[G1] the same over TLS', async () => {
    const folder = temporaryFolder()
    const { cert, key } = selfSigned(folder, 'hoarded')
    const tls = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key }
    await withstands(tls, { connections: CONNECTIONS, addresses: 20, way: 'requests' })
    rmSync(folder, { recursive: true })
  })

  test('[G1] the same behind a trusted proxy, whose connections have no bound of their own', async () => {
    const proxy = { TRUSTED_PROXIES: '127.0.10.1' }
    await withstands(proxy, { connections: CONNECTIONS, addresses: 1, way: 'requests' })
  })
})

describe('the bound of a client', () => {
  for (const HOST of ['127.0.0.1', '::'])
    test(`[G1] ends idle connections, not requests in flight, and not those of a trusted proxy (HOST=${HOST})`, async () => {
      await using phone = await door({
        env: {
          HOST,
          CONNECTIONS_PER_CLIENT: '16',
          TRUSTED_PROXIES: '127.0.0.2',
          RATE_LIMIT_DEFAULT: 'off',
        },
      })
      const { service, token, unlock } = phone
      const stream = await follow(service.url, bearer(token))
      using neighbours = await openFrom(service.url, '127.0.0.1', 50)
      using proxied = await openFrom(service.url, '127.0.0.2', 50)
      await until(() => neighbours.count() <= 16)
      expect(await unlock()).toBeUndefined()
      await until(() => stream.messages.length === 1)
      expect(proxied.count()).toBe(50)
      await stream.leave()
    })

  test("[G1] a member's slow upload is not cut while newcomers hold as many bodies as they may", async () => {
    await using phone = await door({ env: { RATE_LIMIT_DEFAULT: 'off', RATE_LIMIT_AUTH: 'off' } })
    const { service, token } = phone
    const bodies = { connections: 200, addresses: 100, way: 'half a body' }
    await using hoarders = holding(service.url, bodies)
    await hoarders.opened
    const queue = JSON.stringify(Array.from({ length: 100 }, () => ({ method: 'x'.repeat(80) })))
    const half = queue.length / 2
    const answer = await fetch(`${service.url}/v1/unlocks`, {
      method: 'POST',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      body: (async function* () {
        yield queue.slice(0, half)
        // Longer than connections are looked at, several times.
        await Bun.sleep(3000)
        yield queue.slice(half)
      })(),
    })
    expect(answer.status).toBe(200)
  })

  test('[G1] with few descriptors left, answers close their connections, until there are more again', async () => {
    await using phone = await door({ env: { RATE_LIMIT_DEFAULT: 'off' }, within: scarce(256) })
    const { service } = phone
    await using hoarders = holding(service.url, {
      connections: 400,
      addresses: 20,
      way: 'silence',
    })
    await hoarders.opened
    const closing = async () =>
      (await fetch(`${service.url}/livez`, { keepalive: false })).headers.get('connection')
    await until(async () => (await closing()) === 'close')
    await hoarders.release()
    await until(async () => (await closing()) !== 'close')
  })
})

/** Runs a service in 512 MiB while answers are left unread from 100 addresses. */
const outlives = async (
  ways: readonly string[],
  env: Readonly<Record<string, string>>,
  prepare: (phone: Door) => Promise<void> = async () => {},
): Promise<void> => {
  using cgroup = memoryCgroup(tell)
  await using phone = await door({ env, within: cgroup.within })
  await prepare(phone)
  const { service, token } = phone
  for (const way of ways)
    await unlocksBeside(phone, { connections: UNREAD, addresses: 100, way, token })
  tell(`at most ${peakMiB(service.pid).toFixed(0)} MiB`)
  expect(peakMiB(service.pid)).toBeLessThan(MEMORY_MIB)
  expect(await service.stop()).toBe(0)
}

describe('unread answers from 100 addresses, in 512 MiB', () => {
  test('[G2] pages, scripts and documents, and half-sent bodies', async () => {
    await outlives(
      ['/swagger/swagger-ui.js', '/swagger/json', '/console/app.js', '/manual/api', 'half a body'],
      {},
    )
  })

  test('[G2] exports, tables, lists and proofs of a long log', async () => {
    const off = { RATE_LIMIT_DEFAULT: 'off', RATE_LIMIT_CHANGES: 'off' }
    await outlives(
      ['/v1/unlocks/export?format=csv', '/getLogs', '/v1/me/export', '/v1/unlocks?limit=200'],
      off,
      async ({ post }) => {
        const events = Array.from({ length: 500 }, () => ({
          method: 'fingerprint'.padEnd(80, '.'),
        }))
        for (let sent = 0; sent < EVENTS; sent += 500)
          expect((await post('/v1/unlocks', events)).status).toBe(200)
      },
    )
  })
})
