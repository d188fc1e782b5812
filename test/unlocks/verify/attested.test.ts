import { expect, test } from 'bun:test'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { attested } from '../../support/reports.ts'

const GUEST = { passId: 'pass-1', deviceId: 'device-1', counter: 7 }

/** A log with a guest who was let in by a signed knock, and what the controller signed of that. */
const smallLog = async () => {
  const log = await decidedLog()
  const { unlockLog } = log
  await log.decide('plumber', 'attempt-1', { guest: GUEST, statement: 'AQID' })
  await unlockLog.report(attested(1, { attemptId: 'attempt-1', guest: GUEST }))
  await unlockLog.report(attested(2, { result: 'failed', reason: 'motor_blocked' }))
  const verify = async () =>
    verifyLog({ source: log.store, head: await unlockLog.head(), key: log.key })
  return { ...log, verify }
}

test.each([
  ['the pass of a decision', "UPDATE unlock_guest SET pass_id = 'x' WHERE seq = 0", 0, 'or grant'],
  ['the device of a guest', "UPDATE unlock_guest SET device_id = 'x' WHERE seq = 1", 1, 'or grant'],
  ['the counter of a guest', 'UPDATE unlock_guest SET counter = 8 WHERE seq = 0', 0, 'or grant'],
  ['a guest who is gone', 'DELETE FROM unlock_guest WHERE seq = 0', 0, 'or grant'],
  ['a guest who was none', "INSERT INTO unlock_guest VALUES (2, 'x', NULL, NULL)", 2, 'or grant'],
  ['what a guest signed', 'UPDATE unlock_statement SET statement = hash', 0, 'signed statement'],
  [
    'what a controller signed',
    'UPDATE unlock_statement SET statement = hash WHERE seq = 1',
    1,
    'signed statement',
  ],
  [
    'a hash that fits another statement',
    'UPDATE unlock_statement SET statement = NULL, hash = substr(hash, 2) WHERE seq = 1',
    1,
    'its entry',
  ],
  ['a statement that is gone', 'DELETE FROM unlock_statement WHERE seq = 0', 0, 'its entry'],
  [
    'the counter of a controller',
    'UPDATE unlock_statement SET reporter_counter = 7 WHERE seq = 1',
    1,
    'its entry',
  ],
  ['the controller', "UPDATE unlock_report SET reporter = 'x' WHERE seq = 1", 1, 'its entry'],
  [
    'a signed report as that of a driver',
    "UPDATE unlock_event SET source = 'reported' WHERE seq = 2",
    2,
    'its entry',
  ],
])('verification finds %s', async (_, sql, seq, words) => {
  await using log = await smallLog()
  expect(await log.verify()).toStrictEqual({ ok: true, size: 3 })
  await log.db.run(sql)
  expect(await log.verify()).toMatchObject({
    ok: false,
    seq,
    fault: expect.stringContaining(words),
  })
})

test('a statement that was erased leaves a log that verifies', async () => {
  await using log = await smallLog()
  await log.db.run('UPDATE unlock_statement SET statement = NULL')
  expect(await log.verify()).toStrictEqual({ ok: true, size: 3 })
})
