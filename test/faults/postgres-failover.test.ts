import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import { cable } from '../support/cable.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { signIn, tell } from './evidence.ts'
import { type Replica, expectOneLog, phonesAt, startReplicas } from './replicas.ts'

const OLDER =
  'The unlock log is shorter than what this gateway has signed: an older database was put back, so nothing is recorded until the right database is back, or someone accepts the loss on the gateway (secure-lock-server log accept-loss)'

const ANOTHER = OLDER.replace(
  'shorter than what this gateway has signed: an older',
  'not the one that this gateway has signed: another',
).replace('was put back', 'was put in its place')

/** Three replicas whose address of the database leads to another server after a failover; the third has a line of its
 * own. */
const withFailover = async () => {
  await using opened = new AsyncDisposableStack()
  const primary = opened.use(await startPostgres({ hasFsync: true }))
  const leadsTo = { port: primary.port }
  const line = opened.use(await cable(() => leadsTo.port))
  const far = opened.use(await cable(() => leadsTo.port))
  const [near = '', third = ''] = [line, far].map(({ port }) =>
    primary.home('home').replace(String(primary.port), String(port)),
  )
  const home = opened.use(await startReplicas([near, near, third]))
  const standby = opened.use(await primary.standby())
  const kept = opened.move()
  return {
    primary,
    standby,
    home,
    far,
    /** Leads the replicas to the standby from now on, and makes it a server of its own. */
    promote: async (): Promise<void> => {
      await standby.promote()
      leadsTo.port = standby.port
      line.drop()
      far.mend()
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

  test('without the newest commits: no replica signs, not even one that had seen less, until the loss is accepted on any of them', async () => {
    await using place = await withFailover()
    const { primary, standby, home, far } = place
    const [first, second, third] = home.replicas
    const unlock = unlocking(home.token)
    expect(await unlock(first)).toBe('ok')
    const count = async () => {
      const [row] = await standby.query<{ count: string }>('SELECT count(*) FROM home.unlock_event')
      return Number(row?.count)
    }
    await until(async () => (await count()) === 1)
    await standby.stop()
    far.cut()
    for (const replica of [first, second, first, second]) expect(await unlock(replica)).toBe('ok')
    await primary.kill()
    await standby.start()
    await place.promote()

    // The newest session may be lost, too. Logins work meanwhile.
    const unlockNow = unlocking(await signedInAgain(third))
    const answers = new Set<string>()
    for (const replica of [third, first, second]) {
      await until(async () => {
        const answer = await unlockNow(replica)
        answers.add(answer)
        return answer === `503 log_stopped ${OLDER}`
      })
      const ready = await clientOf(replica?.url ?? '').get('/readyz')
      expect(ready.status).toBe(503)
    }
    expect(answers).not.toContain('ok')
    expect(await count()).toBe(1)
    // The home remembers it, whoever runs.
    for (const { stop } of home.replicas) expect(await stop()).toBe(0)
    await third?.start()
    expect(await unlockNow(third)).toBe(`503 log_stopped ${OLDER}`)
    const found = await third?.run('doctor')
    expect(found?.out).toContain('The unlock log is stopped: an older database was put back')
    for (const replica of [first, second]) await replica?.start()
    expect(await unlockNow(first)).toBe(`503 log_stopped ${OLDER}`)

    const { status, words } = (await third?.run('log', 'accept-loss', '--yes')) ?? {}
    expect(status === 0 ? '' : words).toBe('')
    for (const replica of home.replicas)
      await until(async () => (await unlockNow(replica)) === 'ok')
    const losses = await standby.query<unknown>(
      "SELECT seq FROM home.unlock_event WHERE reason = 'unlocks_lost'",
    )
    // The third had seen less, and the others need not have seen the same.
    expect(losses.length).toBeWithin(1, home.replicas.length)
    for (const replica of home.replicas) {
      expect((await clientOf(replica.url).get('/readyz')).status).toBe(200)
      expect((await replica.run('log', 'accept-loss')).out).toContain('Nothing is lost')
    }
    expect((await first?.run('log', 'verify'))?.status).toBe(0)
  })
})

/** Logs in until it succeeds. */
const signedInAgain = async (replica: Replica | undefined): Promise<string> => {
  for (;;) {
    const found = await signIn(replica?.url ?? '').catch(() => undefined)
    if (found !== undefined) return found
  }
}

describe.if(CAN_POSTGRES)('[D1] a replica that starts late', () => {
  test('stops the log for all if others have recorded as much as it, or more, in an older database', async () => {
    await using postgres = await startPostgres()
    await using home = await startReplicas([postgres.home('home'), postgres.home('home')])
    const [here, late] = home.replicas
    const unlock = unlocking(home.token)
    for (const others of [1, 2]) {
      expect(await unlock(here)).toBe('ok')
      await postgres.query(KEEP)
      expect(await unlock(late)).toBe('ok')
      for (const { stop } of home.replicas) expect(await stop()).toBe(0)
      await postgres.query(PUT_BACK)
      // This one has not seen the last unlock.
      rmSync(join(here?.folder ?? '', 'data/log-signed-head'))
      await here?.start()
      for (let at = 0; at < others; at += 1) expect(await unlock(here)).toBe('ok')
      await late?.start()
      for (const replica of [late, here])
        await until(async () => (await unlock(replica)) === `503 log_stopped ${ANOTHER}`)
      const { status, words } = (await here?.run('log', 'accept-loss', '--yes')) ?? {}
      expect(status === 0 ? '' : words).toBe('')
      for (const replica of [late, here]) await until(async () => (await unlock(replica)) === 'ok')
    }
    expect((await late?.run('log', 'verify'))?.status).toBe(0)
  })
})

const EACH_TABLE = (run: string) => `DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'home' AND tablename <> 'account' LOOP
    ${run}
  END LOOP;
END $$`

/** Keeps the rows of a home, without its account, and puts them back in place of what is there by then. */
const KEEP = `DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept;
  ${EACH_TABLE("EXECUTE format('CREATE TABLE kept.%I AS TABLE home.%1$I', name);")}`
const PUT_BACK = EACH_TABLE(
  "EXECUTE format('DELETE FROM home.%I; INSERT INTO home.%1$I TABLE kept.%1$I', name);",
)
