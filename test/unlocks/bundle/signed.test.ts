import { expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NO_PREVIOUS, signStatement } from '../../../src/domain/statement/statement.ts'
import { BUNDLE_FILES, type Bundle, verifyBundle } from '../../../src/unlocks/bundle/verify.ts'
import { runCommand, temporaryFolder } from '../../support/binary.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { stepsOf, textOf } from '../../support/manual.ts'
import { provenUnlock } from '../../support/phone.ts'
import { CONTROLLER, attested } from '../../support/reports.ts'
import { testKey } from '../../support/statements.ts'

const ATTEMPT = '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0'
const GUEST = { passId: 'pass-1', deviceId: 'device-1', counter: 7 }

/** A log in which a guest was let in by a signed knock, the controller signed that it released the door, and then that
 * it jammed. */
const visit = async () => {
  const log = await decidedLog(temporaryFolder())
  const { sign, publicKey } = await testKey()
  await log.db.transaction(async (tx) =>
    log.unlockLog.recordIn(tx).add({
      kind: 'device.enrolled',
      subject: `controller:${CONTROLLER}`,
      by: null,
      about: null,
      body: { controller: CONTROLLER, key: publicKey.toBase64() },
    }),
  )
  await log.decide('plumber', ATTEMPT, { guest: GUEST, statement: 'AQID' })
  const whose = { accountPublicId: '', username: 'plumber', method: 'guest', guest: GUEST }
  for (const [counter, result, said] of [
    [1, 'released', { result: 'released', reason: null }],
    [2, 'motor_blocked', { result: 'failed', reason: 'motor_blocked' }],
  ] as const) {
    const statement = await signStatement(
      {
        kind: 'report',
        lock: '8a5be4c76e2f13d0',
        issuedAtS: 1_796_025_601,
        counter,
        previous: NO_PREVIOUS,
        result,
        attempt: ATTEMPT,
        clockUnsure: true,
      },
      sign,
    )
    const signed = { statement, counter }
    await log.unlockLog.report(attested(counter, { ...whose, ...said, attemptId: ATTEMPT, signed }))
  }
  const env = { DATA_DIR: log.folder, DATABASE_URI: `sqlite:///${join(log.folder, 'a.db')}` }
  return { ...log, controllerKey: publicKey, run: (...args: string[]) => runCommand(args, { env }) }
}

test('a bundle has what was signed, and a change to it is found by anyone', async () => {
  await using log = await visit()
  const bundle = join(log.folder, 'bundle')
  expect(await log.run('log', 'export', '--out', bundle)).toMatchObject({ status: 0 })
  const run = await runCommand(['log', 'verify', '--bundle', bundle])
  expect(run).toMatchObject({ status: 0 })
  const lines = readFileSync(join(bundle, 'entries.ndjson'), 'utf8').trim().split('\n')
  const statements = lines.map((line) => (JSON.parse(line) as { statement?: string }).statement)
  expect(statements.map((statement) => statement !== undefined)).toStrictEqual([
    false,
    true,
    true,
    true,
  ])
  const verdict = async (changed: readonly string[]) => {
    const files = BUNDLE_FILES.map((name) => [name, new Blob([readFileSync(join(bundle, name))])])
    const entries = new Blob([`${changed.join('\n')}\n`])
    return verifyBundle({ ...(Object.fromEntries(files) as Bundle), 'entries.ndjson': entries })
  }
  expect(await verdict(lines)).toStrictEqual({ ok: true, size: 4 })
  for (const [seq, from, to, fault] of [
    [1, '"statement":"AQID"', '"statement":"AQIE"', 'its signed statement was changed'],
    [1, ',"statement":"AQID"', '', 'its personal text cannot be read'],
    [2, statements[2] ?? '', statements[3] ?? '', 'its signed statement was changed'],
  ] as const) {
    const changed = lines.map((line, at) => (at === seq ? line.replace(from, to) : line))
    expect(await verdict(changed)).toStrictEqual({
      ok: false,
      seq,
      fault: `Event ${seq}: ${fault}`,
    })
  }
  // What was erased is no fault.
  const erased = lines.map((line) =>
    line.replace(/"person":\{[^}]*\},"statement":"[^"]*"/, '"person":null,"statement":null'),
  )
  expect(erased.filter((line, at) => line !== lines[at])).toHaveLength(3)
  expect(await verdict(erased)).toStrictEqual({ ok: true, size: 4 })
})

test('a receipt has what was signed, and says who signed it', async () => {
  await using log = await visit()
  const leaves = await log.store.page(-1, 9)
  const receipts = await log.unlockLog.receipts(leaves, await log.unlockLog.head())
  const { verifierKey } = log.unlockLog
  for (const [seq, words] of [
    [1, 'the gateway let plumber in at front-door'],
    [
      2,
      `front-door released for plumber by guest, as report 1 that its controller ${CONTROLLER} signed`,
    ],
    [
      3,
      `front-door failed for plumber by guest (motor_blocked), as report 2 that its controller ${CONTROLLER} signed`,
    ],
  ] as const) {
    const receipt = receipts.get(seq) ?? ''
    // The client of the manual, which is older than controllers.
    expect(provenUnlock(receipt, verifierKey)).toMatchObject({ username: 'plumber', seq })
    const path = join(log.folder, `receipt-${seq}`)
    writeFileSync(path, receipt)
    const run = await runCommand(['log', 'verify', '--receipt', path, '--key', verifierKey])
    expect(run).toMatchObject({ status: 0, out: expect.stringContaining(`Event ${seq}: ${words}`) })
    const [line = ''] = /^extra (.*)$/m.exec(receipt)?.slice(1) ?? []
    expect(JSON.parse(atob(line))).toMatchObject({
      statement: leaves[seq - 1]?.statement?.toBase64() ?? '',
    })
  }
})

test('log verify checks what controllers signed', async () => {
  await using log = await visit()
  expect(await log.run('log', 'verify')).toMatchObject({ status: 0 })
  await log.db.run(
    `UPDATE unlock_statement
     SET statement = (SELECT statement FROM unlock_statement WHERE seq = 3)
     WHERE seq = 2`,
  )
  const { status, out, words } = await log.run('log', 'verify')
  expect(status).toBe(1)
  expect(out + words).toContain('Event 2: its signed statement was changed')
})

test('a statement is checked by hand as the manual says', async () => {
  await using log = await visit()
  const leaves = await log.store.page(1, 1)
  const receipts = await log.unlockLog.receipts(leaves, await log.unlockLog.head())
  writeFileSync(join(log.folder, 'receipt'), receipts.get(2) ?? '')
  const step = stepsOf(textOf('src/manual/unlock-log.md')).find(({ command }) =>
    command.includes('Signature1'),
  )
  const checked = (key: Uint8Array) => {
    const env = { PATH: process.env['PATH'], KEY: key.toBase64() }
    const script = ['sh', '-e', '-c', step?.command ?? 'exit 2']
    const { exitCode, stdout } = Bun.spawnSync(script, { cwd: log.folder, env })
    return { exitCode, lines: stdout.toString().trim().split('\n') }
  }
  const hash = leaves[0]?.statementHash?.toBase64() ?? ''
  expect(checked(log.controllerKey)).toStrictEqual({ exitCode: 0, lines: [hash, 'Verified OK'] })
  const { publicKey: another } = await testKey()
  expect(checked(another)).toStrictEqual({ exitCode: 1, lines: [hash, 'Verification failure'] })
})
