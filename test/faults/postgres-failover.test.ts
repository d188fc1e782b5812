import { describe, expect, test } from 'bun:test'
import { bearer, clientOf } from '../support/app.ts'
import { cable } from '../support/cable.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { signIn, tell } from './evidence.ts'
import { type Replica, expectOneLog, phonesAt, startReplicas } from './replicas.ts'

const OLDER =
  'The unlock log is shorter than what this gateway has signed: an older database was put back, so nothing is recorded until the right database is back, or someone accepts the loss on the gateway (secure-lock-server log accept-loss)'

/** Three replicas whose address of the database leads to another server after a failover. */
const withFailover = async () => {
  await using opened = new AsyncDisposableStack()
  const primary = opened.use(await startPostgres({ hasFsync: true }))
  const leadsTo = { port: primary.port }
  const line = opened.use(await cable(() => leadsTo.port))
  const address = primary.home('home').replace(String(primary.port), String(line.port))
  const home = opened.use(await startReplicas([address, address, address]))
  const standby = opened.use(await primary.standby())
  const kept = opened.move()
  return {
    primary,
    standby,
    home,
    /** Leads the replicas to the standby from now on, and makes it a server of its own. */
    promote: async (): Promise<void> => {
      await standby.promote()
      leadsTo.port = standby.port
      line.drop()
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const unlocking = (token: string) => async (replica: Replica | undefined) => {
  const answer = await clientOf(replica?.url ?? '').post(
    '/logUnlocking',
    { 'unlocking-method': crypto.randomUUID() },
    bearer(token),
  )
  const { msg, code } = (await answer.json()) as { msg: string; code?: string }
  return answer.status === 200 ? 'ok' : `${answer.status} ${code ?? ''} ${msg}`
}

describe.if(CAN_POSTGRES)('[D1] a standby is promoted', () => {
  test('with the newest commits, under load: each acknowledged event is there once, where the phone was told', async () => {
    await using place = await withFailover()
    const { primary, standby, home } = place
    await primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await primary.query('SELECT pg_reload_conf()')
    const isSynchronous = async () => {
      const rows = await primary.query<{ sync_state: string }>(
        'SELECT sync_state FROM pg_stat_replication',
      )
      return rows[0]?.sync_state === 'sync'
    }
    await until(isSynchronous)
    const load = phonesAt(home.replicas, home.token)
    await until(() => load.count() > 50)
    await primary.kill()
    await place.promote()
    // It has no standby of its own.
    const before = load.count()
    await until(() => load.count() > before + 50)
    const size = await expectOneLog(home, standby.query, await load.end())
    tell(`a standby with the newest commits: ${size} events, none lost, doubled or moved`)
  })

  test('without the newest commits: every replica that has seen more signs nothing, until the loss is accepted', async () => {
    await using place = await withFailover()
    const { primary, standby, home } = place
    const [first, second] = home.replicas
    const unlock = unlocking(home.token)
    expect(await unlock(first)).toBe('ok')
    await until(async () => {
      const [row] = await standby.query<{ count: string }>('SELECT count(*) FROM home.unlock_event')
      return row?.count === '1'
    })
    await standby.stop()
    for (const replica of [first, second, first, second]) expect(await unlock(replica)).toBe('ok')
    await primary.kill()
    await standby.start()
    await place.promote()

    // Each logs in again, since the newest session may be lost, too.
    const token = await (async () => {
      for (;;) {
        const found = await signIn(first?.url ?? '').catch(() => undefined)
        if (found !== undefined) return found
      }
    })()
    const unlockNow = unlocking(token)
    for (const replica of [first, second]) {
      await until(async () => (await unlockNow(replica)) === `503 log_stopped ${OLDER}`)
      const ready = await clientOf(replica?.url ?? '').get('/readyz')
      expect(ready.status).toBe(503)
    }
    const count = async () => {
      const [row] = await standby.query<{ count: string }>('SELECT count(*) FROM home.unlock_event')
      return Number(row?.count)
    }
    expect(await count()).toBe(1)
    // What was signed is kept over a restart.
    expect(await first?.stop()).toBe(0)
    await first?.start()
    expect(await unlockNow(first)).toBe(`503 log_stopped ${OLDER}`)

    for (const { run } of home.replicas) {
      const { status, words } = await run('log', 'accept-loss', '--yes')
      expect(status === 0 ? '' : words).toBe('')
    }
    for (const replica of home.replicas) expect(await unlockNow(replica)).toBe('ok')
    const losses = await standby.query<unknown>(
      "SELECT seq FROM home.unlock_event WHERE reason = 'unlocks_lost'",
    )
    // At most one for each replica: one may have seen more than another.
    expect(losses.length).toBeWithin(1, home.replicas.length + 1)
    expect((await first?.run('log', 'verify'))?.status).toBe(0)
  })
})
