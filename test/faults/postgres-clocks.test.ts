import { describe, expect, test } from 'bun:test'
import { CAN_FAKE, fakeTime } from '../support/faketime.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { tell } from './evidence.ts'
import { expectOneLog, phonesAt, startReplicas } from './replicas.ts'

/** Far less than the clocks differ, and far more than it takes to ask the database for the time. */
const NEAR_MS = 60_000

describe.if(CAN_POSTGRES && CAN_FAKE)('replicas whose clocks differ by minutes', () => {
  test('[D6] times in the log never run backwards, and nothing forks', async () => {
    await using postgres = await startPostgres({ hasFsync: true })
    const nowMs = async (): Promise<number> => {
      const [row] = await postgres.query<{ ms: string }>(
        'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS ms',
      )
      return Number(row?.ms)
    }
    const begunAtMs = await nowMs()
    const clocks = ['+0', '-4m', '+3m']
    const homes = clocks.map(() => postgres.home('home'))
    await using home = await startReplicas(homes, clocks.map(fakeTime))
    const load = phonesAt(home.replicas, home.token)
    await until(() => load.count() > 100)
    await home.replicas[2]?.stop('SIGKILL')
    const before = load.count()
    await until(() => load.count() > before + 100)
    await home.replicas[2]?.start()
    const size = await expectOneLog(home, postgres.query, await load.end())
    // All go by the clock of the database.
    const [row] = await postgres.query<{ wrong: string }>(
      `SELECT count(*) AS wrong FROM home.unlock_event
       WHERE received_at_ms NOT BETWEEN ${begunAtMs} - ${NEAR_MS} AND ${await nowMs()} + ${NEAR_MS}`,
    )
    expect(Number(row?.wrong)).toBe(0)
    tell(`replicas whose clocks differ by 7 minutes: ${size} events, in order, by one clock`)
  })
})
