import { describe, expect, test } from 'bun:test'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { shownAddress } from '../../../src/config/postgres-address.ts'
import { KEY_FILES } from '../../../src/storage/files/data-dir.ts'
import { connect } from '../../../src/storage/postgres/client.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { startReceiver } from '../../support/receiver.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

const ENV = { WEBHOOK_LOOPBACK: 'on' }

type Client = Pick<ReturnType<typeof clientOf>, 'post'>

const addHook = async ({ post }: Client, token: string, url: string): Promise<void> => {
  const hook = { kind: 'webhook', name: 'hook', settings: { url }, password: PASSWORD }
  expect((await post('/v1/targets', hook, bearer(token))).status).toBe(200)
}

const record = async ({ post }: Client, token: string, count = 1): Promise<void> => {
  const events = Array.from({ length: count }, () => ({ method: 'pin' }))
  expect((await post('/v1/unlocks', events, bearer(token))).status).toBe(200)
}

const others = (replicas: readonly Replica[], leader: Replica) =>
  replicas.filter((replica) => replica !== leader)

const first = (replicas: readonly Replica[]): Replica => {
  const [replica] = replicas
  if (!replica) throw new Error('there is none')
  return replica
}

describe.if(CAN_POSTGRES)('replicas of a home', () => {
  const place = useServer()

  test('tell each event once and in order, whichever of them recorded it and when they stop', async () => {
    await using receiver = startReceiver()
    await using home = await startReplicas(3, place(), { env: ENV })
    const leader = await home.leader()
    const token = await leader.signIn('oli', 'owner')
    await addHook(leader, token, receiver.url)
    for (const replica of home.replicas) await record(replica, token)
    await record(leader, token)
    await until(() => receiver.seqs().length === 4)
    // What is not known to have arrived would be told again.
    await until(async () => (await leader.db.get<{ n: number }>(WAITING))?.n === 0)
    await leader.stop()
    const left = others(home.replicas, leader)
    for (const replica of left) await record(replica, token)
    await until(() => receiver.seqs().length === 6)
    expect(receiver.seqs()).toStrictEqual([0, 1, 2, 3, 4, 5])
    const next = left.find(({ db }) => db.leading.isLeader())
    expect(next?.logLines.some((line) => line.includes('this replica leads'))).toBe(true)
  })

  test('that lose the lead and get it back go on where the other stopped', async () => {
    await using receiver = startReceiver()
    await using home = await startReplicas(1, place(), { env: ENV })
    const one = first(home.replicas)
    const token = await one.signIn('oli', 'owner')
    await home.leader()
    await addHook(one, token, receiver.url)
    await record(one, token)
    await until(async () => (await one.db.get<{ n: number }>(WAITING))?.n === 0)
    expect(receiver.seqs()).toStrictEqual([0])
    const setLease = (ends: string) =>
      one.db.run(`UPDATE lease SET term = term + 1, ends_at = clock_timestamp() + ${ends}`)
    // As if another replica had taken the lease while this one was frozen.
    await setLease(`interval '1 hour'`)
    await until(() => !one.db.leading.isLeader())
    await until(() => one.logLines.some((line) => line.includes('no longer leads')))
    await record(one, token)
    expect((await one.db.get<{ n: number }>(WAITING))?.n).toBe(1)
    await setLease(`interval '0'`)
    await until(() => receiver.seqs().length === 2)
    expect(receiver.seqs()).toStrictEqual([0, 1])
  })

  test('keep the broker as a target until one without a broker leads', async () => {
    const target = (replica: Replica) =>
      replica.db.get<{ id: string }>(`SELECT id FROM target WHERE id = 'mqtt'`)
    const home = place()
    await using withBroker = await startReplicas(1, home, {
      env: { MQTT_URL: 'mqtt://127.0.0.1:1' },
    })
    const leader = await withBroker.leader()
    await until(async () => (await target(leader)) !== undefined)
    await leader.stop()
    await using without = await startReplicas(1, home, { keysOf: leader.dataDir })
    const other = first(without.replicas)
    await until(() => other.db.leading.isLeader())
    await until(async () => (await target(other)) === undefined)
  })

  test('that take the lead while the server hangs begin the work of the leader once it answers', async () => {
    const home = place()
    await using before = await startReplicas(1, home)
    const old = await before.leader()
    await old.stop()
    const table = `${home.postgres.schema}.target`
    await using busy = connect(home.postgres, { max: 1 })
    await busy.unsafe(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`).simple()
    const env = { MQTT_URL: 'mqtt://127.0.0.1:1' }
    await using after = await startReplicas(1, home, { keysOf: old.dataDir, env })
    const one = first(after.replicas)
    await until(() => one.logLines.some((line) => line.includes('work of the leader')))
    await busy.unsafe('ROLLBACK').simple()
    await until(
      async () => (await one.db.get(`SELECT 1 FROM target WHERE id = 'mqtt'`)) !== undefined,
    )
  })

  test('[kill -9] another one leads, and everything that was recorded is told', async () => {
    await using receiver = startReceiver()
    const { postgres } = place()
    const env = { ...UNLIMITED, ...ENV, DATABASE_URI: shownAddress(postgres) }
    const folders = [temporaryFolder(), temporaryFolder()] as const
    await addAccount('oli', { role: 'owner', folder: folders[0], env })
    for (const name of Object.values(KEY_FILES))
      if (existsSync(join(folders[0], 'data', name)))
        cpSync(join(folders[0], 'data', name), join(folders[1], 'data', name))
    const leader = await startService({ folder: folders[0], env })
    const leads = ({ output }: typeof leader) => output().log.includes('this replica leads')
    await until(() => leads(leader))
    await using other = await startService({ folder: folders[1], env })
    const token = await tokenFor(leader.url, 'oli')
    await addHook(clientOf(leader.url), token, receiver.url)
    await record(clientOf(other.url), token, 5)
    await until(() => receiver.seqs().length === 5)
    await record(clientOf(leader.url), token, 100)
    await leader.stop('SIGKILL')
    await record(clientOf(other.url), token, 5)
    await until(() => leads(other))
    await until(() => new Set(receiver.seqs()).size === 110)
    // Those that were told just before the end may be told again with the same ids, and only those.
    const told = receiver.received.map(({ id, data }) => `${id} ${String(data['seq'])}`)
    expect(new Set(told).size).toBe(110)
    await other.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
})

const WAITING = `SELECT count(*) AS n FROM delivery WHERE state = 'waiting'`
