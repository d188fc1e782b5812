import { describe, expect, test } from 'bun:test'
import { homeDatabase } from '../../support/home-database.ts'
import { AppError } from '../../../src/errors.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { deniedAccessRecorder } from '../../../src/unlocks/recording/denied-access.ts'
import type { Refusal, SubmittedEvent } from '../../../src/unlocks/log/event.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../../support/binary.ts'
import { until } from '../../support/until.ts'

const UNLOCK = { 'unlocking-method': 'pin' }

describe('access denied by the server', () => {
  test('[O3] an attempt with an ended session or a disabled account is in the unlock log, and the log stays intact', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { folder } = service
    const { get, post } = clientOf(service.url)
    for (const [role, name] of [
      ['owner', 'oli'],
      ['member', 'mia'],
      ['member', 'max'],
      ['member', 'gone'],
    ] as const)
      await addAccount(name, { role, folder })
    const logIn = async (username: string) => {
      const answer = await post('/login', { username, password: PASSWORD })
      return bearer(((await answer.json()) as { access_token: string }).access_token)
    }
    const [oli, mia, max, gone] = [
      await logIn('oli'),
      await logIn('mia'),
      await logIn('max'),
      await logIn('gone'),
    ]
    expect((await post('/logUnlocking', UNLOCK, mia)).status).toBe(200)

    await post('/v1/session/logout', {}, mia)
    await using db = await homeDatabase(folder)
    await db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'max'")
    await db.run("DELETE FROM account WHERE username = 'gone'")
    for (const headers of [mia, max, gone, bearer('garbage'), {}])
      for (const path of ['/logUnlocking', '/v1/unlocks', '/logUnlocking']) {
        const answer = await post(path, UNLOCK, headers)
        expect(answer.status).toBe(401)
        expect(JSON.stringify(await answer.json())).toContain('There is an error with this token')
        expect((await get('/v1/unlocks/x/receipt', headers)).status).toBe(401)
      }

    const { unlocks } = (await (await get('/v1/unlocks?order=oldest', oli)).json()) as {
      unlocks: Record<string, unknown>[]
    }
    const observed = { method: 'app', result: 'denied', source: 'observed', lock: 'front-door' }
    expect(unlocks).toMatchObject([
      { username: 'mia', result: 'unlocked', source: 'claimed' },
      { ...observed, username: 'mia', reason: 'session_ended' },
      { ...observed, username: 'max', reason: 'disabled_user_denied' },
    ])
    const table = await (await get('/getLogs', basic('oli', PASSWORD))).json()
    expect(table).toMatchObject({
      1: { unlocking_method: 'pin' },
      2: { username: 'mia', unlocking_method: 'app (denied)' },
    })
    for (const args of [
      ['verify'],
      ['export', '--out', 'bundle'],
      ['verify', '--bundle', 'bundle'],
    ])
      expect((await runCommand(['log', ...args], { folder })).status).toBe(0)
  })

  test('[O3] so is the start of a lockout of an account, but not of an unknown name', async () => {
    await using app = await startApp()
    await app.accounts.newAccounts.add(
      { username: 'ada', password: PASSWORD, phone: '1', address: 'x' },
      'member',
    )
    for (const username of ['ada', 'nobody'])
      for (let times = 0; times < 10; times += 1)
        expect((await app.post('/login', { username, password: 'wrong' })).status).toBe(401)
    await until(async () => (await app.unlocks.unlockLog.head()).size === 1)
    expect(await app.unlocks.store.page(-1, 10)).toMatchObject([
      {
        person: { username: 'ada', method: 'login' },
        result: 'denied',
        reason: 'too_many_attempts',
        source: 'observed',
      },
    ])
  })

  test('an app cannot claim what only the server can know', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    await post('/register', person)
    const answer = (await (await post('/login', person)).json()) as { access_token: string }
    for (const reason of ['session_ended', 'too_many_attempts']) {
      const event = { method: 'pin', result: 'denied', reason, source: 'observed' }
      expect((await post('/v1/unlocks', event, bearer(answer.access_token))).status).toBe(400)
    }
  })

  test('is recorded at most once a minute for each account, for any number of accounts', async () => {
    const appended: SubmittedEvent[] = []
    const clock = { ms: 0 }
    const recordDenied = deniedAccessRecorder({
      append: async (events) => {
        appended.push(...events)
        return []
      },
      logger: processLogger({ level: 'fatal', format: 'json' }),
      isDiskReserved: () => false,
      clock: { monotonicMs: () => clock.ms },
    })
    const denied = (publicId: string) =>
      recordDenied({
        account: { publicId, username: publicId, admitted: true },
        reason: 'too_many_attempts',
      })
    for (let second = 0; second < 120; second += 1) {
      clock.ms = second * 1000
      await denied('ada')
      await denied('bea')
    }
    expect(appended.map(({ accountPublicId }) => accountPublicId)).toStrictEqual([
      'ada',
      'bea',
      'ada',
      'bea',
    ])
    expect(appended[0]).toMatchObject({ method: 'login', reason: 'too_many_attempts' })
    for (let account = 0; account < 3000; account += 1) await denied(`account ${account}`)
    await denied('account 2500')
    expect(appended).toHaveLength(3004)
  })

  test('[G3] at most a hundred times a day for each account, and not while the disk keeps its reserve', async () => {
    let appended = 0
    const clock = { ms: 0 }
    const disk = { isReserved: false }
    const recordDenied = deniedAccessRecorder({
      append: async () => {
        appended += 1
        return []
      },
      logger: processLogger({ level: 'fatal', format: 'json' }),
      isDiskReserved: () => disk.isReserved,
      clock: { monotonicMs: () => clock.ms },
    })
    const retryForADay = async () => {
      for (let minute = 0; minute < 24 * 60; minute += 1) {
        clock.ms += 60_000
        await recordDenied({
          account: { publicId: 'ada', username: 'ada', admitted: true },
          reason: 'session_ended',
        })
      }
    }
    await retryForADay()
    expect(appended).toBe(100)
    // What is recorded of one reason leaves room for another.
    await recordDenied({
      account: { publicId: 'ada', username: 'ada', admitted: true },
      reason: 'disabled_user_denied',
    })
    expect(appended).toBe(101)
    disk.isReserved = true
    await retryForADay()
    expect(appended).toBe(101)
  })

  test('[G3] of newcomers are few, and neither they nor lockouts use up those of people who were let in', async () => {
    const appended: SubmittedEvent[] = []
    const clock = { ms: 0 }
    const recordDenied = deniedAccessRecorder({
      append: async (events) => {
        appended.push(...events)
        return []
      },
      logger: processLogger({ level: 'fatal', format: 'json' }),
      isDiskReserved: () => false,
      clock: { monotonicMs: () => clock.ms },
    })
    const denied = (publicId: string, admitted: boolean, reason: Refusal) =>
      recordDenied({ account: { publicId, username: publicId, admitted }, reason })
    const recordedOf = async (work: () => Promise<void>) => {
      const before = appended.length
      await work()
      return appended.length - before
    }
    const ofNewcomers = await recordedOf(async () => {
      for (let minute = 0; minute < 3; minute += 1) {
        clock.ms += 60_000
        for (let account = 0; account < 2000; account += 1)
          await denied(`newcomer ${account}`, false, 'session_ended')
      }
    })
    expect(ofNewcomers).toBe(20)
    const ofLockouts = await recordedOf(async () => {
      for (let account = 0; account < 6000; account += 1)
        await denied(`member ${account}`, true, 'too_many_attempts')
    })
    expect(ofLockouts).toBe(5000)
    const ofMembers = await recordedOf(async () => {
      for (let account = 0; account < 6000; account += 1)
        await denied(`member ${account}`, true, 'disabled_user_denied')
    })
    expect(ofMembers).toBe(6000)
    // A day after the hour of the first, there is room again.
    clock.ms += 25 * 3_600_000
    expect(await recordedOf(() => denied('newcomer 1', false, 'session_ended'))).toBe(1)
  })

  test('[G3] by 30 waiting accounts leaves room in the log for a thief whose account is disabled', async () => {
    await using service = await startService({
      env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1' },
    })
    const { folder, url } = service
    const { get, post, patch } = clientOf(url)
    await addAccount('oli', { role: 'owner', folder })
    await addAccount('thief', { folder })
    const oli = bearer(await tokenFor(url, 'oli'))
    const thief = bearer(await tokenFor(url, 'thief'))
    const { people } = (await (await get('/v1/people?text=thief', oli)).json()) as {
      people: { id: string }[]
    }
    expect((await patch(`/v1/people/${people[0]?.id}`, { disabled: true }, oli)).status).toBe(200)
    const ended: Record<string, string>[] = []
    for (let squat = 0; squat < 30; squat += 1) {
      const username = `squat-${squat}`
      await post('/register', { username, password: PASSWORD, phone: '1', address: 'x' })
      const token = bearer(await tokenFor(url, username))
      await post('/v1/session/logout', {}, token)
      ended.push(token)
    }
    for (const token of ended) expect((await post('/logUnlocking', UNLOCK, token)).status).toBe(401)
    expect((await post('/logUnlocking', UNLOCK, thief)).status).toBe(401)
    const { unlocks } = (await (await get('/v1/unlocks?limit=100', oli)).json()) as {
      unlocks: { username: string; reason: string }[]
    }
    expect(unlocks[0]).toMatchObject({ username: 'thief', reason: 'disabled_user_denied' })
    expect(unlocks).toHaveLength(21)
  })

  test('[D4] stays denied even if the log cannot record it', async () => {
    const lines: string[] = []
    const recordDenied = deniedAccessRecorder({
      append: () => Promise.reject(new AppError('unavailable', 'The disk is full')),
      logger: processLogger({
        level: 'info',
        format: 'json',
        write: (line) => lines.push(line),
      }),
      isDiskReserved: () => false,
      clock: { monotonicMs: () => 0 },
    })
    await recordDenied({
      account: { publicId: 'a', username: 'ada', admitted: true },
      reason: 'session_ended',
    })
    expect(lines.join('')).toContain('denial not recorded')
    expect(lines.join('')).not.toContain('ada')
  })
})
