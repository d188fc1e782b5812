import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NO_ACCOUNT, type NewReport } from '../../../src/domain/access.ts'
import { SAME_OPENING_MS } from '../../../src/domain/home-event.ts'
import { provenLeaf } from '../../../src/unlocks/bundle/verify.ts'
import { unlockCounts } from '../../../src/unlocks/query/stats-store.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import { newSums } from '../../../src/unlocks/summary/packed-tallies.ts'
import { STEP_UNLOCKS } from '../../../src/unlocks/summary/counted-store.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { runCommand } from '../../support/binary.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { provenUnlock } from '../../support/phone.ts'
import { reported } from '../../support/reports.ts'
import { claimed } from '../../support/unlock-log.ts'

type Log = Awaited<ReturnType<typeof decidedLog>>

/** What the clock of the log shows. */
const NOW_MS = Date.UTC(2026, 10, 30, 12)

/** A report or a claim by Ada, some time before now. */
const at = (beforeMs: number) => ({ occurredAtMs: NOW_MS - beforeMs })

const claim = (log: Log, beforeMs: number, person = 'ada') =>
  log.unlockLog.append([{ ...claimed(0, person), ...at(beforeMs) }])

const report = (log: Log, beforeMs: number, changes: Partial<NewReport> = {}) =>
  log.unlockLog.report(reported({ ...at(beforeMs), ...changes }))

/** The numbers of the leaves, each with that of the leaf that it repeats. */
const repeats = async ({ db }: Log) => {
  const { unlocks } = await unlockQueries(db).page({ filter: {}, order: 'seq', limit: 500 })
  return unlocks.map(({ seq, repeatOf }) => [seq, repeatOf])
}

/** How many openings statistics count. */
const counted = async ({ db }: Log): Promise<number> => {
  const sums = newSums(0)
  const span = { account: undefined, fromMs: 0, toMs: NOW_MS + 1 }
  await unlockCounts(db).add(sums, span, () => {})
  return sums.methods.reduce((sum, count) => sum + (count ?? 0), 0)
}

test('what a lock reports is a leaf that names the driver and the attempt, and is proven', async () => {
  await using log = await decidedLog()
  await log.unlockLog.append([claimed(0, 'hedy')])
  const stored = await report(log, 1000, { attemptId: 'attempt-1' })
  expect(stored).toMatchObject({ status: 'stored', seq: 1 })
  expect(await log.store.find(stored.id)).toMatchObject({
    seq: 1,
    source: 'reported',
    result: 'unlocked',
    reason: null,
    reporter: 'zigbee2mqtt',
    attemptId: 'attempt-1',
    occurredAtMs: NOW_MS - 1000,
    happenedAtMs: NOW_MS - 1000,
    isLate: false,
    person: { accountPublicId: 'account-of-ada', username: 'ada', method: 'keypad', grantId: null },
  })
  const [leaf] = await log.store.page(0, 1)
  const receipt = leaf && (await log.unlockLog.receipts([leaf], await log.unlockLog.head())).get(1)
  expect(provenLeaf(receipt ?? '', log.key)).toMatchObject({ seq: 1, reporter: 'zigbee2mqtt' })
  expect(provenUnlock(receipt ?? '', log.unlockLog.verifierKey)).toMatchObject({
    v: 2,
    kind: 'access',
    source: 'reported',
    reporter: 'zigbee2mqtt',
    attempt: 'attempt-1',
    username: 'ada',
    grant: null,
    device: null,
  })
  const head = await log.unlockLog.head()
  const verdict = await verifyLog({ source: log.store, head, key: log.key })
  expect(verdict).toStrictEqual({ ok: true, size: 2 })
})

test('log verify says what a lock reported according to a receipt', async () => {
  await using log = await decidedLog()
  await report(log, 0)
  await report(log, 0, {
    result: 'denied',
    reason: 'invalid_credential',
    accountPublicId: NO_ACCOUNT,
    username: '',
    reporter: 'nuki_hub',
  })
  const leaves = await log.store.page(-1, 2)
  const receipts = await log.unlockLog.receipts(leaves, await log.unlockLog.head())
  for (const [seq, words] of [
    [0, 'Event 0: front-door unlocked for ada by keypad, as the lock reported through zigbee2mqtt'],
    [1, 'Event 1: front-door denied for somebody by keypad, as the lock reported through nuki_hub'],
  ] as const) {
    const path = join(log.folder, `receipt-${seq}`)
    writeFileSync(path, receipts.get(seq) ?? '')
    const key = log.unlockLog.verifierKey
    const run = await runCommand(['log', 'verify', '--receipt', path, '--key', key])
    expect(run).toMatchObject({ status: 0, out: expect.stringContaining(words) })
  }
})

test('an entry of the log of a lock becomes one leaf, however often it is reported', async () => {
  await using log = await decidedLog()
  const first = await report(log, 0, { entry: '17' })
  const again = await Promise.all([
    report(log, 0, { entry: '17' }),
    report(log, 0, { entry: '18' }),
    report(log, 0, { entry: '18' }),
    report(log, 0),
    report(log, 0),
  ])
  expect(again.map(({ status, seq }) => [status, seq])).toStrictEqual([
    ['duplicate', first.seq],
    ['stored', 1],
    ['duplicate', 1],
    ['stored', 2],
    ['stored', 3],
  ])
  expect((await log.unlockLog.head()).size).toBe(4)
})

test('the entries of one lock are not those of another', async () => {
  await using log = await decidedLog()
  await log.db.run(
    `INSERT INTO lock (id, label, name, state, version, created_at_ms)
     VALUES ('lock-2', 'garage', 'Garage', 'enabled', 1, 0)`,
  )
  await report(log, 0, { entry: '17' })
  expect(await report(log, 0, { entry: '17', lock: 'garage' })).toMatchObject({ status: 'stored' })
})

test('what the lock and the app of one person tell of an opening counts once, whichever comes first', async () => {
  await using log = await decidedLog()
  await report(log, 10_000)
  await claim(log, 9000)
  await claim(log, 5_000_000)
  await report(log, 5_010_000)
  expect(await repeats(log)).toStrictEqual([
    [0, null],
    [1, 0],
    [2, null],
    [3, 2],
  ])
  expect(await counted(log)).toBe(2)
})

test('each opening has its own report and its own claim, though they are close to each other', async () => {
  await using log = await decidedLog()
  await report(log, 60_000)
  await claim(log, 59_000)
  await report(log, 30_000)
  await report(log, 10_000)
  await claim(log, 9000)
  await claim(log, 29_000)
  expect(await repeats(log)).toStrictEqual([
    [0, null],
    [1, 0],
    [2, null],
    [3, null],
    [4, 3],
    [5, 2],
  ])
  expect(await counted(log)).toBe(3)
})

test('a claim that comes late still finds the report of its opening', async () => {
  await using log = await decidedLog()
  await report(log, 3 * 3_600_000)
  for (let times = 0; times < STEP_UNLOCKS; times += 1) await log.unlockLog.append([claimed(1)])
  await claim(log, 3 * 3_600_000 - 2000)
  expect((await repeats(log)).at(-1)).toStrictEqual([STEP_UNLOCKS + 1, 0])
})

test.each([
  ['another person', {}, 'grace', {}],
  ['another lock', {}, 'ada', { lock: 'garage' }],
  ['a refusal', {}, 'ada', { result: 'denied', reason: 'restricted' } as const],
  ['nobody', { accountPublicId: NO_ACCOUNT, username: '' }, 'ada', {}],
])('a report and a claim of %s are two openings', async (_, changes, person, claimChanges) => {
  await using log = await decidedLog()
  await report(log, 1000, changes)
  await log.unlockLog.append([{ ...claimed(0, person), ...at(0), ...claimChanges }])
  await report(log, 1000, changes)
  expect(await repeats(log)).toStrictEqual([
    [0, null],
    [1, null],
    [2, null],
  ])
})

test.each([
  [SAME_OPENING_MS, 0],
  [SAME_OPENING_MS + 1, null],
])('a report and a claim %d ms apart: %p', async (apartMs, repeatOf) => {
  await using log = await decidedLog()
  await report(log, apartMs)
  await claim(log, 0)
  expect(await repeats(log)).toStrictEqual([
    [0, null],
    [1, repeatOf],
  ])
})

test('an app that repeats its claim beside a report is still one opening', async () => {
  await using log = await decidedLog()
  const send = () => log.unlockLog.append([claimed(0, 'ada')])
  await send()
  await send()
  await log.unlockLog.report(reported())
  await send()
  expect(await counted(log)).toBe(1)
  // The summary counts as the log itself does.
  for (let times = 0; times < 2 * STEP_UNLOCKS; times += 1)
    await log.unlockLog.append([{ ...claimed(1, 'hedy'), ...at(10 * times * SAME_OPENING_MS) }])
  expect(await counted(log)).toBe(1 + 2 * STEP_UNLOCKS)
})

test('a permission does not count, and what the lock reports of its attempt does', async () => {
  await using log = await decidedLog()
  await log.decide('ada', 'attempt-1')
  expect(await counted(log)).toBe(0)
  await report(log, 0, { attemptId: 'attempt-1' })
  expect(await counted(log)).toBe(1)
  expect(await repeats(log)).toStrictEqual([
    [0, null],
    [1, null],
  ])
})

test('openings are told once, by the leaf that came first', async () => {
  await using log = await decidedLog()
  await claim(log, 2000)
  await report(log, 0)
  await claim(log, 0)
  expect(log.told.map(({ seq, source, sameAs }) => [seq, source, sameAs])).toStrictEqual([
    [0, 'claimed', undefined],
    [1, 'reported', 0],
    [2, 'claimed', undefined],
  ])
})
