import { describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import { bearer, startApp } from '../../support/app.ts'
import { unlockStats } from '../../../src/unlocks/query/stats.ts'
import { unlockCounts } from '../../../src/unlocks/query/stats-store.ts'
import { IS_POSTGRES, runs } from '../../support/test-server.ts'
import { until } from '../../support/until.ts'
import { type Planted, plantedLog } from '../../support/unlocks.ts'

const QUARTER_MS = 900_000
const DAY_MS = 96 * QUARTER_MS

const at = (receivedAtMs: number, account = 'a'): Planted => ({
  account,
  username: account,
  method: 'pin',
  lock: 'front-door',
  result: 'unlocked',
  receivedAtMs,
})

/** One unlock every quarter of an hour, counted in a zone. */
const everyQuarter = async (zone: string, from: string, to: string) => {
  await using log = await plantedLog()
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)]
  await log.plant(
    Array.from({ length: (toMs - fromMs) / QUARTER_MS }, (_, n) => at(fromMs + n * QUARTER_MS)),
  )
  return await unlockStats(unlockCounts(log.db), { zone, account: undefined, fromMs, toMs })
}

const named = (name: string) => ({ account: name, username: name })

describe('statistics of the unlock log', () => {
  test('the day on which daylight saving time begins has 23 hours, and the day on which it ends 25', async () => {
    const spring = await everyQuarter(
      'Europe/Berlin',
      '2026-03-27T23:00:00Z',
      '2026-03-30T22:00:00Z',
    )
    expect([...spring.days]).toStrictEqual([
      ['2026-03-28', 96],
      ['2026-03-29', 92],
      ['2026-03-30', 96],
    ])
    expect([spring.hours[1], spring.hours[2], spring.hours[3]]).toStrictEqual([12, 8, 12])
    const autumn = await everyQuarter(
      'Europe/Berlin',
      '2026-10-23T22:00:00Z',
      '2026-10-26T23:00:00Z',
    )
    expect([...autumn.days]).toStrictEqual([
      ['2026-10-24', 96],
      ['2026-10-25', 100],
      ['2026-10-26', 96],
    ])
    expect([autumn.hours[1], autumn.hours[2], autumn.hours[3]]).toStrictEqual([12, 16, 12])
  })

  test('[G7] other requests are answered while one account’s many unlocks are counted', async () => {
    await using log = await plantedLog()
    await log.plant(Array.from({ length: 20_000 }, (_, n) => ({ ...at(n), method: `${n}` })))
    const span = { zone: 'UTC', account: 'a', fromMs: 0, toMs: 20_000 }
    let [turns, isDone] = [0, false]
    const count = (): void => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    const { methods, total } = await unlockStats(unlockCounts(log.db), span)
    isDone = true
    expect([total, methods.length]).toStrictEqual([20_000, 100])
    expect(turns).toBeGreaterThanOrEqual(10)
  })

  test('methods that differ in case or composition count as one, under the most frequent spelling', async () => {
    await using log = await plantedLog()
    const decomposed = 'vân tay'.normalize('NFD')
    const methods = ['vân tay', decomposed, decomposed, 'PIN', 'pin', ' pin', 'pin', 'card', null]
    await log.plant(methods.map((method, n) => ({ ...at(0, `${n}`), method })))
    const span = { zone: 'UTC', account: undefined, fromMs: 0, toMs: 1 }
    const { total, methods: counted } = await unlockStats(unlockCounts(log.db), span)
    expect(total).toBe(9)
    expect(counted).toStrictEqual([
      { method: 'pin', count: 4 },
      { method: decomposed, count: 3 },
      { method: null, count: 1 },
      { method: 'card', count: 1 },
    ])
  })

  test('zones with offsets or clock changes of half or quarter hours count correctly', () => {
    const wall = (zone: string, ms: number) => {
      const parts = new Intl.DateTimeFormat('en-CA', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
      }).formatToParts(ms)
      const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
      return { day: `${part('year')}-${part('month')}-${part('day')}`, hour: Number(part('hour')) }
    }
    return fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          'Asia/Kathmandu',
          'Asia/Kolkata',
          'Australia/Lord_Howe',
          'America/New_York',
          'Pacific/Chatham',
          'Africa/Casablanca',
          'UTC',
        ),
        fc.integer({ min: Date.UTC(2019, 0), max: Date.UTC(2027, 0) }),
        fc.array(fc.integer({ min: 0, max: 399 * 86_400_000 }), { minLength: 1, maxLength: 30 }),
        async (zone, fromMs, offsets) => {
          await using log = await plantedLog()
          await log.plant(offsets.map((ms, n) => at(fromMs + ms, `${n}`)))
          const toMs = fromMs + 400 * 86_400_000
          const stats = await unlockStats(unlockCounts(log.db), {
            zone,
            account: undefined,
            fromMs,
            toMs,
          })
          const days: Record<string, number> = {}
          const hours = Array.from({ length: 24 }, () => 0)
          for (const ms of offsets) {
            const { day, hour } = wall(zone, fromMs + ms)
            days[day] = (days[day] ?? 0) + 1
            hours[hour] = (hours[hour] ?? 0) + 1
          }
          expect(
            Object.fromEntries([...stats.days].filter(([, count]) => count > 0)),
          ).toStrictEqual(days)
          expect(stats.hours).toStrictEqual(hours)
          expect([stats.total, stats.days.size >= 400]).toStrictEqual([offsets.length, true])
        },
      ),
      { numRuns: runs(60) },
    )
  })

  test('tens of thousands are counted step by step, led by an index', async () => {
    await using log = await plantedLog()
    const fromMs = Date.UTC(2026, 0)
    // Many at the very same millisecond: a step must not count them twice.
    await log.plant(
      Array.from({ length: 35_000 }, (_, n) => ({
        ...at(fromMs + Math.floor(n / 3), n % 2 ? 'a' : 'b'),
        lock: `lock-${n}`,
      })),
    )
    await log.summarize()
    for (const [account, total] of [
      [undefined, 35_000],
      ['a', 17_500],
    ] as const) {
      const span = { zone: 'UTC', account, fromMs, toMs: fromMs + 86_400_000 }
      const stats = await unlockStats(unlockCounts(log.db), span)
      expect(stats.total).toBe(total)
      expect(stats.accounts).toStrictEqual(
        (account ? ['a'] : ['b', 'a']).map((name) => ({ ...named(name), count: 17_500 })),
      )
      const part = await unlockStats(unlockCounts(log.db), {
        ...span,
        fromMs: fromMs + 1,
        toMs: fromMs + 3,
      })
      expect(part.total).toBe(account ? 3 : 6)
    }
    if (IS_POSTGRES) return
    const plans = [...new Set(await log.plans())]
    expect(plans.filter((plan) => /SCAN unlock/.test(plan))).toStrictEqual([])
  })

  test('a claim that is repeated within 30 seconds counts once, whatever the span and the account', async () => {
    await using log = await plantedLog()
    const day = Date.UTC(2026, 0, 2)
    const told = [
      // Just before the span: its repeat within the span does not count.
      at(day - 20_000),
      at(day + 10_000),
      // The second and third follow the one before in time; the fourth comes too late.
      at(day + 100_000, 'b'),
      at(day + 130_000, 'b'),
      at(day + 160_000, 'b'),
      at(day + 190_001, 'b'),
      // None of these is equal to the one before.
      { ...at(day + 190_001, 'b'), lock: 'garage' },
      { ...at(day + 190_001, 'b'), method: 'card' },
      { ...at(day + 190_001, 'b'), result: 'denied' as const },
      at(day + 190_001, 'c'),
    ]
    await log.plant(told)
    const span = { zone: 'UTC', fromMs: day, toMs: day + 86_400_000 }
    const counted = async (account?: string) =>
      (await unlockStats(unlockCounts(log.db), { ...span, account })).total
    expect([await counted(), await counted('a'), await counted('b')]).toStrictEqual([6, 0, 5])
    const whole = { ...span, fromMs: day - 86_400_000, account: undefined }
    const { days } = await unlockStats(unlockCounts(log.db), whole)
    expect([...days]).toStrictEqual([
      ['2026-01-01', 1],
      ['2026-01-02', 6],
    ])
  })

  test('imported unlocks count when they happened, in total or for one account', async () => {
    await using log = await plantedLog()
    const [day, importedAt] = [Date.UTC(2021, 2, 4), Date.UTC(2026, 10, 22)]
    await log.plant(
      Array.from({ length: 25_000 }, (_, n) => ({
        ...at(importedAt, n % 5 ? 'a' : ''),
        importedOfMs: day + Math.floor(n / 10),
      })),
    )
    await log.plant([at(importedAt), { ...at(importedAt), lock: 'garage' }])
    const totals = async (fromMs: number, account?: string) => {
      const span = { zone: 'UTC', account, fromMs, toMs: fromMs + 86_400_000 }
      const { total, accounts } = await unlockStats(unlockCounts(log.db), span)
      return [total, ...accounts.map(({ account: id, count }) => [id, count])]
    }
    const everyone = [25_000, ['a', 20_000], [null, 5000]]
    expect(await totals(day)).toStrictEqual(everyone)
    expect(await totals(importedAt)).toStrictEqual([2, ['a', 2]])
    expect(await totals(day, 'a')).toStrictEqual([20_000, ['a', 20_000]])
    expect(await totals(importedAt, 'a')).toStrictEqual([2, ['a', 2]])
    await log.summarize()
    expect(await totals(day)).toStrictEqual(everyone)
    expect(await totals(importedAt)).toStrictEqual([2, ['a', 2]])
  })

  test('odd zones and spans are refused, and the default is the last 30 days', async () => {
    await using app = await startApp()
    const ada = bearer(await app.signIn('ada'))
    await app.post('/logUnlocking', { 'unlocking-method': 'pin' }, ada)
    const stats = async (query: string) => app.get(`/v1/unlocks/stats?${query}`, ada)
    for (const query of [
      'zone=Nowhere/City',
      'zone=%2B01:00',
      'zone=',
      'zone=Europe/Berlin&zone=UTC',
      'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=canary',
      'order=newest',
    ]) {
      const answer = await stats(query)
      expect([query, answer.status]).toStrictEqual([query, 400])
      expect(await answer.text()).not.toMatch(/canary|Nowhere/)
    }
    expect(await (await stats('zone=Nowhere/City')).json()).toMatchObject({
      fields: { zone: 'a name in the IANA time zone database, such as Europe/Berlin' },
    })
    expect(await (await app.get('/v1/unlocks/export', ada)).json()).toMatchObject({
      detail: 'Missing format',
      fields: { format: 'csv or ndjson' },
    })
    const answer = (await (await stats('zone=America/New_York')).json()) as {
      days: { day: string; count: number }[]
      from: string
      to: string
    }
    expect(answer).toMatchObject({
      zone: 'America/New_York',
      total: 1,
      methods: [{ method: 'pin', count: 1 }],
      accounts: [{ username: 'ada', count: 1 }],
    })
    expect(Date.parse(answer.to) - Date.parse(answer.from)).toBe(30 * 86_400_000)
    expect(answer.days.at(-1)?.count).toBe(1)
    // 30, 31 or 32, since the clocks of New York may have changed within these hours.
    const dayOf = (time: string) =>
      Temporal.Instant.from(time).toZonedDateTimeISO('America/New_York').toPlainDate()
    const { days } = dayOf(answer.from).until(dayOf(answer.to))
    expect(answer.days.length).toBe(days + 1)
  })
})

test('all who ask for the same statistics at the same time get one count', async () => {
  await using app = await startApp()
  const ada = bearer(await app.signIn('ada'))
  for (let done = 0; done < 3; done += 1)
    expect((await app.post('/v1/unlocks', { method: `pin ${done}` }, ada)).status).toBe(200)
  const admins = [
    bearer(await app.signIn('amy', 'admin')),
    bearer(await app.signIn('alan', 'admin')),
    bearer(await app.signIn('oli', 'owner')),
  ]
  const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { all, get } = app.db
  let [counts, sizes] = [0, 0]
  using reads = spyOn(app.db, 'all')
  reads.mockImplementation(async (sql, ...params) => {
    if (sql.includes('FROM unlock_tally_day')) {
      counts += 1
      held.resolve()
      await released.promise
    }
    return (await all(sql, ...params)) as never
  })
  using rows = spyOn(app.db, 'get')
  rows.mockImplementation(async (sql, ...params) => {
    const row = await get(sql, ...params)
    if (sql.includes('FROM log_head')) sizes += 1
    return row as never
  })
  const from = new Date(app.clock.nowMs - 3 * DAY_MS).toISOString()
  const ask = async (admin: Record<string, string>) =>
    (await app.get(`/v1/unlocks/stats?from=${from}`, admin)).json()
  const [first, ...others] = admins
  const answers = [ask(first ?? {})]
  await held.promise
  answers.push(...others.map(ask))
  // The size of the log is the last thing that each of them asks for.
  await until(() => sizes >= admins.length)
  await new Promise((turn) => setImmediate(turn))
  released.resolve()
  const [one, ...same] = await Promise.all(answers)
  expect(one).toMatchObject({ total: 3 })
  for (const answer of same) expect(answer).toEqual(one)
  expect(counts).toBe(1)
  await ask(first ?? {})
  expect(counts).toBe(2)
})
