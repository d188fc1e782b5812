import { describe, expect, test } from 'bun:test'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { SHARE, tell } from './evidence.ts'
import { expectOneLog, phonesAt, startReplicas } from './replicas.ts'

const REPLICA_KILLS = Math.ceil(60 * SHARE)
const SERVER_KILLS = Math.ceil(30 * SHARE)
const REPLICAS = 3
const LOAD_MS_MAX = 400

/** Three replicas of one home under load, on a server that has what it acknowledges on disk. */
const underLoad = async () => {
  await using opened = new AsyncDisposableStack()
  const postgres = opened.use(await startPostgres({ hasFsync: true }))
  const homes = Array.from({ length: REPLICAS }, () => postgres.home('home'))
  const home = opened.use(await startReplicas(homes))
  const load = phonesAt(home.replicas, home.token)
  const kept = opened.move()
  return {
    postgres,
    home,
    load,
    /** Waits for a moment at which something is being recorded. */
    moment: async (): Promise<void> => {
      const before = load.count()
      await until(() => load.count() > before)
      await Bun.sleep(Math.random() * LOAD_MS_MAX)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const figures = ({ repeats, duplicates }: { repeats: number; duplicates: number }) =>
  `${repeats} repeats, ${duplicates} of which met their own commit; none lost, doubled or moved`

describe.if(CAN_POSTGRES)('[D1] three replicas of one log', () => {
  test(`of which one is killed, ${REPLICA_KILLS} times: each acknowledged event is there once, where the phone was told`, async () => {
    await using place = await underLoad()
    const { home, load, moment } = place
    for (let round = 0; round < REPLICA_KILLS; round += 1) {
      await moment()
      const victim = home.replicas[round % REPLICAS]
      await victim?.stop('SIGKILL')
      await victim?.start()
    }
    const phones = await load.end()
    const size = await expectOneLog(home, place.postgres.query, phones)
    expect(size).toBeGreaterThan(REPLICA_KILLS)
    tell(`kill -9 of replicas: ${REPLICA_KILLS} rounds, ${size} events, ${figures(phones)}`)
  })

  test(`while PostgreSQL is killed, ${SERVER_KILLS} times: each acknowledged event is there once, where the phone was told`, async () => {
    await using place = await underLoad()
    const { home, load, moment, postgres } = place
    for (let round = 0; round < SERVER_KILLS; round += 1) {
      await moment()
      await (round % 2 === 0 ? postgres.kill() : postgres.stop('SIGQUIT'))
      await postgres.start()
    }
    await moment()
    const phones = await load.end()
    const size = await expectOneLog(home, place.postgres.query, phones)
    expect(size).toBeGreaterThan(SERVER_KILLS)
    for (const { stop } of home.replicas) expect(await stop()).toBe(0)
    tell(`kill -9 of PostgreSQL: ${SERVER_KILLS} rounds, ${size} events, ${figures(phones)}`)
  })
})
