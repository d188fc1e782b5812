import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { AppError } from '../../../src/errors.ts'
import { bearer } from '../../support/app.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

type Answer = {
  readonly backups: readonly { readonly file: string }[]
  readonly running: boolean
  readonly failure: { readonly reason: string } | null
}

const backupsAt = async ({ get }: Replica, token: string): Promise<Answer> =>
  (await (await get('/v1/backups', bearer(token))).json()) as Answer

describe.if(CAN_POSTGRES)('backups of a home with several replicas', () => {
  const place = useServer()

  test('are created by the leader, whichever replica is asked, and all list the same', async () => {
    const root = temporaryFolder()
    const going = Promise.withResolvers<void>()
    let created = 0
    await using home = await startReplicas(2, place(), {
      env: { BACKUP_DIR: root },
      createBackup: async (path) => {
        created += 1
        if (created === 2) await going.promise
        if (created === 3) throw new AppError('unavailable', 'the disk is full')
        await Bun.write(path, 'backup')
        return { bytes: 6, events: 0, isEncrypted: false }
      },
    })
    const leader = await home.leader()
    const other = home.replicas.find((replica) => replica !== leader) ?? leader
    const token = await leader.signIn('oli', 'owner')
    // The first is due at once.
    await until(async () => (await backupsAt(other, token)).backups.length === 1)

    const asked = await other.post('/v1/backups', {}, bearer(token))
    expect(asked.status).toBe(202)
    expect(((await asked.json()) as Answer).running).toBe(true)
    await until(() => created === 2)
    for (const replica of [leader, other])
      expect((await backupsAt(replica, token)).running).toBe(true)
    expect((await other.post('/v1/backups', {}, bearer(token))).status).toBe(202)
    going.resolve()
    for (const replica of [leader, other])
      await until(async () => !(await backupsAt(replica, token)).running)
    expect(created).toBe(2)
    expect(await backupsAt(other, token)).toStrictEqual(await backupsAt(leader, token))
    const by = await other.db.all<{ actor: string }>(
      `SELECT actor FROM audit_event WHERE action = 'backup.create' ORDER BY seq`,
    )
    expect(by).toHaveLength(2)
    expect(by[1]?.actor).not.toBeNull()
    expect(by[0]?.actor).toBeNull()

    // Every replica says why one failed.
    expect((await other.post('/v1/backups', {}, bearer(token))).status).toBe(202)
    await until(async () => {
      const { running, failure } = await backupsAt(other, token)
      return failure !== null && !running
    })
    expect(await backupsAt(other, token)).toStrictEqual(await backupsAt(leader, token))
    rmSync(root, { recursive: true })
  })

  test('are created by the next leader if the first dies before it sees the request', async () => {
    const root = temporaryFolder()
    let created = 0
    await using home = await startReplicas(2, place(), {
      env: { BACKUP_DIR: root },
      createBackup: async (path) => {
        created += 1
        await Bun.write(path, 'backup')
        return { bytes: 6, events: 0, isEncrypted: false }
      },
    })
    const leader = await home.leader()
    const other = home.replicas.find((replica) => replica !== leader) ?? leader
    const token = await leader.signIn('oli', 'owner')
    await until(async () => (await backupsAt(other, token)).backups.length === 1)
    expect((await other.post('/v1/backups', {}, bearer(token))).status).toBe(202)
    await leader.stop()
    await until(() => created === 2)
    await until(async () => !(await backupsAt(other, token)).running)
    expect((await backupsAt(other, token)).backups).toHaveLength(2)
    rmSync(root, { recursive: true })
  })

  test('cannot be requested if the leader has no folder for them', async () => {
    await using home = await startReplicas(2, place())
    const leader = await home.leader()
    const other = home.replicas.find((replica) => replica !== leader) ?? leader
    const token = await leader.signIn('oli', 'owner')
    for (const replica of [leader, other])
      expect((await replica.post('/v1/backups', {}, bearer(token))).status).toBe(409)
  })
})
