import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { PASSWORD, bearer } from '../../support/app.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'
import { type Replica, startReplicas, useServer } from '../../support/replicas.ts'
import { until } from '../../support/until.ts'

const countedIn = async ({ db }: Replica): Promise<number> =>
  (await db.get<{ n: number }>('SELECT sum(count) AS n FROM rate_window'))?.n ?? 0

const pins = (count: number) => Array.from({ length: count }, () => ({ method: 'pin' }))

const pair = ({ replicas: [one, other] }: { readonly replicas: readonly Replica[] }) => {
  if (!one || !other) throw new Error('they were not started')
  return { one, other }
}

type Send = (replica: Replica) => Promise<Response>

/** Repeats until all replicas refuse: sends the same number of requests to each at once, then waits until all have
 * shared their counts. Returns how many requests were not refused, and the last answers. */
const exhausted = async (
  replicas: readonly Replica[],
  { atOnce, send, counts = (sent) => sent }: Exhausting,
) => {
  const [first] = replicas
  if (!first) throw new Error('there is no replica')
  const before = await countedIn(first)
  let [sent, admitted] = [0, 0]
  for (;;) {
    const round = await Promise.all(
      replicas.flatMap((replica) => Array.from({ length: atOnce }, () => send(replica))),
    )
    sent += round.length
    const served = round.filter(({ status }) => status !== 429).length
    admitted += served
    const counted = before + counts(sent, admitted)
    await until(async () => (await countedIn(first)) >= counted)
    if (served === 0) return { admitted, refused: round }
  }
}

type Exhausting = {
  /** How many requests arrive at a replica before it shares its counts. */
  readonly atOnce: number
  readonly send: Send
  /** Returns the count of so many sent requests, so many of which were admitted; by default one for each sent. */
  readonly counts?: (sent: number, admitted: number) => number
}

describe.if(CAN_POSTGRES)('limits of three replicas', () => {
  const place = useServer()
  let home: Awaited<ReturnType<typeof startReplicas>>
  beforeAll(async () => {
    home = await startReplicas(3, place(), {
      env: {
        RATE_LIMIT_AUTH: '30/hour',
        RATE_LIMIT_DEFAULT: '60/hour',
        RATE_LIMIT_UNLOCK: '20/hour',
      },
    })
  })
  afterAll(() => home[Symbol.asyncDispose]())

  test('admit as much as one replica would, plus what arrives before they share their counts', async () => {
    for (const [max, send] of [
      [60, ({ get }) => get('/nowhere')],
      [30, ({ post }) => post('/login', {})],
    ] as const satisfies readonly (readonly [number, Send])[]) {
      const { admitted, refused } = await exhausted(home.replicas, { atOnce: 5, send })
      expect(admitted).toBeWithin(max, max + 3 * 5 + 1)
      for (const { headers } of refused)
        expect(Number(headers.get('retry-after'))).toBeWithin(1, 3601)
    }
    // Each replica counts health checks and pages alone.
    for (const { get } of home.replicas) expect((await get('/livez')).status).toBe(200)
    // Nothing stored shows an address.
    const rows = await pair(home).one.db.all('SELECT key FROM rate_window')
    expect(rows).toHaveLength(2)
    expect(JSON.stringify(rows)).not.toContain('127.0.0.1')
  })

  test('limit what an account records, one by one and in batches', async () => {
    const { one, other } = pair(home)
    const ada = bearer(await one.signIn('ada'))
    const unlock: Send = async ({ post }) => {
      const answer = await post('/logUnlocking', { 'unlocking-method': 'pin' }, ada)
      expect(answer.status).toBeOneOf([200, 429])
      return answer
    }
    const { admitted } = await exhausted(home.replicas, {
      atOnce: 3,
      send: unlock,
      counts: (_, recorded) => recorded,
    })
    expect(admitted).toBeWithin(20, 20 + 3 * 3 + 1)
    const batch = async ({ post }: Replica, count: number): Promise<number> =>
      (await post('/v1/unlocks', pins(count), ada)).status
    expect(await batch(one, 30)).toBe(200)
    // A replica learns of it when it shares its own counts.
    await until(async () => (await batch(other, 1)) === 429)
  })

  test('limit the attempts of a session, whichever replica it tries', async () => {
    const oli = bearer(await pair(home).one.signIn('oli', 'owner'))
    const attempt: Send = async ({ post }) => {
      const answer = await post('/v1/locks/front-door/unlock', { id: crypto.randomUUID() }, oli)
      expect(answer.status).toBeOneOf([200, 429])
      return answer
    }
    const { admitted } = await exhausted(home.replicas, {
      atOnce: 1,
      send: attempt,
      // Decided attempts count as unlocks too.
      counts: (sent, decided) => sent + decided,
    })
    expect(admitted).toBeWithin(10, 10 + 3 + 1)
  })
})

describe.if(CAN_POSTGRES)('the daily quota', () => {
  const place = useServer()

  test('of an account holds for all replicas together', async () => {
    await using home = await startReplicas(2, place(), {
      env: { RATE_LIMIT_UNLOCK: '1000000/second', UNLOCK_QUOTA: '100' },
    })
    const { one, other } = pair(home)
    const ada = bearer(await one.signIn('ada'))
    const batch = async ({ post }: Replica, count: number): Promise<number> =>
      (await post('/v1/unlocks', pins(count), ada)).status
    expect(await batch(one, 50)).toBe(200)
    expect(await batch(other, 49)).toBe(200)
    expect(await batch(other, 1)).toBe(200)
    expect(await batch(other, 1)).toBe(429)
    await until(async () => (await batch(one, 1)) === 429)
  })
})

describe.if(CAN_POSTGRES)('limits of replicas whose database is frozen', () => {
  test('are counted by each replica alone, block nothing, and are logged once', async () => {
    await using server = await startPostgres()
    await using home = await startReplicas(
      2,
      { postgres: postgresAddress(server.home('frozen')) },
      { env: { RATE_LIMIT_DEFAULT: '20/hour', RATE_LIMIT_AUTH: '20/hour' } },
    )
    const { replicas } = home
    const told = ({ logLines }: Replica, words: string) =>
      logLines.filter((line) => line.includes(words)).length
    server.freeze()
    try {
      for (const replica of replicas) {
        const statuses = []
        for (let sent = 0; sent < 22; sent += 1)
          statuses.push((await replica.get('/nowhere')).status)
        expect(statuses).toStrictEqual([...Array.from({ length: 20 }, () => 404), 429, 429])
        await until(() => told(replica, 'limits are counted by this replica alone') === 1)
      }
    } finally {
      server.thaw()
    }
    for (const replica of replicas) {
      await until(async () => {
        await replica.post('/login', { username: 'oli', password: PASSWORD })
        return told(replica, 'limits are counted by all replicas together again') === 1
      })
      expect(told(replica, 'limits are counted by this replica alone')).toBe(1)
    }
  })
})
