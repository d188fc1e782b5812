import { describe, expect, test } from 'bun:test'
import { bearer, clientOf } from '../support/app.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { tell } from './evidence.ts'
import { expectOneLog, phonesAt, startReplicas } from './replicas.ts'

type Primary = Awaited<ReturnType<typeof startPostgres>>

/** Makes a server acknowledge a commit only once a standby has it, or without. */
const wait = async ({ query }: Primary, isSynchronous: boolean): Promise<void> => {
  await query(`ALTER SYSTEM SET synchronous_standby_names = '${isSynchronous ? '*' : ''}'`)
  await query('SELECT pg_reload_conf()')
}

const isFollowed = async ({ query }: Primary): Promise<boolean> =>
  (await query("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")).length === 1

/** What waits for the standby. */
const waiting = async ({ query }: Primary): Promise<readonly string[]> => {
  const rows = await query<{ query: string }>(
    "SELECT query FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'",
  )
  return rows.map((row) => row.query)
}

describe.if(CAN_POSTGRES)('[D1] two replicas on a server with a synchronous standby', () => {
  test('that is lost: unlocks are refused until it is back or no longer waited for, and a repeat is recorded once', async () => {
    await using primary = await startPostgres({ hasFsync: true })
    await using standby = await primary.standby()
    await wait(primary, true)
    await until(() => isFollowed(primary))
    await using home = await startReplicas([primary.home('home'), primary.home('home')])
    const { replicas, token } = home
    const unlock = async (url: string, id: string): Promise<number> =>
      (await clientOf(url).post('/v1/unlocks', { id, method: `method ${id}` }, bearer(token)))
        .status
    const isRead = async (url: string): Promise<boolean> =>
      (await clientOf(url).get('/v1/unlocks', bearer(token))).status === 200
    const load = phonesAt(replicas, token)
    const ids: string[] = []
    for (const ending of ['it is back', 'nobody waits for it']) {
      const before = load.count()
      await until(() => load.count() > before + 10)
      await standby.stop()
      const id = crypto.randomUUID()
      ids.push(id)
      // Both refuse it, whichever of them waits for the standby.
      for (const { url } of replicas) {
        expect(await unlock(url, id)).toBe(503)
        await until(() => isRead(url))
        expect((await clientOf(url).get('/livez')).status).toBe(200)
      }
      const acknowledged = load.count()
      // A single connection, however long that lasts: the server keeps those that nobody waits for any more.
      await until(async () => (await waiting(primary)).length > 0)
      expect(await waiting(primary)).toStrictEqual(['COMMIT'])
      if (ending === 'it is back') {
        // After a crash, the server shows commits that the standby lacks; a repeat is not acknowledged before it has them.
        await primary.kill()
        await primary.start()
        for (const { url } of replicas) {
          await until(() => isRead(url))
          expect(await unlock(url, id)).toBe(503)
        }
      }
      expect(load.count()).toBe(acknowledged)
      if (ending === 'it is back') await standby.start()
      else await wait(primary, false)
      for (const { url } of replicas) await until(async () => (await unlock(url, id)) === 200)
      await until(() => load.count() > acknowledged + 10)
    }
    const phones = await load.end()
    for (const id of ids) phones.lone.add(`method ${id}`)
    const size = await expectOneLog(home, primary.query, phones)
    for (const { stop } of replicas) expect(await stop()).toBe(0)
    tell(`a synchronous standby lost, twice: ${size} events, none lost, doubled or moved`)
  })
})
