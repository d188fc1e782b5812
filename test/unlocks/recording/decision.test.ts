import { expect, test } from 'bun:test'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SIGNED_HEAD_FILE } from '../../../src/storage/files/data-dir.ts'
import { provenLeaf } from '../../../src/unlocks/bundle/verify.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { runCommand, temporaryFolder } from '../../support/binary.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { provenUnlock } from '../../support/phone.ts'
import { claimed } from '../../support/unlock-log.ts'

const RECORD = {
  kind: 'grant.made',
  subject: 'grant:g1',
  by: 'account-of-ada',
  about: 'account-of-eva',
  body: { who: 'Eva', locks: ['front-door'], by: 'Ada' },
} as const

test('a decision is answered with the number, the id and the receipt of its leaf', async () => {
  await using log = await decidedLog()
  await log.unlockLog.append([claimed(0)])
  const decided = await log.decide('ada')
  expect(decided).toMatchObject({ status: 'stored', seq: 1, answer: 'permitted as number 1' })
  if (decided.status === 'answered') throw new Error('it has no leaf')
  expect(provenLeaf(decided.receipt ?? '', log.key)).toMatchObject({
    seq: 1,
    id: decided.id,
    source: 'decided',
    result: 'permitted',
    reason: null,
    person: { username: 'ada', grantId: 'grant-of-ada' },
  })
  expect(await log.decide('eve')).toMatchObject({ answer: 'denied as number 2' })
  expect(await log.store.find(decided.id)).toMatchObject({ source: 'decided', result: 'permitted' })
})

test('the code of the phone app verifies the receipt of a decision, with its grant', async () => {
  await using log = await decidedLog()
  await log.unlockLog.append([claimed(0)])
  const decided = await log.decide('ada')
  const receipt = ('receipt' in decided && decided.receipt) || ''
  const proven = provenUnlock(receipt, log.unlockLog.verifierKey)
  expect(proven).toMatchObject({ v: 2, seq: 1, username: 'ada', grant: 'grant-of-ada' })
  const [, extra = ''] = /^extra (.*)$/m.exec(receipt) ?? []
  const forged = btoa(atob(extra).replace('grant-of-ada', 'grant-of-eve'))
  expect(() => provenUnlock(receipt.replace(extra, forged), log.unlockLog.verifierKey)).toThrow(
    'not what was recorded',
  )
})

test('log verify says whom the gateway let in according to a receipt, or why it refused', async () => {
  await using log = await decidedLog()
  for (const [person, words] of [
    ['ada', 'Event 0: the gateway let ada in at front-door'],
    ['eve', 'Event 1: the gateway refused eve at front-door (no_grant)'],
  ] as const) {
    const decided = await log.decide(person)
    const path = join(log.folder, person)
    writeFileSync(path, ('receipt' in decided && decided.receipt) || '')
    const key = log.unlockLog.verifierKey
    const run = await runCommand(['log', 'verify', '--receipt', path, '--key', key])
    expect(run).toMatchObject({ status: 0, out: expect.stringContaining(words) })
  }
})

test('an attempt that repeats an earlier one, or is only counted, is answered without a leaf', async () => {
  await using log = await decidedLog()
  const id = crypto.randomUUID()
  const answers = await Promise.all([
    log.decide('ada', id),
    log.decide('ada', id),
    log.decide('mallory'),
    log.decide('hedy'),
  ])
  expect(answers.map(({ answer }) => answer)).toStrictEqual([
    'permitted as number 0',
    'permitted as number 0',
    'only counted',
    'permitted as number 1',
  ])
  expect(answers.map(({ status }) => status)).toStrictEqual([
    'stored',
    'answered',
    'answered',
    'stored',
  ])
  expect(await log.decide('ada', id)).toStrictEqual({
    status: 'answered',
    answer: 'permitted as number 0',
  })
  expect((await log.unlockLog.head()).size).toBe(2)
})

test('the leaf of a decision says if the time of the log is uncertain', async () => {
  await using log = await decidedLog()
  await log.unlockLog.append([claimed(0)])
  log.setBack(1000)
  expect(await log.decide('ada')).toMatchObject({ answer: 'permitted as number 1' })
  expect((await log.store.leaves(0, 1))[0]).toMatchObject({ isTimeUncertain: true })
})

test('a record shares the COMMIT of unlocks and the numbers of unlocks and decisions, and all of it is proven', async () => {
  await using log = await decidedLog()
  const { db, unlockLog, store, key } = log
  const sizes: number[] = []
  unlockLog.onCommit((size) => sizes.push(size))
  await unlockLog.append([claimed(0)])
  await Promise.all([
    db.transaction(async (tx) => {
      await tx.run("UPDATE lock SET name = 'Gate'")
      unlockLog.recordIn(tx).add(RECORD)
      unlockLog.recordIn(tx).add({ ...RECORD, kind: 'lock.renamed' })
    }),
    unlockLog.append([claimed(1)]),
  ])
  expect(sizes).toStrictEqual([1, 4])
  await log.decide('ada')
  const [, made, renamed, unlocked, decided] = await store.leaves(-1, 9)
  expect(made).toMatchObject({
    kind: 'grant.made',
    seq: 1,
    body: { text: '{"by":"Ada","locks":["front-door"],"who":"Eva"}' },
  })
  expect(renamed).toMatchObject({ kind: 'lock.renamed', seq: 2 })
  expect(unlocked).toMatchObject({ source: 'claimed', seq: 3 })
  expect(decided).toMatchObject({ source: 'decided', seq: 4 })
  expect(
    await db.get('SELECT subject, by_public_id, about_public_id FROM log_record'),
  ).toStrictEqual({
    subject: 'grant:g1',
    by_public_id: 'account-of-ada',
    about_public_id: 'account-of-eva',
  })
  const verdict = await verifyLog({ source: store, head: await unlockLog.head(), key })
  expect(verdict).toStrictEqual({ ok: true, size: 5 })
})

test('a unit of work that fails leaves no record', async () => {
  await using log = await decidedLog()
  const work = log.db.transaction(async (tx) => {
    log.unlockLog.recordIn(tx).add(RECORD)
    throw new Error('no such lock')
  })
  expect(work).rejects.toThrow('no such lock')
  await work.catch(() => {})
  expect((await log.unlockLog.head()).size).toBe(0)
})

test('if the log is stopped, a unit of work with a record is undone', async () => {
  const older = temporaryFolder()
  const folder = temporaryFolder()
  {
    await using log = await decidedLog(older)
    await log.unlockLog.append([claimed(0)])
    await log.db.checkpointWal()
    cpSync(older, folder, { recursive: true })
    await log.unlockLog.append([claimed(1)])
    await log.guard.flush()
    cpSync(join(older, SIGNED_HEAD_FILE), join(folder, SIGNED_HEAD_FILE))
  }
  await using log = await decidedLog(folder)
  const stopped = { code: 'unavailable', reason: 'log_stopped' }
  const work = log.db.transaction(async (tx) => {
    await tx.run("UPDATE lock SET name = 'Gate'")
    log.unlockLog.recordIn(tx).add(RECORD)
  })
  expect(work).rejects.toMatchObject(stopped)
  await work.catch(() => {})
  expect(await log.db.get('SELECT name FROM lock')).toStrictEqual({ name: 'Front door' })
  expect(log.decide('ada')).rejects.toMatchObject(stopped)
})
