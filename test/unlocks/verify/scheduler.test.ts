import { expect, jest, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { newSigningKey, parseSigningKey } from '../../../src/unlocks/tlog/signing-key.ts'
import { verificationScheduler } from '../../../src/unlocks/verify/scheduler.ts'
import { type TestApp, bearer, startApp } from '../../support/app.ts'
import { claimed, openLog, recordedLog, strayEvent } from '../../support/unlock-log.ts'
import { until } from '../../support/until.ts'

const PATH = '/v1/log/verification'

const verdict = async (app: TestApp, token: string) =>
  (await (await app.get(PATH, bearer(token))).json()) as { running: boolean } & Record<
    string,
    unknown
  >

const finished = async (app: TestApp, token: string) => {
  for (;;) {
    const found = await verdict(app, token)
    if (!found.running) return found
    await Bun.sleep(5)
  }
}

const fill = async ({ unlocks: { unlockLog } }: Pick<TestApp, 'unlocks'>, events: number) => {
  for (let seq = 0; seq < events; seq += 500)
    await unlockLog.append(Array.from({ length: 500 }, (_, at) => claimed(seq + at)))
}

test('an admin can verify the whole log, and everyone can read the last result', async () => {
  await using app = await startApp()
  const [mia, amy] = [await app.signIn('mia'), await app.signIn('amy', 'admin')]
  const unchecked = { state: 'unchecked', size: null, seq: null, fault: null, running: false }
  expect(await verdict(app, mia)).toMatchObject(unchecked)
  await app.unlocks.unlockLog.append([claimed(0), claimed(1)])
  await app.unlocks.verification.verifyRecent()
  expect(await verdict(app, amy)).toMatchObject({ state: 'intact', scope: 'recent', size: 2 })
  // None of them is hers.
  expect(await verdict(app, mia)).toMatchObject({ state: 'intact', scope: 'recent', size: 0 })

  expect((await app.post(PATH, {}, bearer(mia))).status).toBe(403)
  const begun = await app.post(PATH, {}, bearer(amy))
  expect([begun.status, await begun.json()]).toMatchObject([
    202,
    { state: 'intact', scope: 'recent', running: true },
  ])
  expect(await finished(app, amy)).toStrictEqual({
    state: 'intact',
    scope: 'full',
    size: 2,
    checked_at: new Date(app.clock.nowMs).toISOString(),
    seq: null,
    fault: null,
    running: false,
  })

  await app.unlocks.store.transaction((writes) => writes.insertAll([strayEvent(2, 'eve')]))
  await app.post(PATH, {}, bearer(amy))
  expect(await finished(app, mia)).toMatchObject({
    state: 'broken',
    scope: 'full',
    size: null,
    seq: 2,
    fault: 'There are events that no checkpoint covers',
  })
})

test('a request during a verification joins it, and other requests do not wait for it', async () => {
  await using app = await startApp()
  const amy = await app.signIn('amy', 'admin')
  await fill(app, 20_000)
  for (let round = 0; round < 3; round += 1)
    expect((await app.post(PATH, {}, bearer(amy))).status).toBe(202)
  let answered = 0
  while (app.unlocks.verification.isVerifying()) {
    expect((await app.get('/livez')).status).toBe(200)
    answered += 1
  }
  // Each pause of the verification lets some in.
  expect(answered).toBeGreaterThan(10)
  expect(await verdict(app, amy)).toMatchObject({ state: 'intact', size: 20_000 })
  expect(app.logLines.filter((line) => line.includes('log verified'))).toHaveLength(1)
})

test('a minute after the start everything is verified, whatever an earlier start found', async () => {
  await using app = await startApp()
  await app.unlocks.unlockLog.append([claimed(0)])
  jest.useFakeTimers()
  try {
    await app.unlocks.verification.verifyRecent()
    expect(app.unlocks.verification.last()).toMatchObject({ ok: true, scope: 'recent' })
    app.unlocks.verification.start()
    jest.advanceTimersByTime(59_999)
    expect(app.unlocks.verification.isVerifying()).toBe(false)
    jest.advanceTimersByTime(1)
    expect(app.unlocks.verification.isVerifying()).toBe(true)
  } finally {
    jest.useRealTimers()
  }
  expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: true, scope: 'full' })
})

test('stopping the service ends a running verification', async () => {
  const log = await recordedLog({ size: 0 })
  const app = await openLog(log.dataDir)
  await fill(app, 20_000)
  const checking = app.unlocks.verification.verifyAll()
  await until(() => app.unlocks.verification.isVerifying())
  await app[Symbol.asyncDispose]()
  expect(await checking).toBeUndefined()
  expect(app.unlocks.verification.last()).toBeUndefined()
  log.remove()
})

test('a log that cannot be read is not known to be intact, and the service keeps running', async () => {
  await using app = await startApp()
  const signer = parseSigningKey(newSigningKey())
  if (!signer) throw new Error('no key')
  const faults: unknown[] = []
  const lines: string[] = []
  const logger = processLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) })
  const failing = async (error: Error) => {
    const head = async () => {
      throw error
    }
    const store = { ...app.unlocks.store, head }
    const clock = { wallMs: () => 0 }
    const scheduler = verificationScheduler({ store, key: signer.verifierKey, clock, logger })
    faults.push(await scheduler.verifyAll())
    await scheduler.stop()
  }
  await failing(new AppError('unavailable', 'The database file is damaged'))
  await failing(new Error('SELECT secret'))
  expect(faults).toMatchObject([
    { ok: false, fault: 'The log cannot be verified. The database file is damaged' },
    { ok: false, fault: 'The log cannot be verified. The log of the service says why' },
  ])
  // Only the process's log has the cause.
  expect(JSON.stringify(faults)).not.toContain('secret')
  expect(lines[1]).toContain('SELECT secret')
})
