import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { RESULTS } from '../../../src/unlocks/log/event.ts'
import { ORDERS, type Place, SORTING, type UnlockOrder } from '../../../src/unlocks/search/order.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import type { UnlockFilter } from '../../../src/unlocks/search/filter-store.ts'
import { IS_POSTGRES, runs } from '../../support/test-server.ts'
import { type Planted, plantedLog } from '../../support/unlocks.ts'

const DECOMPOSED = 'Vân tay'.normalize('NFD')

const NAMES = { a: 'ada', b: 'Bob', c: '50%', d: 'c_c', e: String.raw`\o/`, f: 'Ánh' }

const unlock = fc.record({
  person: fc.option(
    fc.record({
      // An account keeps its name; what was imported without one may have any.
      holder: fc.oneof(
        fc.constantFrom(...Object.entries(NAMES)),
        fc.constantFrom('Ada', 'eve', 'Ánh').map((name) => ['', name] as const),
      ),
      method: fc.constantFrom('pin', 'Pin', 'PINpad', 'finger', '%', '_', 'vân tay', DECOMPOSED),
    }),
    { freq: 5 },
  ),
  lock: fc.constantFrom('front-door', 'garage', 'bob-shed'),
  result: fc.constantFrom(...RESULTS),
  // The clock is sometimes set back or uncertain; certain times never decrease.
  receivedAtMs: fc.integer({ min: 0, max: 30 }),
  isDoubted: fc.boolean(),
  occurredAtMs: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
  importedOfMs: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined, freq: 1 }),
})

const unlocks = fc.array(unlock, { maxLength: 60 }).map((all) => {
  let newestMs = 0
  return all.map(({ person, isDoubted, ...rest }): Planted => {
    const [account, username] = person?.holder ?? [null, null]
    const isTimeUncertain = isDoubted || rest.receivedAtMs < newestMs
    if (!isTimeUncertain) newestMs = rest.receivedAtMs
    return {
      account,
      username,
      method: person?.method ?? null,
      ...rest,
      isTimeUncertain,
    }
  })
})

const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined, freq: 2 })

const filters: fc.Arbitrary<UnlockFilter> = fc.record({
  account: maybe(fc.constantFrom('a', 'b', 'nobody')),
  lock: maybe(fc.constantFrom('front-door', 'nowhere')),
  method: maybe(fc.constantFrom('pin', 'FINGER', ' vân TAY', 'nothing')),
  result: maybe(fc.constantFrom(...RESULTS)),
  fromMs: maybe(fc.integer({ min: 0, max: 30 })),
  toMs: maybe(fc.integer({ min: 1, max: 30 })),
  origin: maybe(fc.constant('own' as const)),
  text: maybe(
    fc.oneof(
      fc.constantFrom(
        'PIN',
        'a',
        '%',
        '_',
        String.raw`\ `.trim(),
        'O',
        'ánh',
        'â'.normalize('NFD'),
      ),
      fc.constantFrom('ada', 'BOB', 'bob shed', 'eve', 'nobody has this'),
    ),
  ),
})

const COLLATOR = new Intl.Collator('en', { sensitivity: 'accent' })

const fits = (filter: UnlockFilter, one: Planted): boolean => {
  const text = filter.text?.normalize().toLowerCase()
  const has = (words: string | null) =>
    words
      ?.normalize()
      .toLowerCase()
      .includes(text ?? '') === true
  const isMethod = (method: string) =>
    one.method !== null && COLLATOR.compare(one.method, method.trim()) === 0
  return (
    [undefined, one.account].includes(filter.account) &&
    [undefined, one.lock].includes(filter.lock) &&
    (filter.method === undefined || isMethod(filter.method)) &&
    (filter.result === undefined || filter.result === one.result) &&
    (filter.origin !== 'own' || one.importedOfMs === undefined) &&
    (text === undefined ||
      [one.username, one.method, one.lock, one.lock.replaceAll('-', ' ')].some(has))
  )
}

/** When an event happened: by the clock of the phone or of the legacy server, unless that is after
 * receipt. */
const happenedMs = ({ receivedAtMs, occurredAtMs, importedOfMs }: Planted): number =>
  Math.min(receivedAtMs, importedOfMs ?? occurredAtMs ?? receivedAtMs)

const isTimely = (one: Planted, { fromMs = 0, toMs = Infinity }: UnlockFilter): boolean =>
  happenedMs(one) >= fromMs && happenedMs(one) < toMs

const expected = (planted: readonly Planted[], wanted: UnlockFilter, order: UnlockOrder) => {
  const seqs = planted.flatMap((one, seq) =>
    fits(wanted, one) && isTimely(one, wanted) ? [seq] : [],
  )
  const when = (seq: number): number => {
    const one = planted[seq]
    return one ? happenedMs(one) : NaN
  }
  const sorted = order.startsWith('seq')
    ? seqs
    : seqs.toSorted((one, other) => when(one) - when(other) || one - other)
  return order === 'seq' || order === 'oldest' ? sorted : sorted.toReversed()
}

const allPages = async (
  log: Awaited<ReturnType<typeof plantedLog>>,
  wanted: { filter: UnlockFilter; order: UnlockOrder; limit: number },
  between: () => Promise<void> = async () => {},
  frequentRows?: number,
) => {
  const { page } = unlockQueries(log.db, { frequentRows })
  const seqs: number[] = []
  let after: Place | undefined
  do {
    const { unlocks: some, next } = await page({ ...wanted, after })
    expect(some.length).toBeLessThanOrEqual(wanted.limit)
    seqs.push(...some.map(({ seq }) => seq))
    after = next
    await between()
  } while (after !== undefined)
  return seqs
}

const orders = fc.constantFrom(
  'newest' as const,
  'oldest' as const,
  'seq' as const,
  'seq_desc' as const,
)
const limits = fc.integer({ min: 1, max: 20 })

describe('searching the unlock log', () => {
  test('the pages of any filter, order and limit contain each matching unlock once, in order', () =>
    fc.assert(
      fc.asyncProperty(unlocks, filters, orders, limits, async (planted, wanted, order, limit) => {
        await using log = await plantedLog()
        // Some are in the summary, others are not yet.
        await log.plant(planted.slice(0, limit))
        await log.summarize()
        await log.plant(planted.slice(limit))
        const seqs = await allPages(log, { filter: wanted, order, limit })
        expect(seqs).toStrictEqual(expected(planted, wanted, order))
      }),
      { numRuns: runs(400) },
    ))

  test('lists of accounts, methods and locks, which only large logs need, find the same', () => {
    const few = fc.oneof(
      filters,
      filters.map(({ text, fromMs, toMs }) => ({ text, fromMs, toMs })),
      filters.map(({ text, lock, result }) => ({ text, lock, result })),
    )
    return fc.assert(
      fc.asyncProperty(unlocks, few, orders, limits, async (planted, wanted, order, limit) => {
        await using log = await plantedLog()
        await log.plant(planted.slice(0, limit))
        await log.summarize()
        await log.plant(planted.slice(limit))
        const seqs = await allPages(log, { filter: wanted, order, limit }, undefined, 0)
        expect(seqs).toStrictEqual(expected(planted, wanted, order))
      }),
      { numRuns: runs(400) },
    )
  })

  test('recording unlocks between two pages makes none appear twice or go missing', () =>
    fc.assert(
      fc.asyncProperty(unlocks, unlocks, orders, limits, async (before, later, order, limit) => {
        await using log = await plantedLog()
        await log.plant(before)
        const queue = [...later]
        const seqs = await allPages(log, { filter: {}, order, limit }, () =>
          log.plant(queue.splice(0, 1)),
        )
        expect(new Set(seqs).size).toBe(seqs.length)
        expect(before.flatMap((_, seq) => (seqs.includes(seq) ? [] : [seq]))).toStrictEqual([])
        if (order === 'seq_desc') expect(seqs).toHaveLength(before.length)
      }),
      { numRuns: runs(100) },
    ))

  test('a claim that repeats an equal one says so, in pages of any filter, order and limit', () => {
    const equal = fc.record({
      account: maybe(fc.constantFrom('a', 'b')),
      lock: maybe(fc.constant('front-door')),
      result: maybe(fc.constantFrom(...RESULTS)),
    })
    const claims = fc.array(
      fc.record({
        account: fc.constantFrom('a', 'b', null),
        lock: fc.constantFrom('front-door', 'garage'),
        method: fc.constantFrom('pin', 'card'),
        result: fc.constantFrom(...RESULTS),
        passedMs: fc.constantFrom(0, 10_000, 29_999, 30_000, 30_001),
        importedOfMs: fc.option(fc.constant(0), { nil: undefined, freq: 9 }),
      }),
      { maxLength: 60 },
    )
    return fc.assert(
      fc.asyncProperty(claims, equal, orders, limits, async (claimed, filter, order, limit) => {
        await using log = await plantedLog()
        let receivedAtMs = 0
        const planted = claimed.map(({ passedMs, account, method, ...claim }): Planted => ({
          ...claim,
          account,
          username: account,
          method: account && method,
          receivedAtMs: (receivedAtMs += passedMs),
        }))
        await log.plant(planted)
        const same = (one: Planted | undefined, other: Planted | undefined): boolean =>
          (['account', 'lock', 'method', 'result', 'importedOfMs'] as const).every(
            (name) => one?.[name] === other?.[name],
          )
        const { page } = unlockQueries(log.db)
        let after: Place | undefined
        do {
          const { unlocks: found, next } = await page({
            filter,
            order,
            limit,
            after,
          })
          for (const { seq, repeatOf } of found) {
            const claim = planted[seq]
            const earlier = planted.findLastIndex((one, at) => at < seq && same(one, claim))
            const isRepeat =
              claim?.account !== null &&
              claim?.importedOfMs === undefined &&
              (claim?.receivedAtMs ?? 0) - (planted[earlier]?.receivedAtMs ?? -Infinity) <= 30_000
            expect(repeatOf).toBe(isRepeat ? earlier : null)
          }
          after = next
        } while (after !== undefined)
      }),
      { numRuns: runs(200) },
    )
  })

  test('a method is found however it is written, in a large log with few methods and with many', async () => {
    await using log = await plantedLog()
    const found = async (method: string) =>
      (await allPages(log, { filter: { method }, order: 'oldest', limit: 200 })).length
    await log.plant(ordinary(3000))
    expect([await found('PIN'), await found('Nothing')]).toStrictEqual([1000, 0])
    await log.plant([{ ...one(0), method: 'Pin' }])
    expect(await found('PIN')).toBe(1001)
    await log.plant(Array.from({ length: 600 }, (_, at) => ({ ...one(0), method: `a${at}` })))
    expect([await found('pin'), await found('Finger')]).toStrictEqual([1001, 1000])
  })

  test('a page looks at a bounded number of unlocks, and the next continues from there', async () => {
    await using log = await plantedLog()
    const imported = [...ordinary(75_000)].map((event, at) => ({ ...event, importedOfMs: at }))
    await log.plant(imported)
    await log.plant([one(0)])
    await log.plant(imported)
    const { page } = unlockQueries(log.db)
    const found: number[] = []
    let [after, pages] = [undefined as Place | undefined, 0]
    do {
      const { unlocks: some, next } = await page({
        filter: { origin: 'own' },
        order: 'seq_desc',
        after,
        limit: 50,
      })
      found.push(...some.map(({ seq }) => seq))
      if (next) expect((after?.[0] ?? log.size()) - (next[0] ?? 0)).toBe(100_000)
      after = next
      pages += 1
    } while (after !== undefined)
    expect([found, pages]).toStrictEqual([[75_000], 2])
  })

  test('imported unlocks of a time span are found among very many, without looking at the others', async () => {
    await using log = await plantedLog()
    const times = Array.from({ length: 30_000 }, (_, seq) => ({ ...one(seq), importedOfMs: seq }))
    await log.plant(times)
    await log.plant(Array.from({ length: 30_000 }, (_, at) => one(30_000 + at)))
    const { page } = unlockQueries(log.db)
    const filter = { fromMs: 12_000, toMs: 12_003 }
    const found = await page({ filter, order: 'newest', limit: 50 })
    expect(found.unlocks.map(({ seq }) => seq)).toStrictEqual([12_002, 12_001, 12_000])
    expect(found.next).toBeUndefined()
    const sincePlanted = { fromMs: one(29_000).receivedAtMs }
    const own = await page({ filter: sincePlanted, order: 'oldest', limit: 1 })
    expect(own.unlocks.map(({ seq }) => seq)).toStrictEqual([30_000])
    const all = await page({ filter: { fromMs: 0 }, order: 'newest', limit: 1 })
    expect(all.unlocks.map(({ seq }) => seq)).toStrictEqual([59_999])
  })

  test.skipIf(IS_POSTGRES)(
    'every filter is led by an index of SQLite: nothing is scanned or sorted',
    async () => {
      await using log = await plantedLog()
      // More than a statement looks at, or no index is used.
      await log.plant(ordinary(2000))
      await log.summarize()
      await log.plant([
        { ...one(2000), importedOfMs: 20 },
        { ...one(2001), account: 'a' },
      ])
      for (const frequentRows of [undefined, 0])
        for (const wanted of fc.sample(filters, { numRuns: 500, seed: 1 }))
          for (const order of ORDERS)
            for (const after of [
              undefined,
              SORTING[order].numbers === 1 ? [50] : [1_767_225_650_000, 50],
            ])
              await unlockQueries(log.db, { frequentRows }).page({
                filter: wanted,
                order,
                after,
                limit: 5,
              })
      const plans = [...new Set(await log.plans())]
      // Only the few unlocks that the summary does not have yet are sorted.
      const others = plans.map((plan) =>
        plan.replaceAll(/SCAN beside; USE TEMP B-TREE FOR (LAST TERM OF )?ORDER BY/g, ''),
      )
      expect(
        others.filter((plan) =>
          /SCAN (?!CONSTANT ROW|controller|json_each|list|place)|TEMP B-TREE/.test(plan),
        ),
      ).toStrictEqual([])
      expect(plans.toSorted()).toMatchSnapshot()
    },
  )
})

const one = (seq: number): Planted => ({
  account: `account-${seq % 50}`,
  username: 'ada',
  method: ['pin', 'finger', 'card'][seq % 3] ?? 'pin',
  lock: 'front-door',
  result: seq % 10 === 0 ? 'denied' : 'unlocked',
  receivedAtMs: 1_767_225_600_000 + seq * 1000,
})

function* ordinary(count: number) {
  for (let seq = 0; seq < count; seq += 1) yield one(seq)
}
