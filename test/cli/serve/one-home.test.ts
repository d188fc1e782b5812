import { describe, expect, test } from 'bun:test'
import { PASSWORD, bearer } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { startReplicas, useServer } from '../../support/replicas.ts'

describe.if(CAN_POSTGRES)('a change at one replica', () => {
  const place = useServer()

  test('takes effect at the other at once: sessions, roles, registration, and how much of the log a member knows', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = home.replicas
    if (!one || !other) throw new Error('they were not started')
    const owner = bearer(await one.signIn('oli', 'owner'))
    const member = bearer(await one.signIn('mia'))
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await other.get('/v1/me', headers)).status
    // From now on, the other replica knows both tokens.
    expect([await status(owner), await status(member)]).toStrictEqual([200, 200])

    const sizeAt = async ({ get }: typeof one): Promise<unknown> =>
      ((await (await get('/v1/log/verification', member)).json()) as { size: number }).size
    for (const by of [owner, member, owner])
      expect((await one.post('/v1/unlocks', [{ method: 'pin' }], by)).status).toBe(200)
    await one.unlocks.verification.verifyAll()
    await other.unlocks.verification.refresh()
    expect([await sizeAt(one), await sizeAt(other)]).toStrictEqual([2, 2])

    const closed = await one.patch('/v1/settings', { registration: 'closed' }, owner)
    expect(closed.status).toBe(200)
    const person = { username: 'nora', password: PASSWORD, phone: '1', address: 'x' }
    expect((await other.post('/register', person)).status).toBe(403)

    const { people } = (await (await one.get('/v1/people?text=mia', owner)).json()) as {
      people: { id: string }[]
    }
    const path = `/v1/people/${people[0]?.id}`
    expect((await one.patch(path, { role: 'admin' }, owner)).status).toBe(200)
    expect((await other.get('/v1/people', member)).status).toBe(200)
    expect((await one.patch(path, { disabled: true }, owner)).status).toBe(200)
    expect(await status(member)).toBe(401)
    expect((await one.post('/v1/session/logout', {}, owner)).status).toBe(200)
    expect(await status(owner)).toBe(401)
  })
})
