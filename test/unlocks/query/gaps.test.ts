import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { NewRecord } from '../../../src/domain/access.ts'
import { exportBundle } from '../../../src/unlocks/bundle/export.ts'
import { type Bundle, verifyBundle } from '../../../src/unlocks/bundle/verify.ts'
import { type UnlockEvent, isCounted } from '../../../src/unlocks/log/event.ts'
import { type Leaf, isRecord } from '../../../src/unlocks/log/leaf.ts'
import { eventStream } from '../../../src/unlocks/query/event-stream.ts'
import { exportedEvents } from '../../../src/unlocks/query/export-store.ts'
import { unlockCounts } from '../../../src/unlocks/query/stats-store.ts'
import { unlockStats } from '../../../src/unlocks/query/stats.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import type { UnlockFilter } from '../../../src/unlocks/search/filter-store.ts'
import { ORDERS, type Place, type UnlockOrder } from '../../../src/unlocks/search/order.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { expectSummary } from '../../support/summary.ts'
import { claimed } from '../../support/unlock-log.ts'

// Claims, refusals and permissions by the gateway, and records: a third of the numbers belong to no unlock.
const LEAVES = 1200

const RECORD: NewRecord = {
  kind: 'lock.renamed',
  subject: 'lock:l1',
  by: 'account-of-ada',
  about: null,
  body: { name: 'Gate' },
}

let log: Awaited<ReturnType<typeof decidedLog>>
let leaves: readonly Leaf[]
let events: readonly UnlockEvent[]

beforeAll(async () => {
  log = await decidedLog()
  const { db, unlockLog, decide } = log
  const append = (at: number): Promise<unknown> => {
    if (at % 3 === 0) return db.transaction(async (tx) => log.unlockLog.recordIn(tx).add(RECORD))
    if (at % 3 === 1) return unlockLog.append([{ ...claimed(at), method: `pin ${at}` }])
    return decide(at % 9 === 2 ? 'eve' : 'hedy')
  }
  // Few at a time: what is urgent overtakes the rest.
  for (let at = 0; at < LEAVES; at += 3) await Promise.all([at, at + 1, at + 2].map(append))
  leaves = await log.store.leaves(-1, 2 * LEAVES)
  events = leaves.flatMap((leaf) => (isRecord(leaf) ? [] : [leaf]))
})

afterAll(() => log[Symbol.asyncDispose]())

const walk = async (filter: UnlockFilter, order: UnlockOrder): Promise<readonly number[]> => {
  const { page } = unlockQueries(log.db)
  const seqs: number[] = []
  let after: Place | undefined
  do {
    const found = await page({ filter, order, after, limit: 70, size: LEAVES })
    seqs.push(...found.unlocks.map(({ seq }) => seq))
    after = found.next
  } while (after !== undefined)
  return seqs
}

test('the numbers of the log have no gaps, those of unlocks do', () => {
  expect(leaves.map(({ seq }) => seq)).toStrictEqual(Array.from({ length: LEAVES }, (_, at) => at))
  expect(events).toHaveLength((LEAVES * 2) / 3)
})

for (const order of ORDERS)
  test(`pages list every unlock once in the order ${order}, and a result alone where it is asked for`, async () => {
    const whole = await walk({}, order)
    expect(whole.toSorted((one, other) => one - other)).toStrictEqual(events.map(({ seq }) => seq))
    for (const result of ['unlocked', 'denied', 'permitted'] as const) {
      const wanted = new Set(events.filter((one) => one.result === result).map(({ seq }) => seq))
      expect(wanted.size).toBeGreaterThan(100)
      expect(await walk({ result }, order)).toStrictEqual(whole.filter((seq) => wanted.has(seq)))
    }
  })

test('statistics count unlocks and refusals, but no permission and no record', async () => {
  const nowMs = Date.UTC(2026, 10, 30, 12)
  const counted = events.filter(isCounted)
  expect(counted.length).toBeLessThan(events.length)
  for (const account of [undefined, 'account-of-hedy']) {
    const { total } = await unlockStats(unlockCounts(log.db), {
      zone: 'UTC',
      account,
      fromMs: nowMs - 1000,
      toMs: nowMs + 1000,
    })
    const own = counted.filter(
      ({ person }) => account === undefined || person?.accountPublicId === account,
    )
    expect(total).toBe(own.length)
  }
})

test('records count in the size of the log at a time, and in the newest time that the clock may not go behind', async () => {
  await using quiet = await decidedLog()
  const nowMs = Date.UTC(2026, 10, 30, 12)
  await quiet.db.transaction(async (tx) => quiet.unlockLog.recordIn(tx).add(RECORD))
  expect(await quiet.store.newestCertainMs()).toBe(nowMs)
  expect([
    await quiet.store.countBefore(nowMs),
    await quiet.store.countBefore(nowMs + 1),
  ]).toStrictEqual([0, 1])
  await quiet.unlockLog.append([claimed(0)])
  expect(await quiet.store.countBefore(nowMs + 1)).toBe(2)
})

test('the summary of the log counts as its rows do', async () => {
  expect(await log.db.transaction(expectSummary)).toBeGreaterThan(LEAVES - 512)
})

test('an export says which attempt a decision answered and by which grant', async () => {
  const parts = exportedEvents(log.db)({
    filter: { account: 'account-of-hedy', result: 'permitted' },
    size: LEAVES,
    signal: new AbortController().signal,
  })
  const exported = (await Array.fromAsync(parts)).flat()
  expect(exported.length).toBeGreaterThan(100)
  const bySeq = new Map(events.map((event) => [event.seq, event]))
  for (const { seq, source, attempt, grant } of exported)
    expect({ source, attempt, grant }).toStrictEqual({
      source: 'decided',
      attempt: bySeq.get(seq)?.attemptId ?? null,
      grant: 'grant-of-hedy',
    })
})

test('a live stream sends the unlocks among the records, also after the number of a record', async () => {
  const stream = eventStream({
    queries: unlockQueries(log.db),
    unlockLog: log.unlockLog,
    visibleSize: async () => LEAVES,
    heartbeatSeconds: 60,
  })
  const record = leaves.findLast((leaf) => isRecord(leaf) && leaf.seq < LEAVES - 20)
  const followed = await stream.subscribe({
    account: { id: 1, publicId: 'ada', username: 'ada', role: 'admin', admitted: true },
    client: '192.0.2.1',
    isAllowed: async () => true,
    filter: {},
    lastSeq: record?.seq,
    signal: new AbortController().signal,
  })
  const due = events.filter(({ seq }) => seq > (record?.seq ?? 0)).map(({ seq }) => seq)
  expect(due.length).toBeGreaterThan(10)
  const sent: number[] = []
  for await (const chunk of followed) {
    const text = new TextDecoder().decode(chunk)
    sent.push(...[...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq)))
    if (sent.length >= due.length) break
  }
  expect(sent).toStrictEqual(due)
  stream.close()
})

test('a bundle has every leaf with its receipt, and is verified in one piece', async () => {
  const files = new Map<string, string>()
  const { unlockLog, store, key } = log
  await exportBundle(
    {
      log: unlockLog,
      store,
      clock: { wallMs: () => 0 },
      write: async (name, pieces) => void files.set(name, (await Array.fromAsync(pieces)).join('')),
    },
    { proofs: 50 },
  )
  const bundleOf = (entries: string): Bundle => ({
    'entries.ndjson': new Blob([entries]),
    'proofs.ndjson': new Blob([files.get('proofs.ndjson') ?? '']),
    checkpoint: new Blob([files.get('checkpoint') ?? '']),
    key: new Blob([files.get('key') ?? '']),
  })
  const entries = files.get('entries.ndjson') ?? ''
  const read: Leaf[] = []
  const verdict = await verifyBundle(bundleOf(entries), {
    key,
    onLeaves: (page) => read.push(...page),
  })
  expect(verdict).toStrictEqual({ ok: true, size: LEAVES })
  expect(read.filter(isRecord)).toHaveLength(LEAVES / 3)
  for (const [from, to, seq] of [
    // The tree shows that a record was changed, and the hash of its body shows which.
    ['lock.renamed', 'lock.retired', 0],
    [String.raw`Gate\"`, String.raw`Gat3\"`, leaves.findIndex(isRecord)],
    ['"grant-of-hedy"', '"grant-of-eve"', events.find(({ result }) => result === 'permitted')?.seq],
  ] as const) {
    expect(entries).toContain(from)
    const forged = await verifyBundle(bundleOf(entries.replace(from, to)), { key })
    expect(forged).toMatchObject({ ok: false, seq })
  }
})
