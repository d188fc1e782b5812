import { describe, expect, test } from 'bun:test'
import { cable } from '../support/cable.ts'
import { bearer } from '../support/app.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { spread, tell } from './evidence.ts'
import { PERHAPS, expectOneLog, phonesAt, startReplicas } from './replicas.ts'

/** How long a service answers nothing before a test gives up on it: far longer than any deadline of the service. */
const GIVE_UP_MS = 60_000

/** Returns the status of an answer and how long it took. */
const ask = async (url: string, path: string, token?: string) => {
  const begun = performance.now()
  const answer = await fetch(url + path, {
    ...(token === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...bearer(token) },
          body: JSON.stringify({ 'unlocking-method': PERHAPS + crypto.randomUUID() }),
        }),
    signal: AbortSignal.timeout(GIVE_UP_MS),
  })
  await answer.text()
  return { status: answer.status, tookMs: performance.now() - begun }
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
    for (let round = 0; round < 2; round += 1) {
      await until(() => load.count() > 20 * round)
      line.cut()
      const { url } = lonely ?? { url: '' }
      expect((await ask(url, '/logUnlocking', token)).status).toBe(503)
      expect((await ask(url, '/readyz')).status).toBe(503)
      expect((await ask(url, '/livez')).status).toBe(200)
      const before = others.count()
      await until(() => others.count() > before + 10)
      expect((await ask(url, '/logUnlocking', token)).status).toBe(503)
      line.mend()
      await until(() => isReady(url))
    }
    const phones = await load.end()
    const more = await others.end()
    for (const [id, told] of more.acknowledged) phones.acknowledged.set(id, told)
    for (const method of more.lone) phones.lone.add(method)
    const size = await expectOneLog(home, postgres.query, phones)
    tell(`a replica cut off from PostgreSQL, twice: ${size} events, none lost, doubled or moved`)
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
        for (const path of ['/logUnlocking', '/readyz']) {
          const answers = await Promise.all(
            replicas.map(({ url }) => ask(url, path, path === '/readyz' ? undefined : token)),
          )
          expect(answers.map(({ status }) => status)).toStrictEqual([503, 503, 503])
          waits.push(...answers.map(({ tookMs }) => tookMs))
        }
        const alive = await Promise.all(replicas.map(({ url }) => ask(url, '/livez')))
        expect(alive.map(({ status }) => status)).toStrictEqual([200, 200, 200])
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
