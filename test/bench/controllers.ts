import { Database } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { lockClaim } from '../../src/domain/statement/claims.ts'
import { signStatement } from '../../src/domain/statement/statement.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { type TestController, testController } from '../support/controller.ts'
import { type NewPass, codeOf, guestPhone } from '../support/guests.ts'
import { testKey } from '../support/statements.ts'
import { CAN_SLOW, slowDisk } from '../support/slow-disk.ts'
import { type Lines, atMost, quantile, say } from './line.ts'
import { besideLoad } from './load.ts'
import { cpuUs } from './process.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { INSTALLED, QUIET, startSignedIn } from './service.ts'

const CONTROLLERS = 200
const PER_LOCK = 4
const WRITERS = 64
const ADDED_MS = 20
const ATTEMPTS = 300

type Served = Awaited<ReturnType<typeof startSignedIn>>

/** Controllers that wait for commands, and how soon one gets a command. */
export async function* controllerLines(folder: string): Lines {
  const waiting = join(folder, 'waiting')
  mkdirSync(waiting)
  yield await waitingLine(waiting)
  if (!CAN_SLOW) {
    say('Left out: a slow disk needs a C compiler (apt-get install gcc libc6-dev)')
    return
  }
  const slow = join(folder, 'slow')
  mkdirSync(slow)
  yield await commandLine(slow)
}

const waitingLine = async (folder: string) => {
  // More than one home has from one address.
  const env = { ...INSTALLED, CONNECTIONS_PER_CLIENT: '1000' }
  await (await startSignedIn({ folder, env })).stop()
  const tokens = insertControllers(join(folder, 'data/secure-lock.db'))
  await using service = await startSignedIn({ folder, env })
  const stop = new AbortController()
  const pollers = tokens.map((token) => keepsPolling(service.url, token, stop.signal))
  say(`${CONTROLLERS} controllers wait`)
  await Bun.sleep(2000)
  const [beforeUs, beforeMs] = [cpuUs(service.pid).all, performance.now()]
  // At least one whole wait of 25 seconds.
  await Bun.sleep(Math.max(ROUNDS * SECONDS, 26) * 1000)
  const shares = (cpuUs(service.pid).all - beforeUs) / (performance.now() - beforeMs) / 10
  stop.abort()
  const polls = (await Promise.all(pollers)).reduce((sum, each) => sum + each, 0)
  await service.stop()
  return atMost(3, {
    what: `share of a core that ${CONTROLLERS} waiting controllers take`,
    value: shares,
    unit: ' %',
    of: `${polls} polls`,
  })
}

const insertControllers = (path: string): readonly string[] => {
  using db = new Database(path)
  const tokens: string[] = []
  db.transaction(() => {
    for (let at = 0; at < CONTROLLERS; at += 1) {
      const lock = `0193c6a8-5f0e-7c3a-9b1d-${String(Math.floor(at / PER_LOCK)).padStart(12, '0')}`
      const token = `slc_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')}`
      tokens.push(token)
      db.run(
        `INSERT OR IGNORE INTO lock (id, label, name, state, version, created_at_ms)
         VALUES (?, ?, ?, 'enabled', 1, 0)`,
        [lock, `lock-${lock.slice(-4)}`, 'Door'],
      )
      db.run(
        `INSERT INTO controller
           (id, lock_id, public_key, token_hash, name, enrolled_at_ms, seen_at_ms)
         VALUES (?, ?, ?, ?, 'Pi', 0, 0)`,
        [
          crypto.randomUUID(),
          lock,
          crypto.getRandomValues(new Uint8Array(65)),
          new Bun.CryptoHasher('sha256').update(token).digest(),
        ],
      )
    }
  })()
  return tokens
}

/** Polls until the signal; returns how often it was answered. */
const keepsPolling = async (url: string, token: string, signal: AbortSignal): Promise<number> => {
  for (let polls = 0; ; polls += 1) {
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url')
    const answer = await fetch(`${url}/v1/controller/commands?nonce=${nonce}&wait=25`, {
      headers: bearer(token),
      signal,
    }).catch(() => undefined)
    if (signal.aborted) return polls
    if (answer?.status !== 204) throw new Error(`a poll got ${answer?.status}`)
  }
}

const commandLine = async (folder: string) => {
  const disk = slowDisk(folder)
  await using service = await startSignedIn({ folder, env: { ...QUIET, ...disk.env } })
  const controller = await enrolled(service)
  const guest = await invited(service)
  disk.delay(ADDED_MS)
  say(`commands beside ${WRITERS} writers`)
  const times = await besideLoad(service.unlocks, WRITERS, async () => {
    const measured: number[] = []
    while (measured.length < ATTEMPTS) measured.push(await timeToCommand(controller, guest))
    return measured
  })
  await service.stop()
  return atMost(100, {
    what: `sync + ${ADDED_MS} ms, ${WRITERS} writers: from the end of a guest’s hold to the command at the controller, p99`,
    value: quantile(times, 0.99),
    unit: ' ms',
    of: `p50 ${Math.round(quantile(times, 0.5))} ms`,
  })
}

const enrolled = async ({ url, token }: Served): Promise<TestController> => {
  const controller = await testController(url)
  const answer = await clientOf(url).post(
    '/v1/locks/front-door/controllers',
    { password: PASSWORD },
    bearer(token),
  )
  await controller.enrol(((await answer.json()) as { code: string }).code)
  return controller
}

/** A guest's phone that signs, as the page does when it has a key. */
const invited = async (service: Served) => {
  const client = clientOf(service.url)
  const holder = { pass: { label: 'Guest' } }
  const made = await client.post(
    '/v1/grants',
    { holder, locks: ['front-door'] },
    bearer(service.token),
  )
  const phone = guestPhone(client)
  const key = await testKey()
  const { body } = await phone.bind(
    codeOf((await made.json()) as NewPass),
    key.publicKey.toBase64(),
  )
  const lock = lockClaim(body.doors[0]?.id ?? '')
  let counter = 0
  return {
    sign: async (attempt: string) => {
      counter += 1
      const knock = { kind: 'knock', lock, counter, attempt } as const
      return (await signStatement(knock, key.sign)).toBase64()
    },
    unlock: phone.unlock,
  }
}

const timeToCommand = async (
  controller: TestController,
  { sign, unlock }: Awaited<ReturnType<typeof invited>>,
): Promise<number> => {
  const polling = controller.poll({ wait: 20 })
  // The poll is there first.
  await Bun.sleep(20)
  const id = crypto.randomUUID()
  const startedAtMs = performance.now()
  const asked = unlock({ id, statement: await sign(id) })
  const answer = await polling
  const tookMs = performance.now() - startedAtMs
  if (answer?.commands.length !== 1) throw new Error(`${answer?.commands.length} commands came`)
  await asked
  await controller.send(await controller.next('released', { attempt: id }))
  return tookMs
}
