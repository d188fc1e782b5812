import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { failedLoginStore } from '../../../src/accounts/lockout/store.ts'
import { evaluateAttempt } from '../../../src/accounts/lockout/rules.ts'
import { openDatabase } from '../../../src/storage/open.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const COUNTERS_MAX = 50

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Counters on a database in memory that holds few of them. */
const smallStore = () => {
  const clock = { ms: 0 }
  const db = openDatabase(':memory:')
  const store = failedLoginStore(db, () => clock.ms, COUNTERS_MAX)
  const keys = (address: string, name: string, accountId?: number) => ({
    subjects: {
      client: hash(address),
      name: hash(name),
      client_at_name: hash(`${address} ${name}`),
    },
    clientHash: hash(`clientHash ${address}`),
    address,
    accountId,
    hasDeviceCookie: false,
  })
  const count = async (table: 'failed_login' | 'known_client'): Promise<number> =>
    (await db.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n ?? 0
  return {
    clock,
    db,
    store,
    count,
    keys,
    fail: (address: string, name: string) =>
      store.registerAttempt(keys(address, name), (standing) =>
        evaluateAttempt({ ...standing, outcome: 'wrong' }),
      ),
    /** The failures of a name as the next attempt would find them. */
    failuresOf: async (name: string): Promise<number> => {
      let failures = 0
      await store.registerAttempt(keys('192.0.2.1', name), ({ counters }) => {
        failures = counters.name.failures
        return { passes: true }
      })
      return failures
    },
  }
}

const addAccount = async ({ db }: Pick<ReturnType<typeof smallStore>, 'db'>): Promise<void> => {
  await db.run(
    `INSERT INTO account (id, public_id, username, username_key, password_hash, role, phone,
       address, created_at_ms)
     VALUES (1, 'p', 'ada', 'ada', 'h', 'member', '', '', 0)`,
  )
}

describe('counters of failed logins', () => {
  test('[I8] so many attempts are in line, and the rest are refused at once and not counted', async () => {
    const { fail, failuresOf } = smallStore()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 150 }, (_, at) => fail(`192.0.2.${at}`, 'ada')),
    )
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(50)
    expect(refused[0]).toMatchObject({ reason: { code: 'unavailable' } })
    expect(await failuresOf('ada')).toBe(100)
    expect(await fail('192.0.2.1', 'ada')).toMatchObject({ passes: false })
  })

  test('[P4] a guess counts though its account was erased while the password was checked', async () => {
    const { store, keys, db, count } = smallStore()
    const gone = keys('192.0.2.1', 'ada', 7)
    await store.registerAttempt(gone, (standing) =>
      evaluateAttempt({ ...standing, outcome: 'wrong' }),
    )
    const rows = await db.all('SELECT account_id, failures FROM failed_login')
    expect(rows).toStrictEqual(Array.from({ length: 3 }, () => ({ account_id: null, failures: 1 })))
    await store.trustClient(7, gone)
    expect(await count('known_client')).toBe(0)
  })

  test('[P4] a flood of other names and addresses washes nothing away that has failed more often', async () => {
    const store = smallStore()
    for (let failure = 1; failure <= 5; failure += 1) await store.fail('198.51.100.1', 'ada')
    for (let flood = 0; flood < 4 * COUNTERS_MAX; flood += 1) {
      store.clock.ms += MINUTE_MS
      await store.fail(`192.0.2.${flood}`, `name ${flood}`)
      await store.fail(`192.0.2.${flood}`, `name ${flood}`)
    }
    expect(await store.failuresOf('ada')).toBe(5)
  })

  test('their number is bounded', async () => {
    const store = smallStore()
    for (let flood = 0; flood < 4 * COUNTERS_MAX; flood += 1)
      await store.fail(`192.0.2.${flood}`, `name ${flood}`)
    expect(await store.count('failed_login')).toBe(3 * 4 * COUNTERS_MAX)
    store.clock.ms += MINUTE_MS
    await store.fail('192.0.2.1', 'ada')
    expect(await store.count('failed_login')).toBe(3 * COUNTERS_MAX)
  })

  test('they are gone a day after the last attempt', async () => {
    const store = smallStore()
    await store.fail('192.0.2.1', 'ada')
    store.clock.ms += DAY_MS - 1
    expect(await store.failuresOf('ada')).toBe(1)
    store.clock.ms += 1
    expect(await store.failuresOf('ada')).toBe(0)
    await store.fail('198.51.100.1', 'eve')
    expect(await store.count('failed_login')).toBe(3)
  })
})

describe('known places', () => {
  test('[P5] an account is known at the ten it signed in from last, for ninety days', async () => {
    const store = smallStore()
    await addAccount(store)
    const isKnownAt = async (clientHash: number): Promise<boolean> => {
      let found = false
      await store.store.registerAttempt(
        store.keys(`192.0.2.${clientHash}`, 'ada', 1),
        ({ isKnown }) => {
          found = isKnown
          return { passes: true }
        },
      )
      return found
    }
    for (let clientHash = 0; clientHash < 12; clientHash += 1) {
      store.clock.ms += MINUTE_MS
      await store.store.trustClient(1, store.keys(`192.0.2.${clientHash}`, 'ada', 1))
    }
    expect(await store.count('known_client')).toBe(10)
    expect([await isKnownAt(1), await isKnownAt(2), await isKnownAt(11)]).toStrictEqual([
      false,
      true,
      true,
    ])
    store.clock.ms += 90 * DAY_MS
    expect(await isKnownAt(11)).toBe(false)
    await store.fail('198.51.100.1', 'eve')
    expect(await store.count('known_client')).toBe(0)
  })

  test('what was counted and known of an account goes with it', async () => {
    const store = smallStore()
    await addAccount(store)
    const keys = store.keys('192.0.2.1', 'ada', 1)
    await store.store.trustClient(1, keys)
    await store.store.registerAttempt(keys, (standing) =>
      evaluateAttempt({ ...standing, outcome: 'wrong' }),
    )
    await store.db.run('DELETE FROM account')
    expect(await store.count('known_client')).toBe(0)
    expect(await store.count('failed_login')).toBe(1)
  })
})
