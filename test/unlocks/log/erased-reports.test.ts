import { expect, test } from 'bun:test'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { reported } from '../../support/reports.ts'
import { claimed } from '../../support/unlock-log.ts'

/** Ada asks for the door with a token, the lock reports that she came in, and so does her app. Grace does the
 * same with another. */
const visits = async () => {
  const log = await decidedLog()
  for (const person of ['ada', 'grace']) {
    await log.decide(person, `attempt-of-${person}`, { tokenId: `token-of-${person}` })
    const whose = { accountPublicId: `account-of-${person}`, username: person }
    await log.unlockLog.report(reported({ ...whose, attemptId: `attempt-of-${person}` }))
    await log.unlockLog.append([{ ...claimed(0, person), tokenId: `token-of-${person}` }])
  }
  return log
}

test('erasing a person erases what locks reported of them and the tokens they used, and all proofs hold [D7]', async () => {
  await using log = await visits()
  const { store, unlockLog, key } = log
  await log.db.checkpointWal()
  for (const trace of ['account-of-ada', 'token-of-ada']) expect(await log.holds(trace)).toBe(true)
  expect(await unlockLog.eraseAccount('account-of-ada')).toStrictEqual({
    events: 3,
    isWalTruncated: true,
  })
  for (const trace of ['account-of-ada', 'token-of-ada']) expect(await log.holds(trace)).toBe(false)
  for (const kept of ['account-of-grace', 'token-of-grace'])
    expect(await log.holds(kept)).toBe(true)
  const { unlocks } = await unlockQueries(log.db).page({ filter: {}, order: 'seq', limit: 9 })
  // They stay one opening.
  expect(unlocks.map(({ person, repeatOf }) => [person?.username, repeatOf])).toStrictEqual([
    [undefined, null],
    [undefined, null],
    [undefined, 1],
    ['grace', null],
    ['grace', null],
    ['grace', 4],
  ])
  const verdict = await verifyLog({ source: store, head: await unlockLog.head(), key })
  expect(verdict).toStrictEqual({ ok: true, size: 6 })
})

test('the end of retention erases what locks reported, and tokens [D7]', async () => {
  await using log = await visits()
  expect(await log.unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)).toMatchObject({ events: 6 })
  for (const trace of ['account-of-', 'token-of-']) expect(await log.holds(trace)).toBe(false)
  const { store, unlockLog, key } = log
  const verdict = await verifyLog({ source: store, head: await unlockLog.head(), key })
  expect(verdict).toStrictEqual({ ok: true, size: 6 })
})

test('a name that only the lock knows goes with its retention as well', async () => {
  await using log = await decidedLog()
  await log.unlockLog.report(reported({ accountPublicId: '', username: 'name-at-the-lock' }))
  await log.unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)
  expect(await log.holds('name-at-the-lock')).toBe(false)
})
