import { describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, startApp } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { startReplicas, useServer } from '../../support/replicas.ts'

const ADA = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
const PROXIED = { TRUSTED_PROXIES: '127.0.0.1' } as const
const from = (address: string) => ({ 'x-forwarded-for': address })
const STRANGER = '203.0.113.66'

const logIn = async ({ post }: Pick<TestApp, 'post'>, password: string): Promise<number> =>
  (await post('/login', { username: 'ada', password }, from(STRANGER))).status

const failuresAtName = async ({ db }: Pick<TestApp, 'db'>): Promise<number | undefined> => {
  const row = await db.get<{ failures: number }>(
    "SELECT failures FROM failed_login WHERE kind = 'client_at_name'",
  )
  return row?.failures
}

test('[P4] the right password does not overtake the wrong ones that were sent before', async () => {
  await using app = await startApp(PROXIED)
  await app.post('/register', ADA, from('203.0.113.1'))
  const passwords = [...Array.from({ length: 17 }, () => 'wrong'), PASSWORD]
  const answers = await Promise.all(passwords.map((password) => logIn(app, password)))
  expect(answers).toStrictEqual(passwords.map(() => 401))
  expect(await failuresAtName(app)).toBe(10)
})

describe.if(CAN_POSTGRES)('[P4] at several replicas', () => {
  const place = useServer()

  test('simultaneous guesses are as many as at one, and lock the client out of all', async () => {
    await using home = await startReplicas(2, place(), { env: PROXIED })
    const [one, other] = home.replicas
    if (!one || !other) throw new Error('they were not started')
    await one.post('/register', ADA, from('203.0.113.1'))
    const guesses = Array.from({ length: 18 }, (_, at) =>
      logIn(at % 2 === 0 ? one : other, 'wrong'),
    )
    expect(new Set(await Promise.all(guesses))).toStrictEqual(new Set([401]))
    expect(await failuresAtName(one)).toBe(10)
    for (const replica of [one, other]) expect(await logIn(replica, PASSWORD)).toBe(401)
  })
})
