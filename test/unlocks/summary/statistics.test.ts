import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type NewUnlockEvent, isCounted } from '../../../src/unlocks/log/event.ts'
import { unlockCounts } from '../../../src/unlocks/query/stats-store.ts'
import { unlockStats } from '../../../src/unlocks/query/stats.ts'
import { catchUp } from '../../../src/unlocks/summary/summary-store.ts'
import { packDays } from '../../../src/unlocks/summary/tally-store.ts'
import { type TestApp, startApp } from '../../support/app.ts'
import { runs } from '../../support/test-server.ts'

const [SECOND_MS, MINUTE_MS, DAY_MS] = [1000, 60_000, 86_400_000]
const REPEAT_MS = 30 * SECOND_MS
const PEOPLE = ['ada', 'bob', 'cid'] as const

/** Something that happens to a log. */
type Step =
  | {
      readonly does: 'claim'
      readonly who: (typeof PEOPLE)[number]
      readonly method: string
      readonly lock: string
      readonly agoMs: number | null
    }
  | { readonly does: 'again' | 'refuse' | 'summarize' | 'pack' }
  | { readonly does: 'import'; readonly name: string; readonly agoMs: number }
  | { readonly does: 'wait'; readonly ms: number }
  | { readonly does: 'erase'; readonly who: (typeof PEOPLE)[number] }
  | { readonly does: 'retain'; readonly agoMs: number }

const who = fc.constantFrom(...PEOPLE)
const ago = (maxMs: number) => fc.integer({ min: 0, max: maxMs })

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        does: fc.constant('claim' as const),
        who,
        method: fc.constantFrom('pin', 'PIN', 'card'),
        lock: fc.constantFrom('front-door', 'garage'),
        agoMs: fc.option(fc.oneof(ago(MINUTE_MS), ago(100 * DAY_MS), fc.constant(-5000)), {
          nil: null,
          freq: 2,
        }),
      }),
    },
    { weight: 5, arbitrary: fc.record({ does: fc.constant('again' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        does: fc.constant('wait' as const),
        ms: fc.oneof(ago(40 * SECOND_MS), ago(2 * DAY_MS)),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ does: fc.constantFrom('summarize' as const, 'pack' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('refuse' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        does: fc.constant('import' as const),
        name: fc.constantFrom('', 'ada'),
        agoMs: ago(30_000 * DAY_MS),
      }),
    },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('erase' as const), who }) },
    {
      weight: 1,
      arbitrary: fc.record({ does: fc.constant('retain' as const), agoMs: ago(3 * DAY_MS) }),
    },
  ),
  { maxLength: 60 },
)

const eventOf = (event: Partial<NewUnlockEvent>): NewUnlockEvent => ({
  id: crypto.randomUUID(),
  accountPublicId: 'ada',
  username: 'ada',
  method: 'pin',
  lock: 'front-door',
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurredAtMs: null,
  ...event,
})

/** Runs the steps; returns which events, by sequence number, repeat an earlier one, unless that was erased
 * before. What is erased later does not change it. */
const run = async (app: TestApp, planned: readonly Step[]): Promise<ReadonlySet<number>> => {
  const { db, clock, unlocks } = app
  const told: { readonly key: string; readonly atMs: number }[] = []
  const repeats = new Set<number>()
  let last: NewUnlockEvent | undefined
  const record = async (event: NewUnlockEvent): Promise<void> => {
    const { id: _, username: __, ...claim } = event
    const [key, atMs] = [JSON.stringify(claim), clock.nowMs]
    const events = await unlocks.store.page(-1, told.length + 1)
    const isAgain = told.some(
      (one, seq) => one.key === key && atMs - one.atMs <= REPEAT_MS && events[seq]?.person,
    )
    if (event.source === 'claimed' && isAgain) repeats.add(told.length)
    told.push({ key, atMs })
    await unlocks.unlockLog.append([event])
  }
  for (const step of planned)
    switch (step.does) {
      case 'claim': {
        const occurredAtMs = step.agoMs === null ? null : clock.nowMs - step.agoMs
        last = eventOf({ ...step, accountPublicId: step.who, username: step.who, occurredAtMs })
        await record(pick(last))
        break
      }
      case 'again':
        if (last) await record({ ...pick(last), id: crypto.randomUUID() })
        break
      case 'import':
        await record(
          pick(
            eventOf({
              accountPublicId: step.name,
              source: 'imported',
              occurredAtMs: clock.nowMs - step.agoMs,
            }),
          ),
        )
        break
      case 'refuse':
        await record(
          eventOf({
            source: 'observed',
            result: 'denied',
            reason: 'too_many_attempts',
            method: 'login',
          }),
        )
        break
      case 'wait':
        clock.nowMs += step.ms
        clock.passedMs += step.ms
        break
      case 'summarize':
        await db.transaction((tx) => catchUp(tx, told.length))
        break
      case 'pack':
        await db.transaction((tx) => packDays(tx, 0))
        break
      case 'erase':
        await unlocks.unlockLog.eraseAccount(step.who)
        break
      case 'retain':
        await unlocks.unlockLog.eraseBefore(clock.nowMs - step.agoMs)
        break
    }
  return repeats
}

/** Only what an event has: steps have more. */
const pick = ({
  id,
  accountPublicId,
  username,
  method,
  lock,
  result,
  reason,
  source,
  occurredAtMs,
}: NewUnlockEvent): NewUnlockEvent => ({
  id,
  accountPublicId,
  username,
  method,
  lock,
  result,
  reason,
  source,
  occurredAtMs,
})

/** Counts the rows of the log one by one. */
const counted = async (
  app: TestApp,
  repeats: ReadonlySet<number>,
  fromMs: number,
  toMs: number,
) => {
  const [days, methods, accounts] = [new Map(), new Map(), new Map()] as Map<
    string | null,
    number
  >[]
  const add = (counts: Map<string | null, number> | undefined, key: string | null) =>
    counts?.set(key, (counts.get(key) ?? 0) + 1)
  let total = 0
  for (const { seq, person, result, reason, happenedAtMs } of await app.unlocks.store.page(
    -1,
    1000,
  )) {
    if (repeats.has(seq) || !isCounted({ result, reason })) continue
    if (happenedAtMs < fromMs || happenedAtMs >= toMs) continue
    total += 1
    add(days, new Date(happenedAtMs + 5.75 * 3_600_000).toISOString().slice(0, 10))
    add(methods, person?.method.toLowerCase() ?? null)
    add(accounts, person?.accountPublicId || null)
  }
  return { total, days: sorted(days), methods: sorted(methods), accounts: sorted(accounts) }
}

const sorted = (counts: Iterable<readonly [string | null, number]> = []) =>
  [...counts].toSorted(([one], [other]) => String(one).localeCompare(String(other)))

test('statistics equal a plain count, whatever was late, repeated, imported or erased, and whatever part is summarized and packed', () =>
  fc.assert(
    fc.asyncProperty(
      steps,
      fc.array(fc.tuple(ago(120 * DAY_MS), ago(3 * DAY_MS)), { minLength: 3, maxLength: 3 }),
      async (planned, spans) => {
        await using app = await startApp()
        const repeats = await run(app, planned)
        for (const [fromAgo, toAgo] of [[40_000 * DAY_MS, -1] as const, ...spans]) {
          const [fromMs, toMs] = [app.clock.nowMs - fromAgo, app.clock.nowMs - toAgo]
          if (fromMs >= toMs) continue
          const stats = await unlockStats(unlockCounts(app.db), {
            zone: 'Asia/Kathmandu',
            account: undefined,
            fromMs: Math.max(fromMs, app.clock.nowMs - 399 * DAY_MS),
            toMs,
          })
          const days = [...stats.days].filter(([, count]) => count > 0)
          expect({
            total: stats.total,
            days: sorted(days),
            methods: sorted(
              stats.methods.map(({ method, count }) => [method?.toLowerCase() ?? null, count]),
            ),
            accounts: sorted(stats.accounts.map(({ account, count }) => [account, count])),
          }).toStrictEqual(
            await counted(app, repeats, Math.max(fromMs, app.clock.nowMs - 399 * DAY_MS), toMs),
          )
        }
      },
    ),
    { numRuns: runs(60) },
  ))
