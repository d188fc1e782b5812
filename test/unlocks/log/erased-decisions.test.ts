import { expect, test } from 'bun:test'
import type { NewRecord } from '../../../src/domain/access.ts'
import { leafBytes } from '../../../src/unlocks/log/leaf.ts'
import { verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'

const grantMade = (by: string, about: string): NewRecord => ({
  kind: 'grant.made',
  subject: `grant:grant-of-${about}`,
  by: `account-of-${by}`,
  about: `account-of-${about}`,
  body: { by: `name-of-${by}`, to: `name-of-${about}` },
})

const ZONE_CHANGED: NewRecord = {
  kind: 'zone.changed',
  subject: 'home',
  by: null,
  about: null,
  body: { zone: 'Europe/Berlin' },
}

type Log = Awaited<ReturnType<typeof decidedLog>>

const record = (log: Log, added: NewRecord): Promise<void> =>
  log.db.transaction(async (tx) => log.unlockLog.recordIn(tx).add(added))

/** A log of decisions and records, in which Hedy let Ada and Grace in. */
const household = async () => {
  const log = await decidedLog()
  await record(log, grantMade('hedy', 'ada'))
  await record(log, grantMade('hedy', 'grace'))
  await record(log, ZONE_CHANGED)
  for (const person of ['ada', 'grace', 'ada', 'grace', 'hedy']) await log.decide(person)
  return log
}

/** The receipts and leaves of a log, to be verified later. */
const proofsOf = async ({ store, unlockLog }: Log) =>
  Promise.all(
    (await store.leaves(-1, 99)).map(async (leaf) => ({
      receipt: await unlockLog.receipt(leaf.seq),
      entry: leafBytes(leaf),
      verifierKey: unlockLog.verifierKey,
    })),
  )

test('erasing a person leaves nothing of their decisions and records on the disk, and all proofs hold [D7]', async () => {
  await using log = await household()
  const { store, unlockLog, key } = log
  const proofs = await proofsOf(log)
  const salts = await log.db.all<{ salt: Uint8Array }>(
    `SELECT salt FROM unlock_event WHERE username = 'ada'
     UNION ALL
     SELECT salt FROM log_record WHERE about_public_id = 'account-of-ada'`,
  )
  expect(salts).toHaveLength(3)
  const traces = ['account-of-ada', 'grant-of-ada', 'name-of-ada', ...salts.map(({ salt }) => salt)]
  await log.db.checkpointWal()
  for (const trace of traces) expect(await log.holds(trace)).toBe(true)

  expect(await unlockLog.eraseAccount('account-of-ada')).toStrictEqual({
    events: 2,
    isWalTruncated: true,
  })
  for (const trace of traces) expect(await log.holds(trace)).toBe(false)
  for (const kept of ['account-of-grace', 'grant-of-grace', 'name-of-grace'])
    expect(await log.holds(kept)).toBe(true)
  for (const [at, leaf] of (await store.leaves(-1, 99)).entries()) {
    expect(leafBytes(leaf)).toStrictEqual(proofs[at]?.entry ?? new Uint8Array())
    const proof = proofs[at]
    expect(proof && verifyReceipt(proof)).toMatchObject({ ok: true, index: at })
  }
  const verdict = await verifyLog({ source: store, head: await unlockLog.head(), key })
  expect(verdict).toStrictEqual({ ok: true, size: 8 })
})

test('no two visits of an erased person can be linked: they share nothing that visits of two people do not [D7]', async () => {
  await using log = await household()
  await log.unlockLog.eraseAccount('account-of-ada')
  await log.unlockLog.eraseAccount('account-of-grace')
  const visits = await log.db.all<Record<string, unknown>>(
    `SELECT unlock_event.*, unlock_decision.*
     FROM unlock_event
     JOIN unlock_decision ON unlock_decision.seq = unlock_event.seq
     ORDER BY unlock_event.seq`,
  )
  const shared = (one: number, other: number): readonly string[] =>
    Object.keys(visits[one] ?? {}).filter((column) =>
      Bun.deepEquals(visits[one]?.[column], visits[other]?.[column]),
    )
  const [ada, grace, adaAgain] = [0, 1, 2]
  expect(shared(ada, adaAgain)).toStrictEqual(shared(ada, grace))
  expect(shared(ada, adaAgain)).toContain('lock')
  expect(visits[ada]).toMatchObject({ grant_id: null, account_number: null, salt: null })
})

test('the person who made a grant is erased from the record too, and a record about nobody stays', async () => {
  await using log = await household()
  await log.unlockLog.eraseAccount('account-of-hedy')
  expect(await log.holds('account-of-hedy')).toBe(false)
  const bodies = (await log.store.leaves(-1, 3)).map((leaf) => 'body' in leaf && leaf.body?.text)
  expect(bodies).toStrictEqual([undefined, undefined, '{"zone":"Europe/Berlin"}'])
  const erased = await log.db.get(
    'SELECT subject, salt, by_public_id FROM log_record ORDER BY seq LIMIT 1',
  )
  expect(erased).toStrictEqual({ subject: null, salt: null, by_public_id: null })
})

test('the end of retention erases grants of decisions and records about people [D7]', async () => {
  await using log = await household()
  expect(await log.unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)).toMatchObject({ events: 5 })
  for (const trace of ['account-of-', 'grant-of-ada', 'name-of-ada'])
    expect(await log.holds(trace)).toBe(false)
  const { store, unlockLog, key } = log
  const verdict = await verifyLog({ source: store, head: await unlockLog.head(), key })
  expect(verdict).toStrictEqual({ ok: true, size: 8 })
})

test('retention keeps records that are no older than it', async () => {
  await using log = await household()
  await log.unlockLog.eraseBefore(Date.UTC(2026, 10, 30, 12))
  expect(await log.holds('name-of-ada')).toBe(true)
})
