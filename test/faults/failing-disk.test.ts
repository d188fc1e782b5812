import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { CAN_FAULT, faultyCalls } from '../support/faulty-calls.ts'
import { ROUNDS as ROUNDS_ASKED, expectTruth, signIn, tell } from './evidence.ts'
import { load, noOutcomes } from './load.ts'
import { until } from '../support/until.ts'

const ROUNDS = Math.ceil(ROUNDS_ASKED / 2)

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }

const NO_WRITES =
  'The disk accepts no writes: it is read-only, at a limit or failing; see the log of the system'

/** What fails, with which error, and the message. */
const FAULTS = [
  ['fsync,fdatasync', 'EIO', NO_WRITES],
  ['pwrite64', 'EIO', NO_WRITES],
  ['pwrite64', 'EROFS', NO_WRITES],
  ['pwrite64', 'ENOSPC', 'The disk is full'],
  ['pwrite64', 'EDQUOT', NO_WRITES],
] as const

describe.if(CAN_FAULT)('a disk that fails under the running service', () => {
  for (const [calls, error, message] of FAULTS)
    test(`[D1, D4] ${calls} ${error}: nothing is acknowledged, reads continue, and everything works once the disk does`, async () => {
      const folder = temporaryFolder()
      {
        await using service = await startService({ folder, env: ENV })
        const { get, post } = clientOf(service.url)
        const token = await signIn(service.url)
        const unlock = (method: string) =>
          post('/logUnlocking', { 'unlocking-method': method }, bearer(token))
        const status = async (answer: Promise<Response>) => (await answer).status
        expect(await status(unlock('before'))).toBe(200)
        {
          await using failing = await faultyCalls(service.pid, calls, `error=${error}`)
          for (let time = 0; time < 3; time += 1) {
            const answer = await unlock('meanwhile')
            expect(answer.status).toBe(503)
            expect(answer.headers.get('retry-after')).toBe('2')
            expect(await answer.json()).toStrictEqual({ msg: message })
          }
          const person = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
          expect(await status(post('/register', person))).toBe(503)
          expect(await status(post('/login', { ...person, username: 'ada' }))).toBe(503)
          expect(await status(get('/readyz'))).toBe(503)
          expect(await status(get('/livez'))).toBe(200)
          expect(await status(get('/v1/unlocks', bearer(token)))).toBe(200)
          await failing.mend()
        }
        expect(await status(unlock('after'))).toBe(200)
        await until(async () => (await status(get('/readyz'))) === 200)
        const { unlocks } = (await (await get('/v1/unlocks', bearer(token))).json()) as {
          unlocks: { method: string }[]
        }
        expect(unlocks.map(({ method }) => method)).toStrictEqual(['after', 'before'])
        await service.stop('SIGKILL')
      }
      const verdict = await runCommand(['log', 'verify'], { folder })
      expect(verdict).toMatchObject({ status: 0, words: '' })
      expect(verdict.out).toContain('2 events')
      rmSync(folder, { recursive: true })
    })

  test('[D1, D4] an event refused because its sync failed is not there after a kill -9 either', async () => {
    const folder = temporaryFolder()
    {
      await using service = await startService({ folder, env: ENV })
      const { post } = clientOf(service.url)
      const headers = bearer(await signIn(service.url))
      await using failing = await faultyCalls(service.pid, 'fsync,fdatasync', 'error=EIO')
      const answer = await post('/logUnlocking', { 'unlocking-method': 'pin' }, headers)
      expect(answer.status).toBe(503)
      await service.stop('SIGKILL')
      await failing.mend()
    }
    expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({
      status: 0,
      out: expect.stringContaining('0 events') as string,
    })
    rmSync(folder, { recursive: true })
  })

  test('[D4, O1] a stop during the failure says so, and keeps every acknowledged event', async () => {
    const folder = temporaryFolder()
    {
      await using service = await startService({ folder, env: ENV })
      const token = await signIn(service.url)
      const unlocked = await clientOf(service.url).post(
        '/logUnlocking',
        { 'unlocking-method': 'pin' },
        bearer(token),
      )
      expect(unlocked.status).toBe(200)
      await using failing = await faultyCalls(service.pid, 'pwrite64,fsync', 'error=EIO')
      expect(await service.stop()).toBe(1)
      expect(service.output().words.trimEnd()).toEndWith(NO_WRITES)
      await failing.mend()
    }
    expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({
      status: 0,
      out: expect.stringContaining('1 event') as string,
    })
    rmSync(folder, { recursive: true })
  })

  test(`[D1, D4] ${ROUNDS} times some syncs or writes fail under load, then kill -9: acknowledged events are there, refused ones are not`, async () => {
    const folder = temporaryFolder()
    let [token, size, acknowledged, refused] = ['', 0, 0, 0]
    for (let round = 0; round < ROUNDS; round += 1) {
      const outcomes = noOutcomes()
      {
        await using service = await startService({ folder, env: ENV })
        token ||= await signIn(service.url)
        let isOver = false
        const loaded = load({ url: service.url, token, outcomes, isOver: () => isOver })
        {
          // A commit is one sync and about ten or many more writes.
          const [calls, when] = round % 2 === 0 ? ['fsync,fdatasync', '3+3'] : ['pwrite64', '40+40']
          await using failing = await faultyCalls(service.pid, calls, `error=EIO:when=${when}`)
          while (outcomes.refused.size === 0 || outcomes.acknowledged.size === 0) await Bun.sleep(5)
          await Bun.sleep(Math.random() * 100)
          await failing.mend()
        }
        if (round % 3 === 0) await Bun.sleep(Math.random() * 100)
        await service.stop('SIGKILL')
        isOver = true
        await loaded
      }
      const { status, words } = await runCommand(['log', 'verify'], { folder })
      expect({ status, words }).toStrictEqual({ status: 0, words: '' })
      size = expectTruth(join(folder, 'data/secure-lock.db'), outcomes, size)
      acknowledged += outcomes.acknowledged.size
      refused += outcomes.refused.size
    }
    tell(
      `failing disk: ${ROUNDS} rounds, ${acknowledged} acknowledged of ${size} events, none lost; ${refused} refused, none there`,
    )
    rmSync(folder, { recursive: true })
  })
})
