import { expect, jest, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { newSigningKey, parseSigningKey } from '../../../src/unlocks/tlog/signing-key.ts'
import { type Verification, verificationScheduler } from '../../../src/unlocks/verify/scheduler.ts'
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

const fill = async ({ unlockLog }: Pick<TestApp, 'unlockLog'>, events: number) => {
  for (let seq = 0; seq < events; seq += 500)
    await unlockLog.append(Array.from({ length: 500 }, (_, at) => claimed(seq + at)))
}

test('an admin has the whole log checked, and everybody reads what the last check found', async () => {
  await using app = await startApp()
  const [mia, amy] = [await app.signIn('mia'), await app.signIn('amy', 'admin')]
  const unchecked = { state: 'unchecked', size: null, seq: null, fault: null, running: false }
  expect(await verdict(app, mia)).toMatchObject(unchecked)
  await app.unlockLog.append([claimed(0), claimed(1)])
  await app.watch.start()
  expect(await verdict(app, mia)).toMatchObject({ state: 'intact', scope: 'recent', size: 2 })

  expect((await app.post(PATH, {}, bearer(mia))).status).toBe(403)
  const begun = await app.post(PATH, {}, bearer(amy))
  expect([begun.status, await begun.json()]).toMatchObject([
    202,
    { state: 'intact', scope: 'recent', running: true },
  ])
  expect(await finished(app, mia)).toStrictEqual({
    state: 'intact',
    scope: 'full',
    size: 2,
    checked_at: new Date(app.clock.nowMs).toISOString(),
    seq: null,
    fault: null,
    running: false,
  })

  await app.unlocks.transaction((writes) => writes.insert(strayEvent(2, 'eve')))
  await app.post(PATH, {}, bearer(amy))
  expect(await finished(app, mia)).toMatchObject({
    state: 'broken',
    scope: 'full',
    size: null,
    seq: 2,
    fault: 'There are events that no checkpoint was signed for',
  })
})

test('whoever asks while a check runs joins it, and other requests do not wait for it', async () => {
  await using app = await startApp()
  const amy = await app.signIn('amy', 'admin')
  await fill(app, 20_000)
  for (let asked = 0; asked < 3; asked += 1)
    expect((await app.post(PATH, {}, bearer(amy))).status).toBe(202)
  let answered = 0
  while (app.watch.isVerifying()) {
    expect((await app.get('/livez')).status).toBe(200)
    answered += 1
  }
  // Each rest of the check lets some in.
  expect(answered).toBeGreaterThan(10)
  expect(await verdict(app, amy)).toMatchObject({ state: 'intact', size: 20_000 })
  expect(app.logLines.filter((line) => line.includes('log verified'))).toHaveLength(1)
})

test('a minute after the start all is checked, whatever a start before has found', async () => {
  await using app = await startApp()
  await app.unlockLog.append([claimed(0)])
  jest.useFakeTimers()
  try {
    await app.watch.start()
    expect(app.watch.last()).toMatchObject({ ok: true, scope: 'recent' })
    jest.advanceTimersByTime(59_999)
    expect(app.watch.isVerifying()).toBe(false)
    jest.advanceTimersByTime(1)
    expect(app.watch.isVerifying()).toBe(true)
  } finally {
    jest.useRealTimers()
  }
  expect(await app.watch.verifyAll()).toMatchObject({ ok: true, scope: 'full' })
})

test('a check under way ends with the service', async () => {
  const log = await recordedLog({ size: 0 })
  const app = await openLog(log.dataDir)
  await fill(app, 20_000)
  const checking = app.watch.verifyAll()
  await until(() => app.watch.isVerifying())
  await app.close()
  expect(await checking).toBeUndefined()
  expect(app.watch.last()).toBeUndefined()
  log.remove()
})

test('a log that cannot be read is not known to hold, and that ends no service', async () => {
  await using app = await startApp()
  const signer = parseSigningKey(newSigningKey())
  if (!signer) throw new Error('no key')
  const checks: Verification[] = []
  const failing = async (error: Error) => {
    const head = async () => {
      throw error
    }
    const store = { ...app.unlocks, head }
    const report = (check: Verification) => checks.push(check)
    const watch = verificationScheduler({ store, key: signer.verifierKey, now: () => 0, report })
    await watch.verifyAll()
    await watch.stop()
  }
  await failing(new AppError('unavailable', 'The database file is damaged'))
  await failing(new Error('SELECT secret'))
  expect(checks).toMatchObject([
    { ok: false, fault: 'The log cannot be checked. The database file is damaged' },
    { ok: false, fault: 'The log cannot be checked. The log of the process says why' },
  ])
})
