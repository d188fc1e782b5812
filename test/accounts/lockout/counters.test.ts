import { describe, expect, test } from 'bun:test'
import { attemptKeysOf } from '../../../src/accounts/lockout/attempt-keys.ts'
import { deviceCookies } from '../../../src/accounts/lockout/device-cookie.ts'
import { knownClientStore } from '../../../src/accounts/lockout/known-client-store.ts'
import { lockoutService } from '../../../src/accounts/lockout/service.ts'
import { failedLoginStore } from '../../../src/accounts/lockout/store.ts'
import { openTestDatabase } from '../../support/postgres.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const COUNTERS_MAX = 50
const KEY = 'a key of the gateway'

const ADA = {
  id: 1,
  publicId: 'p',
  username: 'ada',
  role: 'member',
  admitted: true,
  sessionEpoch: 0,
} as const

/** The lockout rules on a database that keeps few counters. */
const smallLockout = async () => {
  const clock = { ms: 0 }
  const disk = { isFull: false }
  const nowMs = () => clock.ms
  const db = await openTestDatabase()
  const lockout = lockoutService({
    db,
    key: KEY,
    nowMs,
    clock: { wallMs: nowMs },
    auditIn: () => ({ record: async () => {} }),
    record: async () => {},
    recordCoalesced: async () => {},
    keepsInMemory: () => disk.isFull,
    recordDenied: async () => {},
    countersMax: COUNTERS_MAX,
  })
  const attemptAt = <Account>(address: string, usernameKey: string, account: Account) => ({
    usernameKey,
    account,
    from: { address, userAgent: '', requestId: undefined },
  })
  const keysOf = attemptKeysOf({ key: KEY, devices: deviceCookies(KEY), nowMs })
  return {
    clock,
    disk,
    db,
    count: async (table: 'failed_login' | 'known_client'): Promise<number> =>
      (await db.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n ?? 0,
    fail: (address: string, name: string, account?: typeof ADA) =>
      lockout.judgeAttempt(attemptAt(address, name, account), 'wrong'),
    lockedOut: async (address: string, name: string): Promise<boolean> =>
      !(await lockout.judgeAttempt(attemptAt(address, name, undefined), 'right')),
    trustClient: (address: string) => lockout.trustClient(attemptAt(address, 'ada', ADA)),
    /** The failures of a name that the next attempt would find. */
    failuresOf: async (name: string): Promise<number> => {
      const { subjects } = keysOf(attemptAt('192.0.2.1', name, undefined))
      return (await failedLoginStore(db).counters(subjects, clock.ms)).name.failures
    },
    isKnownAt: (address: string): Promise<boolean> =>
      knownClientStore(db).isKnown(keysOf(attemptAt(address, 'ada', ADA)), clock.ms),
    [Symbol.asyncDispose]: db.close,
  }
}

const addAda = async ({
  db,
}: Pick<Awaited<ReturnType<typeof smallLockout>>, 'db'>): Promise<void> => {
  await db.run(
    `INSERT INTO account (id, public_id, username, username_key, password_hash, role, phone,
       address, created_at_ms)
     VALUES (1, 'p', 'ada', 'ada', 'h', 'member', '', '', 0)`,
  )
}

describe('counters of failed logins', () => {
  test('[P4] a guess counts even if its account is erased while the password is checked', async () => {
    await using lockout = await smallLockout()
    const { fail, trustClient, db, count } = lockout
    await fail('192.0.2.1', 'ada', ADA)
    const rows = await db.all('SELECT account_id, failures FROM failed_login')
    expect(rows).toStrictEqual(Array.from({ length: 3 }, () => ({ account_id: null, failures: 1 })))
    await trustClient('192.0.2.1')
    expect(await count('known_client')).toBe(0)
  })

  test('[P4] a flood of other names and addresses displaces no counter with more failures', async () => {
    await using lockout = await smallLockout()
    const { clock, fail, failuresOf } = lockout
    for (let failure = 1; failure <= 5; failure += 1) await fail('198.51.100.1', 'ada')
    for (let flood = 0; flood < 4 * COUNTERS_MAX; flood += 1) {
      clock.ms += MINUTE_MS
      await fail(`192.0.2.${flood}`, `name ${flood}`)
      await fail(`192.0.2.${flood}`, `name ${flood}`)
    }
    expect(await failuresOf('ada')).toBe(5)
  })

  test('are bounded in number', async () => {
    await using lockout = await smallLockout()
    const { clock, fail, count } = lockout
    for (let flood = 0; flood < 4 * COUNTERS_MAX; flood += 1)
      await fail(`192.0.2.${flood}`, `name ${flood}`)
    expect(await count('failed_login')).toBe(3 * 4 * COUNTERS_MAX)
    clock.ms += MINUTE_MS
    await fail('192.0.2.1', 'ada')
    expect(await count('failed_login')).toBe(3 * COUNTERS_MAX)
  })

  test('[G7] of a flood that is forgotten are removed in small steps, and count no more', async () => {
    await using lockout = await smallLockout()
    const { clock, fail, count, failuresOf, db } = lockout
    await db.transaction(async (tx) => {
      for (let flood = 0; flood < 500; flood += 1)
        await tx.run(
          `INSERT INTO failed_login (subject, kind, failures, failed_at_ms) VALUES (?, 'name', 1, 0)`,
          Buffer.from(`subject ${flood}`),
        )
    })
    clock.ms = DAY_MS
    const counts: number[] = []
    for (let failure = 1; failure <= 4; failure += 1) {
      await fail('192.0.2.1', 'ada')
      counts.push(await count('failed_login'))
    }
    // Each failure has three counters. The second sweep also removes what is beyond the limit.
    expect(counts[0]).toBeGreaterThanOrEqual(500 - 2 * 200)
    expect(counts.at(-1)).toBe(3)
    expect(await failuresOf('ada')).toBe(4)
  })

  test('[G3, P4] are in memory while the disk keeps its last reserve, and stored with the next failure after that', async () => {
    await using lockout = await smallLockout()
    const { disk, fail, failuresOf, count, lockedOut } = lockout
    for (let failure = 0; failure < 5; failure += 1) await fail('192.0.2.1', 'ada')
    disk.isFull = true
    for (let failure = 0; failure < 5; failure += 1) await fail('192.0.2.1', 'ada')
    for (let flood = 0; flood < 50; flood += 1) await fail(`198.51.100.${flood}`, `name ${flood}`)
    expect([await failuresOf('ada'), await count('failed_login')]).toStrictEqual([5, 3])
    // Ten failures of one client at one name lock it out, wherever they are counted.
    expect(await lockedOut('192.0.2.1', 'ada')).toBe(true)
    expect(await lockedOut('192.0.2.2', 'ada')).toBe(false)
    disk.isFull = false
    await fail('192.0.2.2', 'ada')
    expect(await failuresOf('ada')).toBe(11)
  })

  test('are gone a day after the last attempt', async () => {
    await using lockout = await smallLockout()
    const { clock, fail, failuresOf, count } = lockout
    await fail('192.0.2.1', 'ada')
    clock.ms += DAY_MS - 1
    expect(await failuresOf('ada')).toBe(1)
    clock.ms += 1
    expect(await failuresOf('ada')).toBe(0)
    await fail('198.51.100.1', 'eve')
    expect(await count('failed_login')).toBe(3)
  })
})

describe('known clients', () => {
  test('[P5] an account knows the last ten clients that logged in, for ninety days', async () => {
    await using lockout = await smallLockout()
    await addAda(lockout)
    const { clock, trustClient, isKnownAt, fail, count } = lockout
    for (let client = 0; client < 12; client += 1) {
      clock.ms += MINUTE_MS
      await trustClient(`192.0.2.${client}`)
    }
    expect(await count('known_client')).toBe(10)
    const known = [1, 2, 11].map((client) => isKnownAt(`192.0.2.${client}`))
    expect(await Promise.all(known)).toStrictEqual([false, true, true])
    clock.ms += 90 * DAY_MS
    expect(await isKnownAt('192.0.2.11')).toBe(false)
    await fail('198.51.100.1', 'eve')
    expect(await count('known_client')).toBe(0)
  })

  test('erasing an account deletes its known clients and its counters', async () => {
    await using lockout = await smallLockout()
    await addAda(lockout)
    await lockout.trustClient('192.0.2.1')
    await lockout.fail('192.0.2.1', 'ada', ADA)
    await lockout.db.run('DELETE FROM account')
    expect(await lockout.count('known_client')).toBe(0)
    // The client's own counter remains.
    expect(await lockout.count('failed_login')).toBe(1)
  })
})
