import { expect, test } from 'bun:test'
import { sha256 } from '#crypto'
import { NO_ACCOUNT, type NewReport } from '../../../src/domain/access.ts'
import { SAME_OPENING_MS } from '../../../src/domain/home-event.ts'
import { provenLeaf } from '../../../src/unlocks/bundle/verify.ts'
import { unlockCounts } from '../../../src/unlocks/query/stats-store.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import { newSums } from '../../../src/unlocks/summary/packed-tallies.ts'
import { STEP_UNLOCKS } from '../../../src/unlocks/summary/counted-store.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { CONTROLLER, attested, reported } from '../../support/reports.ts'
import { claimed } from '../../support/unlock-log.ts'

type Log = Awaited<ReturnType<typeof decidedLog>>

/** What the clock of the log shows. */
const NOW_MS = Date.UTC(2026, 10, 30, 12)

const at = (beforeMs: number) => ({ occurredAtMs: NOW_MS - beforeMs })

const claim = (log: Log, beforeMs: number) =>
  log.unlockLog.append([{ ...claimed(0, 'ada'), ...at(beforeMs) }])

const attest = (log: Log, counter: number, changes: Partial<NewReport> = {}) =>
  log.unlockLog.report(attested(counter, changes))

const ofUnlocks = async <Value>(
  { db }: Log,
  of: (unlock: Awaited<ReturnType<typeof page>>[number]) => Value,
) => (await page(db)).map(of)

const page = async (db: Log['db']) =>
  (await unlockQueries(db).page({ filter: {}, order: 'seq', limit: 500 })).unlocks

/** How many openings and refusals statistics count. */
const counted = async ({ db }: Log): Promise<number> => {
  const sums = newSums(0)
  const span = { account: undefined, fromMs: 0, toMs: NOW_MS + 1 }
  await unlockCounts(db).add(sums, span, () => {})
  return sums.methods.reduce((sum, count) => sum + (count ?? 0), 0)
}

const GUEST = { passId: 'pass-1', deviceId: 'device-1', counter: 7 }
const KNOCK = Uint8Array.of(7, 7, 7)

/** A guest asks for the door with a signed knock, and is let in. */
const letGuestIn = (log: Log, attemptId: string) =>
  log.decide('plumber', attemptId, { guest: GUEST, statement: KNOCK.toBase64() })

test('what a controller signed is a leaf with its counter and the hash of the statement, and is proven', async () => {
  await using log = await decidedLog()
  await letGuestIn(log, 'attempt-1')
  const whose = { accountPublicId: NO_ACCOUNT, username: 'plumber', method: 'guest', guest: GUEST }
  const stored = await attest(log, 3, { ...whose, ...at(1000), attemptId: 'attempt-1' })
  expect(stored).toMatchObject({ status: 'stored', seq: 1 })
  const statement = Uint8Array.of(1, 2, 3, 3)
  expect(await log.store.find(stored.id)).toMatchObject({
    source: 'attested',
    result: 'released',
    reporter: CONTROLLER,
    reporterCounter: 3,
    statement,
    statementHash: sha256(statement),
    attemptId: 'attempt-1',
    happenedAtMs: NOW_MS - 1,
    person: { accountPublicId: '', username: 'plumber', grantId: null, guest: GUEST },
  })
  const leaves = await log.store.page(-1, 2)
  expect(leaves[0]).toMatchObject({
    source: 'decided',
    statement: KNOCK,
    statementHash: sha256(KNOCK),
    person: { accountPublicId: '', username: 'plumber', method: 'guest', guest: GUEST },
  })
  const receipts = await log.unlockLog.receipts(leaves, await log.unlockLog.head())
  for (const leaf of leaves) {
    const { happenedAtMs: _listed, ...proven } = leaf
    expect(provenLeaf(receipts.get(leaf.seq) ?? '', log.key)).toMatchObject(proven)
  }
  const head = await log.unlockLog.head()
  const verdict = await verifyLog({ source: log.store, head, key: log.key })
  expect(verdict).toStrictEqual({ ok: true, size: 2 })
})

test('a report, its row and what follows from it are stored together, or not at all', async () => {
  await using log = await decidedLog()
  await log.db.run(
    `INSERT INTO controller (id, lock_id, public_key, name, enrolled_at_ms, seen_at_ms)
     VALUES (?, 'lock-1', ?, 'Pi', 0, 0)`,
    CONTROLLER,
    new Uint8Array(1),
  )
  const receive = (counter: number, andThen?: () => void) =>
    log.db.transaction(async (tx) => {
      await tx.run(
        `INSERT INTO controller_report (controller_id, counter, payload_hash, received_at_ms)
         VALUES (?, ?, ?, 0)`,
        CONTROLLER,
        counter,
        new Uint8Array(1),
      )
      log.unlockLog.reportIn(tx).add(attested(counter))
      andThen?.()
    })
  await log.decide('ada', 'attempt-1')
  await receive(1)
  const failed = await receive(2, () => {
    throw new Error('the disk')
  }).catch(String)
  expect(failed).toContain('the disk')
  await receive(3)
  expect(
    await log.db.all<object>('SELECT counter, seq FROM controller_report ORDER BY counter'),
  ).toStrictEqual([
    { counter: 1, seq: 1 },
    { counter: 3, seq: 2 },
  ])
  expect((await log.unlockLog.head()).size).toBe(3)
})

test('statistics count a released lock, and no failure', async () => {
  await using log = await decidedLog()
  await attest(log, 1)
  await attest(log, 2, { result: 'failed', reason: 'motor_blocked' })
  await attest(log, 3, { result: 'unlocked', accountPublicId: NO_ACCOUNT, username: '' })
  expect(await counted(log)).toBe(2)
  // The summary counts as the log itself does.
  for (let times = 0; times < 2 * STEP_UNLOCKS; times += 1)
    await log.unlockLog.append([{ ...claimed(1, 'hedy'), ...at(10 * times * SAME_OPENING_MS) }])
  expect(await counted(log)).toBe(2 + 2 * STEP_UNLOCKS)
})

test.each([
  ['a claim after', 'released', -SAME_OPENING_MS, 0],
  ['a claim before', 'unlocked', SAME_OPENING_MS, 0],
  ['a claim too late', 'released', -SAME_OPENING_MS - 1, null],
  ['a claim of what failed', 'failed', 0, null],
] as const)('%s a signed report that it %s', async (_, result, apartMs, repeatOf) => {
  await using log = await decidedLog()
  const reason = result === 'failed' ? 'command_failed' : null
  await attest(log, 1, { ...at(3 * SAME_OPENING_MS), result, reason })
  // A controller says whole seconds: the opening counts at the end of one.
  await claim(log, 3 * SAME_OPENING_MS - 999 + apartMs)
  expect(await ofUnlocks(log, (unlock) => unlock.repeatOf)).toStrictEqual([null, repeatOf])
})

test('two controllers of a lock and a phone tell of one opening', async () => {
  await using log = await decidedLog()
  await log.decide('ada', 'attempt-1')
  const other = '0193c6a8-0000-7000-8000-00000000000d'
  await attest(log, 1, { attemptId: 'attempt-1', result: 'failed', reason: 'motor_blocked' })
  await attest(log, 1, { attemptId: 'attempt-1', reporter: other })
  await attest(log, 2, { attemptId: 'attempt-1' })
  await claim(log, 0)
  // Another opening: the phone reports it long after, and no other report of it is free.
  await claim(log, 1000)
  expect(await ofUnlocks(log, ({ seq, repeatOf }) => [seq, repeatOf])).toStrictEqual([
    [0, null],
    [1, null],
    [2, null],
    [3, 2],
    [4, 2],
    [5, null],
  ])
  expect(await counted(log)).toBe(2)
  expect(log.told.map(({ seq, sameAs }) => [seq, sameAs])).toContainEqual([3, 2])
})

test('a driver’s report of somebody unknown is no opening of a guest', async () => {
  await using log = await decidedLog()
  const nobody = { accountPublicId: NO_ACCOUNT, username: '' }
  await log.unlockLog.report(reported(nobody))
  await attest(log, 1, { ...nobody, guest: GUEST, username: 'plumber' })
  expect(await ofUnlocks(log, (unlock) => unlock.repeatOf)).toStrictEqual([null, null])
  expect(await counted(log)).toBe(2)
})

test('the home hears of the pass of a guest', async () => {
  await using log = await decidedLog()
  await letGuestIn(log, 'attempt-1')
  await log.decide('ada', 'attempt-2')
  expect(log.told.map(({ result, passId }) => [result, passId])).toStrictEqual([
    ['permitted', 'pass-1'],
    ['permitted', undefined],
  ])
})
