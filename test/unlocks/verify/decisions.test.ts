import { expect, test } from 'bun:test'
import { processLogger } from '../../../src/http/log/logger.ts'
import { verificationScheduler } from '../../../src/unlocks/verify/scheduler.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { claimed } from '../../support/unlock-log.ts'

/** A log with a claim, a record, a decision that permits and one that denies. */
const smallLog = async () => {
  const log = await decidedLog()
  const { db, unlockLog } = log
  await unlockLog.append([claimed(0)])
  await db.transaction(async (tx) =>
    unlockLog.recordIn(tx).add({
      kind: 'grant.made',
      subject: 'grant:g1',
      by: 'account-of-hedy',
      about: 'account-of-ada',
      body: { to: 'ada' },
    }),
  )
  await log.decide('ada')
  await log.decide('eve')
  const verify = async () =>
    verifyLog({ source: log.store, head: await unlockLog.head(), key: log.key })
  return { ...log, verify }
}

const RECORD_COLUMNS =
  'id, kind, subject, by_public_id, about_public_id, body, salt, body_hash, at_ms, is_time_uncertain, leaf_hash'

test.each([
  [
    'the body of a record',
    `UPDATE log_record SET body = '{"to":"eve"}'`,
    1,
    'its body was changed',
  ],
  ['the salt of a record alone', 'UPDATE log_record SET salt = NULL', 1, 'its body was changed'],
  ['the kind of a record', "UPDATE log_record SET kind = 'grant.revoked'", 1, 'its entry'],
  ['the time of a record', 'UPDATE log_record SET at_ms = at_ms + 1', 1, 'its entry'],
  ['a record that is gone', 'DELETE FROM log_record', 1, 'is missing'],
  ['the grant of a decision', "UPDATE unlock_decision SET grant_id = 'g2'", 2, 'or grant was'],
  ['the attempt of a decision', "UPDATE unlock_decision SET attempt_id = 'x'", 2, 'its entry'],
  ['a decision without its row', 'DELETE FROM unlock_decision', 2, 'or grant was changed'],
  ['a refusal that permits', "UPDATE unlock_event SET result = 'permitted'", 0, 'its entry'],
  ['a decision as a claim', "UPDATE unlock_event SET source = 'claimed'", 2, 'name or method'],
  [
    'a record too many',
    `INSERT INTO log_record SELECT 4, ${RECORD_COLUMNS} FROM log_record`,
    4,
    'no checkpoint covers',
  ],
  [
    'a record before all others',
    `INSERT INTO log_record SELECT -1, ${RECORD_COLUMNS} FROM log_record`,
    -1,
    'no checkpoint covers',
  ],
  [
    'a record with the number of an unlock',
    `INSERT INTO log_record SELECT 2, ${RECORD_COLUMNS} FROM log_record`,
    3,
    'is missing',
  ],
])('a verification finds a change of %s', async (_, sql, seq, fault) => {
  await using log = await smallLog()
  expect(await log.verify()).toStrictEqual({ ok: true, size: 4 })
  await log.db.run(sql)
  expect(await log.verify()).toMatchObject({
    ok: false,
    seq,
    fault: expect.stringContaining(fault),
  })
})

test('nothing is appended to a log with a record that no checkpoint covers', async () => {
  await using log = await smallLog()
  await log.db.run(`INSERT INTO log_record SELECT 4, ${RECORD_COLUMNS} FROM log_record`)
  expect(log.unlockLog.append([claimed(1)])).rejects.toThrow('its rows and its head differ')
  await log.db.run('DELETE FROM log_record WHERE seq = 4')
  expect(await log.unlockLog.append([claimed(1)])).toMatchObject([{ seq: 4 }])
})

test('the service finds a change of a new record when it starts', async () => {
  await using log = await smallLog()
  const lines: string[] = []
  const scheduler = verificationScheduler({
    store: log.store,
    key: log.key,
    clock: { wallMs: () => 0 },
    logger: processLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
  })
  await scheduler.verifyRecent()
  expect(scheduler.last()).toMatchObject({ ok: true, size: 4 })
  await log.db.run(`UPDATE log_record SET body = '{"to":"eve"}'`)
  await scheduler.verifyRecent()
  expect(scheduler.last()).toMatchObject({ ok: false, seq: 1 })
  await scheduler.stop()
})
