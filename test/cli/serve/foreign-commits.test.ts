import { describe, expect, test } from 'bun:test'
import { signedHeadFile } from '../../../src/unlocks/guard/head-file.ts'
import { PASSWORD, bearer } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { startReceiver } from '../../support/receiver.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { follow } from '../../support/stream.ts'
import { until } from '../../support/until.ts'

const record = async ({ post }: Replica, token: string): Promise<number> =>
  (await post('/v1/unlocks', [{ method: 'pin' }], bearer(token))).status

const pair = (replicas: readonly Replica[]): readonly [Replica, Replica] => {
  const [one, other] = replicas
  if (!one || !other) throw new Error('they were not started')
  return [one, other]
}

const headOf = ({ dataDir }: Replica): number => {
  const head = signedHeadFile(dataDir).peek()
  return head === 'damaged' || head === undefined ? 0 : head.size
}

describe.if(CAN_POSTGRES)('what one replica has committed', () => {
  const place = useServer()

  test('is shown in the streams of another', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = pair(home.replicas)
    const token = await one.signIn('oli', 'owner')
    const stream = await follow(other.url, bearer(token))
    for (let count = 0; count < 3; count += 1) expect(await record(one, token)).toBe(200)
    await until(() => stream.ids().length === 3)
    expect(stream.ids()).toStrictEqual([0, 1, 2])
    await stream.leave()
  })

  test('is the largest head in the data folder of each, so that none continues an older log', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = pair(home.replicas)
    const token = await one.signIn('oli', 'owner')
    expect(await record(one, token)).toBe(200)
    expect(await record(one, token)).toBe(200)
    await until(() => headOf(one) === 2 && headOf(other) === 2)
    // As after a failover to a standby that lacks the newest commits.
    const cut = (size: number) => [
      'DELETE FROM delivery',
      `DELETE FROM unlock_event WHERE seq >= ${size}`,
      `DELETE FROM tree_node WHERE number > 0`,
    ]
    const checkpoint = (await other.unlocks.unlockLog.headAt(1)).checkpoint
    await other.db.transaction(async (tx) => {
      for (const sql of cut(1)) await tx.run(sql)
      await tx.run('UPDATE log_head SET size = 1, checkpoint = ?', checkpoint)
    })
    for (const replica of [other, one]) {
      expect(await record(replica, token)).toBe(503)
      await until(() => replica.logLines.some((line) => line.includes('unlock log is stopped')))
    }
  })

  test('wakes the leader: a target that another replica has added is told at once', async () => {
    await using receiver = startReceiver()
    await using home = await startReplicas(2, place(), { env: { WEBHOOK_LOOPBACK: 'on' } })
    const leader = await home.leader()
    const other = home.replicas.find((replica) => replica !== leader) ?? leader
    const token = await other.signIn('oli', 'owner')
    const hook = { kind: 'webhook', name: 'hook', settings: { url: receiver.url } }
    const added = await other.post('/v1/targets', { ...hook, password: PASSWORD }, bearer(token))
    expect(added.status).toBe(200)
    expect(await record(other, token)).toBe(200)
    await until(() => receiver.seqs().length === 1)
    // One that failed waits for minutes, unless it is changed or its messages are queued again.
    const { id } = (await added.json()) as { id: string }
    receiver.answerWith(() => new Response(null, { status: 500 }))
    expect(await record(other, token)).toBe(200)
    await until(() => receiver.seqs().length === 2)
    await until(async () => {
      const row = await other.db.get<{ n: number }>(
        'SELECT count(*) AS n FROM delivery WHERE attempts > 0 AND settled_at_ms IS NULL',
      )
      return row?.n === 1
    })
    receiver.answerWith(() => new Response(null, { status: 204 }))
    const changed = await other.patch(
      `/v1/targets/${id}`,
      { name: 'hall', password: PASSWORD },
      bearer(token),
    )
    expect(changed.status).toBe(200)
    await until(() => receiver.seqs().length === 3)
    expect(receiver.seqs()).toStrictEqual([0, 1, 1])
  })

  test('opens the door: the leader asks the lock once for an attempt that another replica permitted', async () => {
    let switched = 0
    using lock = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        const { method } = (await request.json()) as { method: string }
        if (method === 'Switch.Set') switched += 1
        return Response.json({ id: 1, result: { output: false, was_on: false } })
      },
    })
    await using home = await startReplicas(3, place())
    const leader = await home.leader()
    const others = home.replicas.filter((replica) => replica !== leader)
    const [one, other] = pair(others)
    const token = bearer(await one.signIn('oli', 'owner'))
    const driver = { kind: 'shelly', settings: { url: `http://127.0.0.1:${lock.port}` } }
    const put = await one.put('/v1/locks/front-door/driver', driver, token)
    expect(put.status).toBe(200)
    await until(() => leader.drivers.stateOf('front-door') !== undefined)
    expect(one.drivers.stateOf('front-door')).toBeUndefined()
    for (const replica of [one, other, leader]) {
      const id = crypto.randomUUID()
      const before = switched
      const path = '/v1/locks/front-door'
      expect((await replica.post(`${path}/unlock`, { id }, token)).status).toBe(200)
      await until(async () => {
        const answer = await replica.get(`${path}/attempts/${id}`, token)
        return ((await answer.json()) as { delivery: string }).delivery !== 'asked'
      })
      expect(switched).toBe(before + 1)
      // As if its end could not be stored, and someone else writes.
      await replica.db.run(
        `UPDATE lock_operation SET state = 'asked', settled_at_ms = NULL WHERE attempt_id = ?`,
        id,
      )
      await leader.drivers.refresh()
      expect(switched).toBe(before + 1)
    }
  })
})
