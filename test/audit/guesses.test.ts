import { expect, test } from 'bun:test'
import { guessedPasswords } from '../../src/audit/guesses-store.ts'
import { idOf, insertPerson } from '../support/access.ts'
import { openTestDatabase } from '../support/postgres.ts'

type Planted = {
  readonly action?: string
  readonly subject: string | null
  readonly address: string | null
  readonly detail?: object
  readonly atMs?: number
}

const lockout = (kind: string, subject: string | null, address: string, failures: number) => ({
  action: 'login.lockout_started',
  subject,
  address,
  detail: { kind, failures, seconds: 30 },
})

const times = (count: number, planted: Planted): readonly Planted[] =>
  Array.from({ length: count }, () => planted)

/** The guesses since the time 100, as text, among planted failures of dora and ada. */
const guessesIn = async (planted: readonly Planted[]): Promise<readonly string[]> => {
  const db = await openTestDatabase()
  for (const name of ['dora', 'ada']) await insertPerson(db, name)
  await db.transaction(async (tx) => {
    for (const [seq, event] of planted.entries()) {
      const { action = 'login', subject, address, detail = {}, atMs = 100 } = event
      await tx.run(
        `INSERT INTO audit_event (seq, at_ms, action, result, actor, subject, address, detail)
         VALUES (?, ?, ?, 'failure', NULL, ?, ?, ?)`,
        seq,
        atMs,
        action,
        subject === null ? null : idOf(subject),
        address,
        JSON.stringify(detail),
      )
    }
  })
  const guesses = await guessedPasswords(db)(100)
  await db.close()
  return guesses.map(
    ({ account, addresses, times: count }) =>
      `${account?.username ?? '?'} ${count} ${addresses.join()}`,
  )
}

test('failed logins are guesses only once they led to a lockout, and count from that address only', async () => {
  const home = { subject: 'ada', address: '10.0.0.2' }
  const guess = { subject: 'dora', address: '10.0.0.1' }
  expect(await guessesIn(times(9, guess))).toStrictEqual([])
  expect(
    await guessesIn([
      ...times(9, guess),
      lockout('client_at_name', 'dora', '10.0.0.1', 10),
      ...times(3, guess),
      ...times(2, { subject: 'dora', address: '10.0.0.2' }),
      ...times(5, home),
    ]),
  ).toStrictEqual(['dora 12 10.0.0.1'])
})

test('one event may stand for many, a missing code is no guess, and what is older does not count', async () => {
  const guess = { subject: 'dora', address: '10.0.0.1' }
  expect(
    await guessesIn([
      ...times(7, { ...guess, atMs: 99 }),
      ...times(4, { ...guess, detail: { reason: 'otp_required' } }),
      lockout('client_at_name', 'dora', '10.0.0.1', 10),
      ...times(10, guess),
      { ...guess, detail: { repeats: 40 } },
    ]),
  ).toStrictEqual(['dora 50 10.0.0.1'])
})

test('many addresses at one name count together, and one client at many names without a name', async () => {
  const addresses = Array.from({ length: 5 }, (_, n) => `10.0.0.${n}`)
  expect(
    await guessesIn([
      ...addresses.flatMap((address) => times(20, { subject: 'dora', address })),
      lockout('name', 'dora', '10.0.0.4', 100),
      ...times(60, { subject: null, address: '10.9.9.9' }),
      ...times(60, { subject: 'ada', address: '10.9.9.9' }),
      lockout('client', 'ada', '10.9.9.9', 100),
    ]),
  ).toStrictEqual(['? 120 10.9.9.9', `dora 100 ${addresses.join()}`])
})

test('the tables record no failed login, but the lockout says how many there were; erased people are left out', async () => {
  expect(
    await guessesIn([
      lockout('client_at_name', 'dora', '10.0.0.1', 10),
      lockout('client_at_name', 'dora', '10.0.0.1', 11),
      lockout('client_at_name', 'gone', '10.0.0.1', 10),
    ]),
  ).toStrictEqual(['dora 11 10.0.0.1'])
})
