import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { CAN_SLOW, slowDisk } from '../support/slow-disk.ts'
import { until } from '../support/until.ts'
import { expectTruth, signIn, spread, tell } from './evidence.ts'
import { load, noOutcomes } from './load.ts'

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }

/** A sync that ends only when a test lets it; and after how long it is slow enough for a stop to skip the next. */
const HANGING_MS = 3_600_000
const SLOW_MS = 1500

const READS = 20

describe.if(CAN_SLOW)('a disk on which a sync lasts for seconds', () => {
  test('[D1, O1] everything but writes is answered during a sync, and as if the unlock were not there', async () => {
    const folder = temporaryFolder()
    const disk = slowDisk(folder)
    await using service = await startService({ folder, env: { ...ENV, ...disk.env } })
    const token = await signIn(service.url)
    const { get, post } = clientOf(service.url)
    const send = () => post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    /** What others can know: how many unlocks there are, and how many the checkpoint has. */
    const visible = async () => {
      const { unlocks } = (await (await get('/v1/unlocks?limit=50', bearer(token))).json()) as {
        unlocks: unknown[]
      }
      const checkpoint = await (await get('/v1/log/checkpoint', bearer(token))).text()
      return { unlocks: unlocks.length, size: Number(checkpoint.split('\n')[1]) }
    }
    expect((await send()).status).toBe(200)
    expect(await visible()).toStrictEqual({ unlocks: 1, size: 1 })
    disk.delay(HANGING_MS, '.db')
    const unlock = { isAnswered: false }
    const unlocking = send().finally(() => (unlock.isAnswered = true))
    await until(() => disk.held().length > 0)
    const times: number[] = []
    for (const path of ['/livez', '/v1/me', '/v1/unlocks?limit=50', '/v1/unlocks/stats'])
      for (let read = 0; read < READS; read += 1) {
        const begun = performance.now()
        const answer = await get(path, bearer(token))
        await answer.arrayBuffer()
        expect([path, answer.status]).toStrictEqual([path, 200])
        times.push(performance.now() - begun)
      }
    expect(await visible()).toStrictEqual({ unlocks: 1, size: 1 })
    expect(unlock.isAnswered).toBe(false)
    disk.delay(0)
    expect((await unlocking).status).toBe(200)
    expect(await visible()).toStrictEqual({ unlocks: 2, size: 2 })
    tell(`during a sync: ${times.length} reads, ${spread(times)}`)
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('[D1, G14] unlocks do not wait for the file with the largest signed head', async () => {
    const folder = temporaryFolder()
    const signed = () =>
      JSON.parse(readFileSync(join(folder, 'data/log-signed-head'), 'utf8')) as { size: number }
    const disk = slowDisk(folder)
    await using service = await startService({ folder, env: { ...ENV, ...disk.env } })
    const token = await signIn(service.url)
    const { post } = clientOf(service.url)
    disk.delay(HANGING_MS, 'log-signed-head')
    for (let done = 0; done < READS; done += 1) {
      const answer = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
      expect(answer.status).toBe(200)
    }
    await until(() => disk.held().some((name) => name.startsWith('log-signed-head')))
    expect(signed().size).toBe(0)
    disk.delay(0)
    await until(() => signed().size === READS)
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('[O1] it is not ready after 5 s without an answer, alive all the while, and ready again later', async () => {
    const folder = temporaryFolder()
    const disk = slowDisk(folder)
    await using service = await startService({ folder, env: { ...ENV, ...disk.env } })
    const token = await signIn(service.url)
    const { get, post } = clientOf(service.url)
    const readiness = async () => (await get('/readyz')).status
    expect(await readiness()).toBe(200)
    disk.delay(HANGING_MS)
    const unlocking = post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    await until(async () => {
      expect((await get('/livez')).status).toBe(200)
      return (await readiness()) === 503
    })
    const answer = await get('/readyz')
    expect(await answer.json()).toStrictEqual({ msg: 'The disk has not answered for 5 seconds' })
    disk.delay(0)
    expect((await unlocking).status).toBe(200)
    await until(async () => (await readiness()) === 200)
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('[D1, O1] a stop under load ends with the sync that is under way, and nothing that was acknowledged is lost', async () => {
    const folder = temporaryFolder()
    const disk = slowDisk(folder)
    const outcomes = noOutcomes()
    const ofDatabase = (names: readonly string[]) =>
      names.filter((name) => name.includes('.db')).length
    const databaseSyncs = () => ofDatabase(disk.synced())
    {
      await using service = await startService({
        folder,
        env: { ...ENV, ...disk.env, LOG_LEVEL: 'info' },
      })
      const token = await signIn(service.url)
      const progress = { isOver: false }
      const loaded = load({ url: service.url, token, outcomes, isOver: () => progress.isOver })
      await until(() => outcomes.acknowledged.size > 0)
      disk.delay(HANGING_MS)
      await until(() => ofDatabase(disk.held()) > 0)
      await Bun.sleep(SLOW_MS)
      const syncs = databaseSyncs()
      const stopping = service.stop()
      await until(() => service.output().log.includes('"stopping"'))
      expect(databaseSyncs()).toBe(syncs)
      disk.delay(0)
      expect(await stopping).toBe(0)
      expect(databaseSyncs()).toBe(syncs + 1)
      progress.isOver = true
      await loaded
    }
    const { status, words } = await runCommand(['log', 'verify'], { folder })
    expect({ status, words }).toStrictEqual({ status: 0, words: '' })
    expectTruth(join(folder, 'data/secure-lock.db'), outcomes, 0)
    rmSync(folder, { recursive: true })
  })
})
