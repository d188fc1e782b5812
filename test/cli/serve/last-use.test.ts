import { describe, expect, test } from 'bun:test'
import { PASSWORD, bearer } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'

const SESSIONS = 6

/** Sends at both replicas at once, several times, and counts what is said of the answers. */
const tallied = async (
  replicas: readonly Replica[],
  send: (replica: Replica, at: number) => Promise<unknown>,
): Promise<Readonly<Record<string, number>>> => {
  const said = await Promise.all(
    replicas.flatMap((replica, first) =>
      Array.from({ length: SESSIONS }, (_, at) => send(replica, first * SESSIONS + at)),
    ),
  )
  return Object.fromEntries(
    Map.groupBy(said, String)
      .entries()
      .map(([what, all]) => [what, all.length]),
  )
}

describe.if(CAN_POSTGRES)('for all who try at two replicas at once,', () => {
  const place = useServer()

  test('a grant for one use opens once, and an invitation for one use makes one account', async () => {
    await using home = await startReplicas(2, place(), { env: { REGISTRATION: 'invite' } })
    const { replicas } = home
    const [one, other] = replicas
    if (!one || !other) throw new Error('they were not started')
    const oli = bearer(await one.signIn('oli', 'owner'))
    const sessions = [await one.signIn('mia')]
    while (sessions.length < 2 * SESSIONS) sessions.push(await other.logIn('mia'))

    const lock = { label: 'gate', name: 'Gate', open_to: 'nobody' }
    expect((await one.post('/v1/locks', lock, oli)).status).toBe(200)
    const grant = { holder: { role: 'member' }, locks: ['gate'], uses: 1 }
    expect((await one.post('/v1/grants', grant, oli)).status).toBe(201)
    const knocks = await tallied(replicas, async ({ post }, at) => {
      const sent = post(
        '/v1/locks/gate/unlock',
        { id: crypto.randomUUID() },
        bearer(sessions[at] ?? ''),
      )
      const { decision, reason } = (await (await sent).json()) as Record<string, string>
      return reason ?? decision
    })
    expect(knocks).toStrictEqual({ permitted: 1, uses_spent: 2 * SESSIONS - 1 })

    const made = await one.post('/v1/invitations', { role: 'member' }, oli)
    const { code: invitation } = (await made.json()) as { code: string }
    const person = { password: PASSWORD, phone: '1', address: 'x', invitation }
    const registered = await tallied(
      replicas,
      async ({ post }, at) =>
        (await post('/register', { ...person, username: `new-${at}` })).status,
    )
    // 503 if too many passwords are being hashed.
    const { 200: taken, 403: refused = 0, 503: busy = 0, ...rest } = registered
    expect([taken, refused + busy, rest]).toStrictEqual([1, 2 * SESSIONS - 1, {}])
    const accounts = await one.db.all("SELECT 1 FROM account WHERE username LIKE 'new-%'")
    expect(accounts).toHaveLength(1)
  })
})
