import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type AuditFilter, auditStore } from '../../src/audit/store.ts'
import { openTestDatabase } from '../support/postgres.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

type Planted = {
  readonly action: string
  readonly result: 'success' | 'failure'
  readonly actor: string | null
  readonly subject: string | null
  readonly atMs: number
}

/** Events that one statement plants. */
const PLANTED_AT_ONCE = 2000

/** The trigger that numbers the trail takes most of the time of planting many rows. */
const WITHOUT_TRIGGERS = "SELECT set_config('session_replication_role', 'replica', true)"

/** Planted audit events, and the statements that the store runs. */
const plantedTrail = async (planted: readonly Planted[]) => {
  const db = await openTestDatabase()
  const statements: { sql: string; params: readonly never[] }[] = []
  for (let first = 0; first < planted.length; first += PLANTED_AT_ONCE)
    await db.transaction(async (tx) => {
      if (IS_POSTGRES) await tx.get(WITHOUT_TRIGGERS)
      await tx.run(
        `INSERT INTO audit_event (seq, at_ms, action, result, actor, subject, address, detail)
         SELECT
           CAST(event.value ->> 'seq' AS bigint),
           CAST(event.value ->> 'atMs' AS bigint),
           event.value ->> 'action',
           event.value ->> 'result',
           event.value ->> 'actor',
           event.value ->> 'subject',
           '192.0.2.1',
           '{}'
         FROM json_each(?) AS event`,
        JSON.stringify(
          planted
            .slice(first, first + PLANTED_AT_ONCE)
            .map((event, at) => ({ seq: first + at, ...event })),
        ),
      )
    })
  const store = auditStore({
    ...db,
    all: (sql, ...params) => {
      statements.push({ sql, params: params as never[] })
      return db.all(sql, ...params)
    },
  })
  return {
    db,
    store,
    statements,
    /** The number of events that have an address. */
    addresses: async (queries: Pick<typeof db, 'get'> = db): Promise<number> =>
      (
        await queries.get<{ n: number }>(
          'SELECT count(*) AS n FROM audit_event WHERE address IS NOT NULL',
        )
      )?.n ?? 0,
    [Symbol.asyncDispose]: db.close,
  }
}

/** What an operation rejects with. */
const faultOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'nothing', String)

const record = fc.record({
  action: fc.constantFrom('login', 'login.wait', 'session.end', 'session.end_all', 'sessions'),
  result: fc.constantFrom('success' as const, 'failure' as const),
  actor: fc.constantFrom('ada', 'bea', null),
  subject: fc.constantFrom('ada', 'REGISTRATION', null),
  // Clocks are sometimes set back.
  atMs: fc.integer({ min: 0, max: 30 }),
})

const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined, freq: 2 })

const filters: fc.Arbitrary<AuditFilter> = fc.record({
  action: maybe(fc.constantFrom('login', 'session', 'session.end', 'log')),
  result: maybe(fc.constantFrom('success' as const, 'failure' as const)),
  actor: maybe(fc.constantFrom('ada', 'nobody')),
  subject: maybe(fc.constantFrom('ada', 'REGISTRATION')),
  fromMs: maybe(fc.integer({ min: 0, max: 31 })),
  toMs: maybe(fc.integer({ min: 0, max: 31 })),
})

const fits = (filter: AuditFilter, event: Planted): boolean =>
  (filter.action === undefined ||
    event.action === filter.action ||
    event.action.startsWith(`${filter.action}.`)) &&
  [undefined, event.result].includes(filter.result) &&
  [undefined, event.actor].includes(filter.actor) &&
  [undefined, event.subject].includes(filter.subject) &&
  event.atMs >= (filter.fromMs ?? 0) &&
  event.atMs < (filter.toMs ?? Infinity)

const allPages = async (
  { store }: Awaited<ReturnType<typeof plantedTrail>>,
  wanted: Omit<Parameters<ReturnType<typeof auditStore>['page']>[0], 'after'>,
) => {
  const pages: (readonly number[])[] = []
  let after: number | undefined
  do {
    const { events, next } = await store.page({ ...wanted, after })
    pages.push(events.map(({ seq }) => seq))
    after = next
  } while (after !== undefined)
  return pages
}

describe('searching audit events', () => {
  test('the pages of any filter, order and limit contain each matching event once, in order', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60 }),
        filters,
        fc.constantFrom('newest' as const, 'oldest' as const),
        fc.integer({ min: 1, max: 20 }),
        async (planted, filter, order, limit) => {
          await using trail = await plantedTrail(planted)
          const pages = await allPages(trail, { filter, order, limit })
          const expected = planted.flatMap((event, seq) => (fits(filter, event) ? [seq] : []))
          expect(pages.flat()).toStrictEqual(order === 'oldest' ? expected : expected.toReversed())
          for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit)
        },
      ),
      // Each has a schema of its own.
      { numRuns: IS_POSTGRES ? 10 : 100 },
    ))

  describe('with very many events', () => {
    const COUNT = 230_000
    let trail: Awaited<ReturnType<typeof plantedTrail>>

    beforeAll(async () => {
      const login = { action: 'login', result: 'success', subject: null, atMs: 1 } as const
      trail = await plantedTrail(
        Array.from({ length: COUNT }, (_, seq) => ({
          ...login,
          actor: seq % 100_000 === 7 ? 'ada' : 'bea',
        })),
      )
    })
    afterAll(() => trail[Symbol.asyncDispose]())

    test('a page examines a bounded number of events, and the next one continues from there', async () => {
      for (const order of ['newest', 'oldest'] as const) {
        const found = [7, 100_007, 200_007]
        const expected = order === 'oldest' ? found : found.toReversed()
        trail.statements.length = 0
        const pages = await allPages(trail, { filter: { actor: 'ada' }, order, limit: 10 })
        expect(pages.flat()).toStrictEqual(expected)
        expect(pages).toHaveLength(3)
        expect(trail.statements).toHaveLength(COUNT / 5000)
        expect(await allPages(trail, { filter: { result: 'failure' }, order, limit: 10 })).toEqual([
          [],
          [],
          [],
        ])
      }
    })

    test.skipIf(IS_POSTGRES)(
      'in SQLite, events by and about a person are found by an index, without sorting',
      async () => {
        for (const [filter, index] of [
          [{ actor: 'ada' }, 'audit_event_by_actor'],
          [{ subject: 'ada' }, 'audit_event_by_subject'],
          [{ action: 'login' }, 'INTEGER PRIMARY KEY'],
          [{}, 'INTEGER PRIMARY KEY'],
        ] as const) {
          trail.statements.length = 0
          await trail.store.page({ filter, order: 'newest', limit: 1 })
          const { sql, params } = trail.statements[0] ?? { sql: '', params: [] }
          const steps = await trail.db.all<{ detail: string }>(
            `EXPLAIN QUERY PLAN ${sql}`,
            ...params,
          )
          const plan = steps.map(({ detail }) => detail).join('; ')
          expect(plan).toContain(index)
          expect(plan).not.toMatch(/SCAN audit_event|TEMP B-TREE/)
        }
      },
    )

    test('only the addresses from before a time, or of one person, are erased', async () => {
      expect(await trail.store.eraseAddressesOf('ada')).toBe(3)
      expect(await trail.addresses()).toBe(COUNT - 3)
      expect(await trail.store.eraseAddressesBefore(1)).toBe(0)
      expect(await trail.store.eraseAddressesBefore(2)).toBe(COUNT - 3)
      expect(await trail.addresses()).toBe(0)
    })
  })
})

test('[D7, G7] the addresses of a person with many events are erased step by step, between other writes', async () => {
  const change = { action: 'account.change', result: 'success', atMs: 1 } as const
  const ofAda = [
    { ...change, actor: 'ada', subject: 'ada' },
    { ...change, actor: null, subject: 'ada' },
    { ...change, actor: 'bea', subject: 'ada' },
  ]
  await using trail = await plantedTrail(Array.from({ length: 2000 }, () => ofAda).flat())
  const seen = [await trail.addresses()]
  const erasing = trail.store.eraseAddressesOf('ada')
  while (Bun.peek.status(erasing) === 'pending') {
    // Waits its turn among the steps, as an unlock would.
    seen.push(await trail.db.transaction(trail.addresses))
  }
  expect(await erasing).toBe(4000)
  expect(await trail.addresses()).toBe(2000)
  const steps = seen.flatMap((count, at) => (at === 0 ? [] : (seen[at - 1] ?? 0) - count))
  expect(Math.max(...steps)).toBeLessThanOrEqual(1000)
})

test('[O3] the app itself cannot change, swap or remove an audit event, or skip a number', async () => {
  const login = { action: 'login', result: 'success', actor: null, subject: null, atMs: 1 } as const
  await using trail = await plantedTrail([login, login])
  const all = () => trail.db.all('SELECT * FROM audit_event ORDER BY seq')
  const before = await all()
  const columns = '(seq, at_ms, action, result, detail)'
  for (const statement of [
    'DELETE FROM audit_event',
    'DELETE FROM audit_event WHERE seq = 1',
    "UPDATE audit_event SET action = 'logout'",
    'UPDATE audit_event SET seq = seq + 10',
    "UPDATE audit_event SET address = '192.0.2.2'",
    "UPDATE audit_event SET address = NULL, result = 'failure'",
    ...(IS_POSTGRES
      ? []
      : [
          'UPDATE OR REPLACE audit_event SET seq = 0 WHERE seq = 1',
          `INSERT OR REPLACE INTO audit_event ${columns} VALUES (1, 1, 'logout', 'success', '{}')`,
        ]),
    `INSERT INTO audit_event ${columns} VALUES (1, 1, 'logout', 'success', '{}')
     ON CONFLICT (seq) DO UPDATE SET action = excluded.action`,
    `INSERT INTO audit_event ${columns} VALUES (3, 1, 'logout', 'success', '{}')`,
    `INSERT INTO audit_event ${columns} VALUES (-1, 1, 'logout', 'success', '{}')`,
  ])
    expect(await faultOf(trail.db.run(statement))).toContain('the audit trail only grows')
  expect(await all()).toStrictEqual(before)
  await trail.db.run('UPDATE audit_event SET address = NULL')
  expect(await all()).toMatchObject(before.map((row) => ({ ...(row as object), address: null })))
})

test('an event stored under a former action name is shown and found under the current name', async () => {
  const planted = ['wait.lift', 'login.wait_begin', 'owner.claim', 'waiting', 'lockout.cleared']
  await using trail = await plantedTrail(
    planted.map((action, atMs) => ({
      action,
      result: 'success',
      actor: null,
      subject: 'ada',
      atMs,
    })),
  )
  const actions = async (action?: string) => {
    const { events } = await trail.store.page({ filter: { action }, order: 'oldest', limit: 10 })
    return events.map((event) => event.action)
  }
  expect(await actions()).toStrictEqual([
    'lockout.cleared',
    'login.lockout_started',
    'owner.setup',
    'waiting',
    'lockout.cleared',
  ])
  expect(await actions('lockout')).toStrictEqual(['lockout.cleared', 'lockout.cleared'])
  expect(await actions('login')).toStrictEqual(['login.lockout_started'])
  expect(await actions('wait.lift')).toStrictEqual(['lockout.cleared', 'lockout.cleared'])
  expect(await actions('wait')).toStrictEqual(['lockout.cleared', 'lockout.cleared'])
  expect(await actions('constructor')).toStrictEqual([])
  expect(await trail.store.newest('owner.setup', 'ada')).toMatchObject({ atMs: 2 })
})
