import { expect, test } from 'bun:test'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { claimed } from '../../support/unlock-log.ts'
import { reported } from '../../support/reports.ts'

/** A log with a claim, what a lock reports, and a decision that somebody asked for with a token. */
const smallLog = async () => {
  const log = await decidedLog()
  const { unlockLog } = log
  await unlockLog.append([claimed(0, 'hedy')])
  await unlockLog.report(reported({ attemptId: 'attempt-1' }))
  await log.decide('ada', 'attempt-2', { tokenId: 'token-1' })
  const verify = async () =>
    verifyLog({ source: log.store, head: await unlockLog.head(), key: log.key })
  return { ...log, verify }
}

test.each([
  ['the reporter', "UPDATE unlock_report SET reporter = 'nuki_hub'", 1, 'its entry'],
  ['the attempt of a report', "UPDATE unlock_report SET attempt_id = 'x'", 1, 'its entry'],
  ['an attempt that is gone', 'UPDATE unlock_report SET attempt_id = NULL', 1, 'its entry'],
  ['a report without its row', 'DELETE FROM unlock_report', 1, 'its entry'],
  [
    'a report as a claim',
    "UPDATE unlock_event SET source = 'claimed' WHERE seq = 1",
    1,
    'name or method',
  ],
  [
    'a claim as a report',
    "UPDATE unlock_event SET source = 'reported' WHERE seq = 0",
    0,
    'method, token or grant',
  ],
  ['the token of a decision', "UPDATE unlock_token SET token_id = 'token-2'", 2, 'or grant was'],
  ['a token that is gone', 'DELETE FROM unlock_token', 2, 'or grant was'],
  ['a token of a claim', "INSERT INTO unlock_token (seq, token_id) VALUES (0, 'x')", undefined, ''],
])('verification finds %s', async (_, sql, seq, words) => {
  await using log = await smallLog()
  expect(await log.verify()).toStrictEqual({ ok: true, size: 3 })
  await log.db.run(sql)
  expect(await log.verify()).toMatchObject(
    seq === undefined
      ? // A claim does not commit to a token: its leaf is as old apps know it.
        { ok: true, size: 3 }
      : { ok: false, seq, fault: expect.stringContaining(words) },
  )
})
