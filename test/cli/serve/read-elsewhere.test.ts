import { describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../../src/domain/duration.ts'
import { bearer } from '../../support/app.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

const pair = (replicas: readonly Replica[]): readonly [Replica, Replica] => {
  const [one, other] = replicas
  if (!one || !other) throw new Error('the replicas were not started')
  return [one, other]
}

const bodyOf = async <Body>(replica: Replica, path: string, token: string): Promise<Body> => {
  const answer = await replica.get(path, bearer(token))
  expect(answer.status).toBe(200)
  return (await answer.json()) as Body
}

type Page = {
  readonly unlocks: readonly { readonly username: string | null; readonly method: string | null }[]
}
type Counts = {
  readonly total: number
  readonly accounts: readonly { readonly username: string | null; readonly count: number }[]
}

describe.if(CAN_POSTGRES)('what one replica has changed, another reads at once', () => {
  const place = useServer()

  test('in lists, searches, labels and statistics: what was recorded, changed and erased', async () => {
    await using home = await startReplicas(2, place())
    const [one, other] = pair(home.replicas)
    const owner = await one.signIn('oli', 'owner')
    const member = await other.signIn('ada')
    const to = new Date(Date.now() + DAY_MS).toISOString()
    const shown = async (replica: Replica) => ({
      page: await bodyOf<Page>(replica, '/v1/unlocks', owner),
      found: (await bodyOf<Page>(replica, '/v1/unlocks?text=ada', owner)).unlocks.length,
      labels: await bodyOf(replica, '/v1/unlocks/labels', owner),
      counts: await bodyOf<Counts>(replica, `/v1/unlocks/stats?to=${to}`, owner),
      people: await bodyOf(replica, '/v1/people', owner),
      settings: await bodyOf(replica, '/v1/settings', owner),
    })
    /** Returns what the other replica shows after a change, once it is known that both show the same. */
    const both = async () => {
      const after = await shown(other)
      expect(after).toStrictEqual(await shown(one))
      return after
    }
    // So that each replica has cached what it caches of these before the changes.
    expect((await both()).counts.total).toBe(0)

    for (const [replica, method] of [[one, 'pin'] as const, [other, 'Karte'] as const]) {
      expect((await replica.post('/v1/unlocks', { method }, bearer(member))).status).toBe(200)
      expect((await both()).page.unlocks[0]).toMatchObject({ username: 'ada', method })
    }
    const counted = await both()
    expect(counted.counts).toMatchObject({ total: 2, accounts: [{ username: 'ada', count: 2 }] })
    expect(counted.found).toBe(2)

    expect(
      (await one.patch('/v1/settings', { registration: 'closed' }, bearer(owner))).status,
    ).toBe(200)
    expect((await both()).settings).toMatchObject({ registration: { value: 'closed' } })

    expect((await one.patch('/v1/me', { phone: '030 1' }, bearer(member))).status).toBe(200)
    expect(JSON.stringify((await both()).people)).toContain('030 1')

    const people = await bodyOf<{ people: readonly { id: string; username: string }[] }>(
      one,
      '/v1/people',
      owner,
    )
    const id = people.people.find(({ username }) => username.startsWith('ada'))?.id
    expect((await one.delete(`/v1/people/${id}`, { password: 'x' }, bearer(owner))).status).toBe(
      200,
    )
    const erased = await both()
    expect(erased).toMatchObject({ found: 0, counts: { total: 2 } })
    expect(JSON.stringify(erased)).not.toContain('ada')
    expect((await one.post('/v1/unlocks', { method: 'pin' }, bearer(member))).status).toBe(401)
  })

  test('after the leader has erased what is older than LOG_RETENTION_DAYS', async () => {
    const home = place()
    await using before = await startReplicas(1, home, {
      clocks: [{ wallMs: () => Date.now() - 2 * DAY_MS }],
    })
    const [old] = before.replicas
    const record = async (replica: Replica | undefined, token: string): Promise<void> => {
      const sent = await replica?.post('/v1/unlocks', { method: 'pin' }, bearer(token))
      expect(sent?.status).toBe(200)
    }
    await record(old, (await old?.signIn('ada')) ?? '')
    await old?.stop()
    await using after = await startReplicas(2, home, {
      keysOf: old?.dataDir ?? '',
      env: { LOG_RETENTION_DAYS: '1' },
    })
    const [one, other] = pair(after.replicas)
    const token = await one.signIn('oli', 'owner')
    await record(one, token)
    const names = async (replica: Replica) =>
      (await bodyOf<Page>(replica, '/v1/unlocks', token)).unlocks.map(({ username }) => username)
    await until(async () => (await names(other)).includes(null))
    for (const replica of [one, other]) {
      expect(await names(replica)).toStrictEqual(['oli', null])
      expect(await replica.unlocks.verification.verifyAll()).toMatchObject({ ok: true })
      expect((await bodyOf<Page>(replica, '/v1/unlocks?text=ada', token)).unlocks).toBeEmpty()
    }
    const swept = await one.db.all(`SELECT 1 FROM audit_event WHERE action = 'unlocks.retention'`)
    expect(swept).toHaveLength(1)
  })

  test('and members see the same size of the log everywhere, even if something was recorded just before the hour', async () => {
    const hourMs = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS
    const times = [hourMs - SECOND_MS, hourMs - SECOND_MS]
    await using home = await startReplicas(2, place(), {
      clocks: [0, 1].map((at) => ({ wallMs: () => times[at] ?? 0 })),
    })
    const [one, other] = pair(home.replicas)
    const owner = await other.signIn('oli', 'owner')
    await one.signIn('ada')
    const tokens = new Map([
      [one, await one.logIn('ada')],
      [other, await other.logIn('ada')],
    ])
    const sizeAt = async (replica: Replica): Promise<number> => {
      const checkpoint = await replica.get('/v1/log/checkpoint', bearer(tokens.get(replica) ?? ''))
      expect(checkpoint.status).toBe(200)
      return Number((await checkpoint.text()).split('\n')[1])
    }
    times[0] = hourMs + SECOND_MS
    expect(await sizeAt(one)).toBe(0)
    // The clock of this one is a little behind, or its COMMIT takes a while.
    expect((await other.post('/v1/unlocks', { method: 'pin' }, bearer(owner))).status).toBe(200)
    times.fill(hourMs + 11 * SECOND_MS)
    expect([await sizeAt(one), await sizeAt(other)]).toStrictEqual([1, 1])
  })
})
