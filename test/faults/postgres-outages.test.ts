import { describe, expect, test } from 'bun:test'
import { cable } from '../support/cable.ts'
import { PASSWORD, bearer } from '../support/app.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { spread, tell } from './evidence.ts'
import { PERHAPS, expectOneLog, phonesAt, startReplicas } from './replicas.ts'

/** How long a service answers nothing before a test gives up on it: far longer than any deadline of the service. */
const GIVE_UP_MS = 60_000

/** Returns the status of an answer and how long it took. */
const ask = async (url: string, path: string, init: RequestInit = {}) => {
  const begun = performance.now()
  const answer = await fetch(url + path, { ...init, signal: AbortSignal.timeout(GIVE_UP_MS) })
  await (answer.ok && path.endsWith('/stream') ? answer.body?.cancel() : answer.text())
  return { status: answer.status, tookMs: performance.now() - begun }
}

const sent = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

const anUnlock = (token: string): RequestInit =>
  sent({ 'unlocking-method': PERHAPS + crypto.randomUUID() }, bearer(token))

/** What is asked of a replica, and whether it needs the database. */
const questions = (token: string): readonly (readonly [string, RequestInit, boolean])[] => [
  ['/logUnlocking', anUnlock(token), true],
  ['/login', sent({ username: 'ada', password: PASSWORD }), true],
  ['/login', sent({ username: 'ada', password: `not ${PASSWORD}` }), true],
  ['/v1/unlocks', { headers: bearer(token) }, true],
  ['/v1/unlocks/stream', { headers: bearer(token) }, true],
  ['/v1/unlocks/export', { headers: bearer(token) }, true],
  ['/livez', {}, false],
  ['/console', {}, false],
  ['/console/app.js', {}, false],
]

/** Expects a replica whose database is out of reach to say so wherever it needs it. Returns how long that took. */
const expectUnavailable = async (url: string, token: string): Promise<readonly number[]> => {
  const asked = questions(token)
  const answers = await Promise.all(asked.map(([path, init]) => ask(url, path, init)))
  expect(asked.map(([path], at) => `${path} ${answers[at]?.status}`)).toStrictEqual(
    asked.map(([path, , needsIt]) => `${path} ${needsIt ? 503 : 200}`),
  )
  const waits = answers.flatMap(({ tookMs }, at) => (asked[at]?.[2] ? [tookMs] : []))
  // It may have been ready a moment ago, and remembers that.
  await until(async () => {
    const { status, tookMs } = await ask(url, '/readyz')
    waits.push(tookMs)
    return status === 503
  })
  return waits
}

const isReady = async (url: string): Promise<boolean> => (await ask(url, '/readyz')).status === 200

describe.if(CAN_POSTGRES)('[D1] three replicas', () => {
  test('of which one is cut off from PostgreSQL: it answers 503, the others go on, and it comes back', async () => {
    await using postgres = await startPostgres({ hasFsync: true })
    using line = await cable(() => postgres.port)
    const far = postgres.home('home').replace(String(postgres.port), String(line.port))
    const near = postgres.home('home')
    await using home = await startReplicas([near, far, near])
    const { replicas, token } = home
    const [first, lonely, last] = replicas
    const load = phonesAt(replicas, token)
    const others = phonesAt(
      [first, last].filter((one) => one !== undefined),
      token,
    )
    const waits: number[] = []
    for (let round = 0; round < 2; round += 1) {
      await until(() => load.count() > 20 * round)
      line.cut()
      const { url } = lonely ?? { url: '' }
      if (round === 0) waits.push(...(await expectUnavailable(url, token)))
      const before = others.count()
      await until(() => others.count() > before + 10)
      expect((await ask(url, '/logUnlocking', anUnlock(token))).status).toBe(503)
      line.mend()
      await until(() => isReady(url))
    }
    const phones = await load.end()
    const more = await others.end()
    for (const [id, told] of more.acknowledged) phones.acknowledged.set(id, told)
    for (const method of more.lone) phones.lone.add(method)
    const size = await expectOneLog(home, postgres.query, phones)
    tell(
      `a replica cut off from PostgreSQL, twice: 503 after ${spread(waits)}; ${size} events, none lost, doubled or moved`,
    )
  })

  test('whose PostgreSQL hangs: 503 while it does, and everything goes on afterwards', async () => {
    await using postgres = await startPostgres({ hasFsync: true })
    const homes = [1, 2, 3].map(() => postgres.home('home'))
    await using home = await startReplicas(homes)
    const { replicas, token } = home
    const load = phonesAt(replicas, token)
    const waits: number[] = []
    for (let round = 0; round < 2; round += 1) {
      const before = load.count()
      await until(() => load.count() > before + 10)
      postgres.freeze()
      try {
        // The answers come although it still hangs.
        const asked = round === 0 ? replicas : []
        const times = await Promise.all(asked.map(({ url }) => expectUnavailable(url, token)))
        waits.push(...times.flat())
        const { status, words } = await home.first.run('backup', 'backup.tar')
        expect(status).toBe(1)
        expect(words).toEndWith('home: The database takes too long to answer\n')
      } finally {
        postgres.thaw()
      }
      for (const { url } of replicas) await until(() => isReady(url))
    }
    const size = await expectOneLog(home, postgres.query, await load.end())
    for (const { stop } of replicas) expect(await stop()).toBe(0)
    tell(
      `PostgreSQL that hangs, twice: 503 after ${spread(waits)}; ${size} events, none lost, doubled or moved`,
    )
  })
})
