import { describe, expect, test } from 'bun:test'
import { bearer, clientOf } from '../support/app.ts'
import { CAN_PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { follow } from '../support/stream.ts'
import { until } from '../support/until.ts'
import { SHARE, signIn, tell } from './evidence.ts'
import { expectOneLog, leads, phonesAt, startReplicas } from './replicas.ts'

const EVENTS = 2000 * SHARE

describe.if(CAN_POSTGRES && CAN_PGBOUNCER)('[D1] two replicas behind PgBouncer', () => {
  test('in transaction mode are one home: streams, sessions, limits and the lead, also after a kill -9 under load', async () => {
    await using postgres = await startPostgres({ hasFsync: true })
    await using pooler = await startPgBouncer(postgres.port, 'transaction')
    const address = `${pooler.home('home')}&direct=127.0.0.1:${postgres.port}`
    // At this level, the log says who leads; a limit that nobody reaches is counted all the same.
    const settings = {
      LOG_LEVEL: 'info',
      RATE_LIMIT_UNLOCK: '1000000/minute',
      UNLOCK_QUOTA: 'off',
      UNLOCK_QUOTA_WAITING: 'off',
      UNLOCK_QUOTA_CLIENT: 'off',
      UNLOCK_QUOTA_BYTES: 'off',
    }
    await using home = await startReplicas([address, address], [settings, settings])
    const { replicas, token } = home
    const [one, other] = replicas
    if (!one || !other) throw new Error('they were not started')
    const count = async (what: string): Promise<number> =>
      (await postgres.query(`SELECT 1 FROM ${what}`)).length
    await until(async () => (await count("pg_stat_activity WHERE query LIKE 'LISTEN%'")) === 2)

    const stream = await follow(other.url, bearer(token))
    const load = phonesAt(replicas, token)
    await until(() => load.count() > EVENTS / 3)
    await until(() => stream.messages.length > EVENTS / 3)
    await stream.leave()

    const leaving = bearer(await signIn(one.url))
    expect((await clientOf(other.url).get('/v1/me', leaving)).status).toBe(200)
    expect((await clientOf(one.url).post('/v1/session/logout', {}, leaving)).status).toBe(200)
    expect((await clientOf(other.url).get('/v1/me', leaving)).status).toBe(401)

    await until(() => replicas.some(leads))
    const [leader, follower] = leads(one) ? [one, other] : [other, one]
    await leader.stop('SIGKILL')
    await postgres.query('UPDATE home.lease SET ends_at = clock_timestamp()')
    await until(() => leads(follower))
    const before = load.count()
    await until(() => load.count() > before + EVENTS / 3)
    await leader.start()
    await until(() => load.count() > EVENTS)

    const phones = await load.end()
    const size = await expectOneLog(home, postgres.query, phones)
    expect(await count('home.rate_window')).toBeGreaterThan(0)
    for (const { output, stop } of replicas) {
      expect(await stop()).toBe(0)
      expect(output().log).not.toContain('"level":"error"')
      expect(output().log).not.toContain('limits are counted by this replica alone')
    }
    tell(`two replicas behind PgBouncer: ${size} events, none lost, doubled or moved`)
  })
})
