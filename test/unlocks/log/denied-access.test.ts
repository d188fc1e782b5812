import { describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { AppError } from '../../../src/errors.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { deniedAccessRecorder } from '../../../src/unlocks/log/denied-access.ts'
import type { NewUnlockEvent } from '../../../src/unlocks/log/event.ts'
import { addAccount } from '../../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../../support/binary.ts'

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
    using db = new Database(join(folder, 'data/secure-lock.db'))
    db.run('PRAGMA foreign_keys = ON')
    db.run("UPDATE account SET disabled_at_ms = 1 WHERE username = 'max'")
    db.run("DELETE FROM account WHERE username = 'gone'")
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
    await app.unlocks.unlockLog.drained()
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
    const appended: NewUnlockEvent[] = []
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
      recordDenied({ account: { publicId, username: publicId }, reason: 'too_many_attempts' })
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
          account: { publicId: 'ada', username: 'ada' },
          reason: 'session_ended',
        })
      }
    }
    await retryForADay()
    expect(appended).toBe(100)
    disk.isReserved = true
    await retryForADay()
    expect(appended).toBe(100)
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
    await recordDenied({ account: { publicId: 'a', username: 'ada' }, reason: 'session_ended' })
    expect(lines.join('')).toContain('denial not recorded')
    expect(lines.join('')).not.toContain('ada')
  })
})
