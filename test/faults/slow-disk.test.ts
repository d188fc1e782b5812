import { describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { CAN_FAULT, answerAgain, withUnanswering } from '../support/faulty-calls.ts'
import { CAN_SLOW, slowDisk } from '../support/slow-disk.ts'
import { IS_LONG, expectTruth, signIn, tell } from './evidence.ts'
import { noOutcomes, postMany } from './load.ts'
import { until } from '../support/until.ts'
import { scraping } from '../support/metrics-token.ts'

/** How long one sync takes: on an SD card at its worst, and on one that is about to fail. */
const SYNC_MS = IS_LONG ? [200, 1000, 3000] : [200]

/** A sync that ends only when the test lets it. */
const HANGING_MS = 3_600_000

/** More than may wait at once, and more than a stop has time for. */
const BATCHES = 40
const BATCH_EVENTS = 500

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }

describe.if(CAN_SLOW)('a disk whose syncs are slow', () => {
  for (const syncMs of SYNC_MS)
    test(`[D1, D4, O1] ${syncMs} ms: answers wait for the sync, excess writes are refused, other requests are served, and a stop completes`, async () => {
      const folder = temporaryFolder()
      const disk = slowDisk(folder)
      const outcomes = noOutcomes()
      {
        await using service = await startService({ folder, env: { ...ENV, ...disk.env } })
        const { url } = service
        const token = await signIn(url)
        const { get, post } = clientOf(url)
        disk.delay(syncMs)
        const begun = performance.now()
        expect(await postMany({ url, token, outcomes }, 1)).toBe(true)
        expect(performance.now() - begun).toBeGreaterThanOrEqual(syncMs)

        const waits: string[] = []
        const burst = () =>
          Promise.all(
            Array.from({ length: BATCHES }, () => postMany({ url, token, outcomes }, BATCH_EVENTS)),
          )
        // Until there was time for all that follows, however busy the machine is.
        disk.delay(HANGING_MS)
        const writes = { areOver: false }
        const writing = burst().finally(() => (writes.areOver = true))
        await until(() => outcomes.refused.size > 0)
        const reads = [() => get('/livez'), () => get('/v1/unlocks?limit=5', bearer(token))]
        for (const read of reads) {
          const startMs = performance.now()
          expect((await read()).status).toBe(200)
          expect(writes.areOver).toBe(false)
          waits.push(`${(performance.now() - startMs).toFixed(0)} ms`)
        }
        disk.delay(syncMs)
        await writing
        expect(outcomes.acknowledged.size).toBeGreaterThan(BATCH_EVENTS)
        await until(async () => (await get('/readyz')).status === 200)
        expect(await (await get('/readyz')).json()).toStrictEqual({ status: 'ready' })

        const last = burst()
        const single = post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
        void single.catch(() => {})
        await Bun.sleep(10)
        const stopped = performance.now()
        expect(await service.stop()).toBe(0)
        const stopMs = performance.now() - stopped
        await last
        tell(
          `sync of ${syncMs} ms: /livez ${waits[0]}, a read ${waits[1]} while writes wait; stopped after ${stopMs.toFixed(0)} ms with ${outcomes.unanswered.size} events unanswered`,
        )
      }
      const { status, words } = await runCommand(['log', 'verify'], { folder })
      expect({ status, words }).toStrictEqual({ status: 0, words: '' })
      outcomes.unanswered.add('pin')
      expectTruth(join(folder, 'data/secure-lock.db'), outcomes, 0)
      rmSync(folder, { recursive: true })
    })
})

describe.if(CAN_FAULT)('a backup share that no longer answers', () => {
  test('[O1] is reported, and people can still log in, however many ask for its state', async () => {
    const folder = temporaryFolder()
    const backups = join(folder, 'share')
    mkdirSync(backups)
    const added = ['user', 'add', '--role', 'owner', 'oli']
    await runCommand(added, { folder, env: ENV, input: `${PASSWORD}\n` })
    await using service = await startService({
      folder,
      env: { ...ENV, LOG_LEVEL: 'info', BACKUP_DIR: backups },
      within: withUnanswering(backups),
    })
    const { get, post } = clientOf(service.url)
    const scrapes = Array.from({ length: 16 }, () => get('/metrics', scraping(folder)))
    await Bun.sleep(500)
    const tokens: string[] = []
    for (let n = 0; n < 4; n += 1) {
      const login = await post('/login', { username: 'oli', password: PASSWORD })
      tokens.push(((await login.json()) as { access_token: string }).access_token)
    }
    expect(new Set(tokens).size).toBe(4)
    const owner = bearer(tokens[0] ?? '')
    for (const answer of await Promise.all(scrapes)) {
      expect(answer.status).toBe(200)
      expect(await answer.text()).not.toMatch(/^secure_lock_backup_newest/m)
    }
    const listed = await get('/v1/backups', owner)
    expect([listed.status, await listed.json()]).toStrictEqual([
      503,
      expect.objectContaining({ detail: expect.stringContaining('does not answer') }),
    ])
    const { findings } = (await (await get('/v1/doctor', owner)).json()) as {
      findings: { check: string; state: string; says: string }[]
    }
    expect(findings.find(({ check }) => check === 'backup')).toMatchObject({
      state: 'fault',
      says: expect.stringContaining('does not answer'),
    })
    process.kill(service.pid, 'SIGTERM')
    await until(() => service.output().log.includes('"msg":"stopped"'))
    answerAgain(service.pid)
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })
})
