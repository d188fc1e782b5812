import { expect, test } from 'bun:test'
import type { NewRecord } from '../../../src/domain/access.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { CONTROLLER, attested } from '../../support/reports.ts'

type Log = Awaited<ReturnType<typeof decidedLog>>

const record = (log: Log, subject: string, body: Record<string, unknown>) =>
  log.db.transaction(async (tx) => {
    const added: NewRecord = { kind: 'grant.made', subject, by: null, about: null, body }
    log.unlockLog.recordIn(tx).add(added)
  })

/** The plumber and the cleaner are let in by a signed knock, and the controller says that the door was released. */
const visits = async () => {
  const log = await decidedLog()
  await log.db.run(
    `INSERT INTO controller (id, lock_id, public_key, name, enrolled_at_ms, seen_at_ms)
     VALUES (?, 'lock-1', ?, 'Pi', 0, 0)`,
    CONTROLLER,
    new Uint8Array(1),
  )
  for (const [at, guest] of ['plumber', 'cleaner'].entries()) {
    const passId = `pass-of-${guest}`
    await log.db.run(
      'INSERT INTO pass (id, label, devices_max, created_at_ms) VALUES (?, ?, 1, 0)',
      passId,
      guest,
    )
    await log.db.run(
      `INSERT INTO access_grant (id, holder, terms, version, created_at_ms)
       VALUES (?, ?, '{}', 1, 0)`,
      `grant-of-${guest}`,
      `pass:${passId}`,
    )
    await record(log, `pass:${passId}`, { pass: passId })
    await record(log, `grant:grant-of-${guest}`, { to: `name-of-${guest}` })
    const facts = { passId, deviceId: `device-of-${guest}`, counter: 1 }
    const statement = Buffer.from(`knock-of-${guest}`)
    const attemptId = `attempt-${at}`
    await log.decide(guest, attemptId, { guest: facts, statement: statement.toString('base64') })
    const signed = { statement: Buffer.from(`report-of-${guest}`), counter: at + 1 }
    await log.db.transaction(async (tx) => {
      await tx.run(
        `INSERT INTO controller_report (
           controller_id, counter, payload_hash, statement, received_at_ms
         ) VALUES (?, ?, ?, ?, 0)`,
        CONTROLLER,
        signed.counter,
        new Uint8Array(1),
        signed.statement,
      )
      const whose = { accountPublicId: '', username: guest, guest: facts, attemptId, signed }
      log.unlockLog.reportIn(tx).add(attested(signed.counter, whose))
    })
  }
  const verify = async () =>
    verifyLog({ source: log.store, head: await log.unlockLog.head(), key: log.key })
  return { ...log, verify }
}

const TRACES = ['pass-of-', 'name-of-', 'device-of-', 'knock-of-', 'report-of-']

test('erasing a guest erases the visits, what was signed and the records of the pass, and all proofs hold [D7]', async () => {
  await using log = await visits()
  await log.db.checkpointWal()
  for (const trace of TRACES) expect(await log.holds(`${trace}plumber`)).toBe(true)
  expect(await log.unlockLog.eraseGuest('pass-of-plumber')).toStrictEqual({
    events: 2,
    isWalTruncated: true,
  })
  // The pass itself is of another room, which erases it as well.
  await log.db.run('DELETE FROM access_grant')
  await log.db.run('DELETE FROM pass')
  await log.unlockLog.finishErasures()
  for (const trace of TRACES) {
    expect(await log.holds(`${trace}plumber`)).toBe(false)
    expect(await log.holds(`${trace}cleaner`)).toBe(true)
  }
  expect(await log.verify()).toStrictEqual({ ok: true, size: 8 })
  const leaves = await log.store.page(-1, 9)
  expect(leaves.map(({ person }) => person?.guest?.passId)).toStrictEqual([
    undefined,
    undefined,
    'pass-of-cleaner',
    'pass-of-cleaner',
  ])
  expect(leaves.map(({ statementHash }) => statementHash?.length)).toStrictEqual([32, 32, 32, 32])
})

test('the end of retention erases guests, and what was signed [D7]', async () => {
  await using log = await visits()
  expect(await log.unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)).toMatchObject({ events: 4 })
  for (const trace of ['device-of-', 'knock-of-', 'report-of-'])
    expect(await log.holds(trace)).toBe(false)
  expect(await log.verify()).toStrictEqual({ ok: true, size: 8 })
})

test('erasing an account erases what controllers signed of its visits [D7]', async () => {
  await using log = await visits()
  const signed = { statement: Buffer.from('report-of-ada'), counter: 3 }
  await log.db.transaction(async (tx) => {
    await tx.run(
      `INSERT INTO controller_report (
         controller_id, counter, payload_hash, statement, received_at_ms
       ) VALUES (?, 3, ?, ?, 0)`,
      CONTROLLER,
      new Uint8Array(1),
      signed.statement,
    )
    log.unlockLog.reportIn(tx).add(attested(3, { signed }))
  })
  await log.db.checkpointWal()
  expect(await log.holds('report-of-ada')).toBe(true)
  expect(await log.unlockLog.eraseAccount('account-of-ada')).toMatchObject({ events: 1 })
  expect(await log.holds('report-of-ada')).toBe(false)
  expect(await log.holds('report-of-plumber')).toBe(true)
  expect(await log.verify()).toStrictEqual({ ok: true, size: 9 })
})
