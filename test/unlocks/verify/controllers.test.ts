import { expect, test } from 'bun:test'
import type { NewReport } from '../../../src/domain/access.ts'
import type { ClaimsOf } from '../../../src/domain/statement/claims.ts'
import { NO_PREVIOUS, signStatement } from '../../../src/domain/statement/statement.ts'
import { verifyLog } from '../../../src/unlocks/verify/verify-log.ts'
import { controlledHome } from '../../support/controlled-home.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { CONTROLLER, attested } from '../../support/reports.ts'
import { testKey } from '../../support/statements.ts'

const ATTEMPT = '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0'
const AT_S = 1_796_025_601

/** A log with a controller, whose key a record names. */
const signedLog = async () => {
  const log = await decidedLog()
  const { sign, publicKey } = await testKey()
  const enrol = (key: string) =>
    log.db.transaction(async (tx) =>
      log.unlockLog.recordIn(tx).add({
        kind: 'device.enrolled',
        subject: `controller:${CONTROLLER}`,
        by: null,
        about: null,
        body: { controller: CONTROLLER, key },
      }),
    )
  await enrol(publicKey.toBase64())
  return {
    ...log,
    enrol,
    /** Records a report that says what its leaf says, with changes to either. */
    report: async (
      counter: number,
      claims: Partial<ClaimsOf<'report'>> = {},
      leaf: Partial<NewReport> = {},
    ) => {
      const statement = await signStatement(
        {
          kind: 'report',
          lock: '8a5be4c76e2f13d0',
          issuedAtS: AT_S,
          counter,
          previous: NO_PREVIOUS,
          result: 'released',
          attempt: ATTEMPT,
          clockUnsure: false,
          ...claims,
        },
        sign,
      )
      const signed = { statement, counter }
      const occurredAtMs = AT_S * 1000
      await log.unlockLog.report(
        attested(counter, { signed, attemptId: ATTEMPT, occurredAtMs, ...leaf }),
      )
    },
    verify: async (checksSignatures?: boolean) =>
      verifyLog({
        source: log.store,
        head: await log.unlockLog.head(),
        key: log.key,
        ...(checksSignatures === undefined ? {} : { checksSignatures }),
      }),
  }
}

test('reports that say what their controller signed verify, in any order', async () => {
  await using log = await signedLog()
  await log.report(2)
  await log.report(5, { result: 'unlocked' }, { result: 'unlocked' })
  // It fills a gap.
  await log.report(3, { result: 'interrupted' }, { result: 'failed', reason: 'interrupted' })
  await log.report(
    6,
    { result: 'opened_unasked', attempt: undefined, clockUnsure: true },
    { result: 'unlocked', attemptId: undefined, occurredAtMs: null },
  )
  // The gateway does not know the attempt.
  await log.report(7, {}, { attemptId: undefined })
  // Another controller counts by itself.
  await log.report(2, {}, { reporter: '0193c6a8-0000-7000-8000-00000000000d' })
  expect(await log.verify()).toStrictEqual({ ok: true, size: 7 })
})

test.each([
  ['another counter', { counter: 2 }, {}],
  ['another result', { result: 'unlocked' }, {}],
  ['another reason', { result: 'motor_blocked' }, { result: 'failed', reason: 'interrupted' }],
  ['that it opened unasked', { result: 'opened_unasked', attempt: undefined }, {}],
  ['another attempt', { attempt: '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d1' }, {}],
  ['no attempt', { attempt: undefined }, {}],
  ['another time', { issuedAtS: AT_S + 1 }, {}],
] as const)('a report whose controller signed %s is found', async (_, claims, leaf) => {
  await using log = await signedLog()
  await log.report(1, claims, leaf)
  expect(await log.verify()).toStrictEqual({
    ok: false,
    seq: 1,
    fault: 'Event 1: its controller signed something else',
  })
  // The service checked it when it came.
  expect(await log.verify(false)).toStrictEqual({ ok: true, size: 2 })
})

test('a report that another key signed is found, and one of an unknown key is not judged', async () => {
  await using log = await signedLog()
  const { sign } = await testKey()
  await log.report(1)
  const other = await signStatement(
    {
      kind: 'report',
      lock: '8a5be4c76e2f13d0',
      issuedAtS: AT_S,
      counter: 2,
      previous: NO_PREVIOUS,
      result: 'released',
      clockUnsure: true,
    },
    sign,
  )
  const signed = { statement: other, counter: 2 }
  await log.report(2, {}, { signed, reporter: '0193c6a8-0000-7000-8000-00000000000d' })
  expect(await log.verify()).toStrictEqual({ ok: true, size: 3 })
  await log.report(2, {}, { signed })
  expect(await log.verify()).toStrictEqual({
    ok: false,
    seq: 3,
    fault: 'Event 3: its statement is not one that its controller signed',
  })
})

test('one report of a controller as two events is found', async () => {
  await using log = await signedLog()
  await log.report(1)
  await log.report(2)
  await log.report(1)
  for (const checksSignatures of [true, false])
    expect(await log.verify(checksSignatures)).toStrictEqual({
      ok: false,
      seq: 3,
      fault: 'Event 3: another event is the same report of its controller',
    })
})

test('a record of a controller without a key that can be read is no fault', async () => {
  await using log = await signedLog()
  await log.enrol('no key')
  await log.report(1)
  expect(await log.verify()).toStrictEqual({ ok: true, size: 3 })
  await log.enrol('AAAA')
  await log.report(2)
  expect(await log.verify()).toMatchObject({ ok: false, seq: 4 })
})

test('what the gateway receives of a controller verifies, with the key of its enrolment', async () => {
  await using home = await controlledHome()
  const controller = await home.enrolled()
  const verify = async () =>
    verifyLog({
      source: home.unlocks.store,
      head: await home.unlocks.unlockLog.head(),
      key: home.unlocks.verifierKey,
    })
  const polling = controller.poll({ wait: 20 })
  await home.online()
  const { id } = await home.ask()
  await polling
  const [opening, released] = [
    await controller.next('opening', { attempt: id }),
    await controller.next('released', { attempt: id }),
  ]
  const late = await controller.next('command_failed', { attempt: id, clockUnsure: true })
  const unasked = await controller.next('opened_unasked')
  for (const report of [opening, released, unasked, late])
    expect((await controller.send(report)).status).toBe(200)
  const size = await home.unlocks.size()
  expect(await verify()).toStrictEqual({ ok: true, size })
  const answer = await home.get('/v1/unlocks?source=attested&order=seq', home.as('oli'))
  const { unlocks } = (await answer.json()) as { unlocks: { seq: number; result: string }[] }
  expect(unlocks.map(({ result }) => result)).toStrictEqual(['released', 'unlocked', 'failed'])
  const permitted = await home.get('/v1/unlocks?result=permitted', home.as('oli'))
  expect(await permitted.json()).toMatchObject({
    unlocks: [{ outcome: { result: 'released', reason: null, source: 'attested' } }],
  })
  // Another report that it signed, in the place of this one.
  await home.db.run(
    'UPDATE unlock_statement SET statement = ? WHERE seq = ?',
    unasked,
    unlocks[0]?.seq ?? 0,
  )
  expect(await verify()).toMatchObject({ ok: false, seq: unlocks[0]?.seq })
})
