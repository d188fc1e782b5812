import { expect, test } from 'bun:test'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'
import { until } from '../support/until.ts'
import { type Attack, p99, underAttack } from './attack.ts'
import { IS_LONG, SHARE, signIn, spread, tell } from './evidence.ts'
import { descriptors, memoryMiB } from './processes.ts'

/** All clients share an address here. */
const ENV = { ...UNLIMITED, CONNECTIONS_PER_CLIENT: '4000', LOG_LEVEL: 'error' }

/** How long each attack lasts: two minutes with `bun run test:long`. */
const SECONDS = 120 * SHARE

/** How much the heap may differ between two measurements. */
const MEMORY_MIB_APART = 32

const untilReturned = async ({ pid }: Service, before: number): Promise<void> => {
  await until(() => descriptors(pid) <= before)
}

/** An attack, and a second one to measure what it leaves: memory settles only after the first. */
const withstands = async (what: string, attack: Attack): Promise<void> => {
  await using service = await startService({ env: ENV })
  const token = await signIn(service.url)
  // The phone's own connection stays.
  const before = descriptors(service.pid)
  await underAttack(service, token, attack, SECONDS / 2)
  await untilReturned(service, before)
  const memoryBefore = memoryMiB(service.pid)
  const { times, most } = await underAttack(service, token, attack, SECONDS)
  await untilReturned(service, before)
  // What is left is given back, sooner or later.
  await until(() => memoryMiB(service.pid) < memoryBefore + MEMORY_MIB_APART)
  const memoryAfter = memoryMiB(service.pid)
  tell(
    `${what} for ${SECONDS} s: ${times.length} unlocks, ${spread(times)}, p99 ${p99(times).toFixed(0)} ms; ` +
      `descriptors ${before}, at most ${most}, then ${descriptors(service.pid)}; ` +
      `memory ${memoryBefore.toFixed(0)} MiB, then ${memoryAfter.toFixed(0)} MiB`,
  )
  expect(await service.stop()).toBe(0)
}

test('[I8] 1,000 slow or aborted connections: the phone unlocks, memory and descriptors are released', async () => {
  await withstands('1,000 slow or aborted connections', { connections: 1000 })
})

test('[P7, I8] a storm of logins and a scan of unknown paths: the phone unlocks, and nothing is left', async () => {
  await withstands('logins and a scan', { logins: 100, scans: 10 })
})

test('[I8] more connections than there are descriptors: the phone unlocks, and all are free later', async () => {
  const nofile = 256
  await using service = await startService({
    env: ENV,
    within: ['prlimit', `--nofile=${nofile}:${nofile}`],
  })
  const token = await signIn(service.url)
  const before = descriptors(service.pid)
  const { times } = await underAttack(service, token, { connections: 2 * nofile }, 3)
  await untilReturned(service, before)
  const answer = await fetch(`${service.url}/readyz`, { headers: { connection: 'close' } })
  expect(answer.status).toBe(200)
  tell(
    `${2 * nofile} connections on ${nofile} descriptors: ${times.length} unlocks, ${spread(times)}`,
  )
})

if (IS_LONG) {
  test('[I8] all of these at once', async () => {
    await withstands('all of it', { connections: 1000, logins: 50, scans: 5 })
  })

  test('[I8] a client that sends a request too slowly is cut off, however steadily it trickles', async () => {
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
  })
}
