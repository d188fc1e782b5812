import { describe, expect, test } from 'bun:test'
import { bearer } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

type Answer = { readonly state: string; readonly scope: string | null; readonly running: boolean }

const verificationAt = async ({ get }: Replica, token: string): Promise<Answer> =>
  (await (await get('/v1/log/verification', bearer(token))).json()) as Answer

describe.if(CAN_POSTGRES)('the last verification of the log', () => {
  const place = useServer()

  test('is shown by all replicas in answers, metrics, console and readiness, even by one that starts later', async () => {
    await using home = await startReplicas(2, place())
    const leader = await home.leader()
    const other = home.replicas.find((replica) => replica !== leader) ?? leader
    const token = await leader.signIn('oli', 'owner')
    for (let count = 0; count < 3; count += 1)
      expect((await other.post('/v1/unlocks', [{ method: 'pin' }], bearer(token))).status).toBe(200)
    await other.unlocks.verification.verifyRecent()
    await until(async () => (await verificationAt(leader, token)).scope === 'recent')

    const asked = await other.post('/v1/log/verification', {}, bearer(token))
    expect(asked.status).toBe(202)
    await until(async () => (await verificationAt(leader, token)).scope === 'full')
    expect(await verificationAt(leader, token)).toMatchObject({ state: 'intact', running: false })

    await leader.db.run(`UPDATE unlock_event SET result = 'denied' WHERE seq = 0`)
    expect((await leader.post('/v1/log/verification', {}, bearer(token))).status).toBe(202)
    for (const replica of [leader, other]) {
      await until(async () => (await verificationAt(replica, token)).state === 'broken')
      const ready = await replica.get('/readyz')
      expect(ready.status).toBe(503)
      expect(await ready.text()).toContain('The unlock log does not verify')
      expect(await (await replica.get('/console')).text()).toContain('does not verify')
      const metrics = await replica.get('/metrics', bearer(token))
      expect(await metrics.text()).toMatch(
        /secure_lock_unlock_log_intact\{[^}]*scope="full"[^}]*\} 0/,
      )
      const doctor = await (await replica.get('/v1/doctor', bearer(token))).text()
      expect(doctor).toContain('The unlock log is broken')
    }
    // The log says so once.
    const said = [leader, other].flatMap(({ logLines }) =>
      logLines.filter((line) => line.includes('log is broken')),
    )
    expect(said).toHaveLength(1)

    // The newest events are right, but the fault stays.
    await using later = await startReplicas(1, home.place, { keysOf: leader.dataDir })
    const [third = leader] = later.replicas
    await third.unlocks.verification.refresh()
    expect(await verificationAt(third, token)).toMatchObject({ state: 'broken', scope: 'full' })
  })

  test('is not repeated while another replica verifies, unless that one has died', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = home.replicas
    if (!one || !other) throw new Error('they were not started')
    const token = await one.signIn('oli', 'owner')
    const running = (untilMs: number): Promise<number> =>
      one.db.run(
        `INSERT INTO setting (name, value) VALUES ('replica_verification', ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        JSON.stringify({ running: { by: 'another', untilMs } }),
      )
    await running(Date.now() + 60_000)
    await until(async () => (await verificationAt(other, token)).running)
    expect(await other.unlocks.verification.verifyAll()).toBeUndefined()
    await running(Date.now() - 1)
    expect(await other.unlocks.verification.verifyAll()).toMatchObject({ ok: true, scope: 'full' })
    await until(async () => (await verificationAt(one, token)).scope === 'full')
  })
})
