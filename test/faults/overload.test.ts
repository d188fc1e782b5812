import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'
import { IS_TIMED, signIn, spread, tell } from './evidence.ts'
import { descriptors, memoryMiB } from './processes.ts'

/** How long each attack lasts: moments with every test run, minutes with `bun run test:long`. */
const SECONDS = Number(process.env['OVERLOAD_SECONDS'] ?? (IS_TIMED ? 120 : 3))

const PHONE_P99_MS_MAX = 200

/** Between two unlocks of the phone. */
const PAUSE_MS = 20

/** A cut connection is closed for good within the longest timeout of the service. */
const RETURN_MS_MAX = 60_000

/** What the heap may differ by from one look to the next. */
const MEMORY_MIB_APART = 32

type Attack = { readonly connections?: number; readonly logins?: number; readonly scans?: number }

/** Lets hostile clients loose for so long, while a phone unlocks; gives how long each unlock took,
 * and the most descriptors that were open. */
const underAttack = async (service: Service, token: string, attack: Attack, seconds: number) => {
  const { connections = 0, logins = 0, scans = 0 } = attack
  const numbers = [new URL(service.url).port, connections, logins, scans].map(String)
  const hostile = Bun.spawn(
    [process.execPath, join(import.meta.dir, 'hostile-clients.ts'), ...numbers],
    { stdout: 'pipe', stderr: 'ignore' },
  )
  try {
    // It says so when all connections are open.
    await hostile.stdout.getReader().read()
    const { post } = clientOf(service.url)
    const times: number[] = []
    let most = 0
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      const begun = performance.now()
      const answer = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
      await answer.arrayBuffer()
      expect(answer.status).toBe(200)
      times.push(performance.now() - begun)
      most = Math.max(most, descriptors(service.pid))
      await Bun.sleep(PAUSE_MS)
    }
    return { times, most }
  } finally {
    hostile.kill()
    await hostile.exited
  }
}

const untilReturned = async ({ pid }: Service, before: number): Promise<void> => {
  const deadline = performance.now() + RETURN_MS_MAX
  while (descriptors(pid) > before && performance.now() < deadline) await Bun.sleep(100)
  expect(descriptors(pid)).toBeLessThanOrEqual(before)
}

const p99 = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length * 0.99)] ?? Number.NaN

/** An attack, and once more what it leaves: a service has its size only after the first. */
const withstands = async (what: string, attack: Attack): Promise<void> => {
  await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const token = await signIn(service.url)
  // The phone's own connection stays.
  const before = descriptors(service.pid)
  await underAttack(service, token, attack, SECONDS / 2)
  await untilReturned(service, before)
  const memoryBefore = memoryMiB(service.pid)
  const { times, most } = await underAttack(service, token, attack, SECONDS)
  await untilReturned(service, before)
  const memoryAfter = memoryMiB(service.pid)
  tell(
    `${what} for ${SECONDS} s: ${times.length} unlocks, ${spread(times)}, p99 ${p99(times).toFixed(0)} ms; ` +
      `descriptors ${before}, at most ${most}, then ${descriptors(service.pid)}; ` +
      `memory ${memoryBefore.toFixed(0)} MiB, then ${memoryAfter.toFixed(0)} MiB`,
  )
  if (attack.connections) expect(most).toBeGreaterThan(before + attack.connections / 4)
  expect(times.length).toBeGreaterThan(SECONDS)
  if (IS_TIMED) {
    expect(p99(times)).toBeLessThan(PHONE_P99_MS_MAX)
    expect(memoryAfter).toBeLessThan(memoryBefore + MEMORY_MIB_APART)
  }
  expect(await service.stop()).toBe(0)
}

test('[I8] 1,000 slow or aborted connections: the phone unlocks, memory and descriptors come back', async () => {
  await withstands('1,000 slow or aborted connections', { connections: 1000 })
})

test('[P7, I8] a storm of logins and a scan of unknown paths: the phone unlocks, nothing is left of it', async () => {
  await withstands('logins and a scan', { logins: 100, scans: 10 })
})

test.if(IS_TIMED)('[I8] all of it at once', async () => {
  await withstands('all of it', { connections: 1000, logins: 50, scans: 5 })
})

test('[I8] more connections than there are descriptors: the phone’s own works on, and others work again', async () => {
  const nofile = 256
  await using service = await startService({
    env: { ...UNLIMITED, LOG_LEVEL: 'error' },
    within: ['prlimit', `--nofile=${nofile}:${nofile}`],
  })
  const token = await signIn(service.url)
  const before = descriptors(service.pid)
  const { times, most } = await underAttack(service, token, { connections: 2 * nofile }, 3)
  expect(most).toBeGreaterThanOrEqual(nofile - 8)
  await untilReturned(service, before)
  const answer = await fetch(`${service.url}/readyz`, { headers: { connection: 'close' } })
  expect(answer.status).toBe(200)
  tell(
    `${2 * nofile} connections on ${nofile} descriptors: ${times.length} unlocks, ${spread(times)}`,
  )
})

test.if(IS_TIMED)(
  '[I8] whoever takes their time over a request is cut off, however steadily it trickles',
  async () => {
    await using service = await startService({ env: UNLIMITED })
    const head = 'Host: lock.home\r\nContent-Type: application/json\r\n'
    const cut = (first: string, drop: string) =>
      new Promise<number>((seconds) => {
        const begun = performance.now()
        void Bun.connect({
          hostname: '127.0.0.1',
          port: Number(new URL(service.url).port),
          socket: {
            open: (socket) => {
              socket.write(first)
              const drips = setInterval(() => socket.write(drop), 1000)
              socket.data = drips
            },
            data: () => {},
            close: (socket) => {
              clearInterval(socket.data)
              seconds((performance.now() - begun) / 1000)
            },
          },
        } satisfies Bun.TCPSocketConnectOptions<Timer | undefined>)
      })
    const [headers, body] = await Promise.all([
      cut(`GET /livez HTTP/1.1\r\n${head}`, 'X-More: 1\r\n'),
      cut(`POST /login HTTP/1.1\r\n${head}Content-Length: 5000\r\n\r\n{`, ' '),
    ])
    tell(`cut off: headers after ${headers.toFixed(0)} s, a body after ${body.toFixed(0)} s`)
    expect(await service.stop()).toBe(0)
  },
)
