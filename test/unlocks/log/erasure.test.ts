import { describe, expect, jest, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entryBytes } from '../../../src/unlocks/log/event.ts'
import { unlockLogClock } from '../../../src/unlocks/log/clock.ts'
import { verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import { type RetentionRun, retention } from '../../../src/unlocks/log/retention.ts'
import { startService } from '../../support/binary.ts'
import { claimed, openLog, recordedLog } from '../../support/unlock-log.ts'

const DAY_MS = 86_400_000
const NAME = 'Persephone-Quill'
const SIZE = 12

/** Whether a text is anywhere in the bytes of a data folder: database, write-ahead log or other. */
const isOnDisk = (dataDir: string, text: string): boolean =>
  readdirSync(dataDir).some((name) => readFileSync(join(dataDir, name)).includes(Buffer.from(text)))

describe('erasing a person', () => {
  test('removes the name from the disk, and every receipt, checkpoint and proof of before still holds [D7]', async () => {
    const given: { receipt: string; entry: Uint8Array; verifierKey: string }[] = []
    const log = await recordedLog({
      size: SIZE,
      keptAt: [4, SIZE],
      before: async (app) => {
        const { unlockLog: unlocks } = app
        for (let seq = SIZE; seq < SIZE + 3; seq += 1) await unlocks.append([claimed(seq, NAME)])
        for (const event of await app.unlocks.page(-1, 100))
          given.push({
            receipt: await unlocks.receipt(event.seq),
            entry: entryBytes(event),
            verifierKey: unlocks.verifierKey,
          })
      },
    })
    expect(given).toHaveLength(SIZE + 3)
    expect(isOnDisk(log.dataDir, NAME)).toBe(true)

    const app = await openLog(log.dataDir)
    const erase = () => app.unlockLog.eraseAccount(`account-of-${NAME}`)
    expect(await erase()).toStrictEqual({ events: 3, isWalTruncated: true })
    expect(isOnDisk(log.dataDir, NAME)).toBe(false)
    expect(await erase()).toStrictEqual({ events: 0, isWalTruncated: true })
    await app.unlockLog.append([claimed(SIZE + 3)])
    const erased = await app.unlocks.page(-1, 100)
    await app.close()

    expect(isOnDisk(log.dataDir, NAME)).toBe(false)
    for (const [seq, one] of given.entries()) {
      const event = erased[seq]
      expect(event && new TextDecoder().decode(entryBytes(event))).toBe(
        new TextDecoder().decode(one.entry),
      )
      expect(verifyReceipt(one)).toMatchObject({ ok: true, index: seq })
    }
    const receipt = join(log.folder, 'receipt')
    writeFileSync(receipt, given.at(-1)?.receipt ?? '')
    const kept = [log.kept(4), log.kept(SIZE), receipt].flatMap((path) => ['--checkpoint', path])
    expect(await log.verify(...kept)).toMatchObject({ status: 0, words: '' })

    const bundle = join(log.folder, 'bundle')
    expect((await log.run('log', 'export', '--out', bundle)).status).toBe(0)
    expect(readFileSync(join(bundle, 'entries.ndjson'), 'utf8')).not.toContain(NAME)
    expect(readFileSync(join(bundle, 'verify.html'), 'utf8')).not.toContain(NAME)
    log.remove()
  })

  test('leaves no name, account or method in any byte of the data folder, while the service runs on [D7]', async () => {
    const log = await recordedLog({ size: 0 })
    const app = await openLog(log.dataDir)
    // Each word of its own, so that pages of the indexes are split in every place.
    const wordOf = (seq: number) => new Bun.CryptoHasher('sha256').update(`${seq}`).digest('hex')
    const CANARIES = ['kanarienvogel', NAME, 'account-of-'] as const
    for (let seq = 0; seq < 10_000; seq += 500)
      await app.unlockLog.append(
        Array.from({ length: 500 }, (_, at) => ({
          ...claimed(seq + at, at % 10 === 0 ? NAME : 'ada'),
          method: wordOf(seq + at) + (at % 10 === 0 ? 'kanarienvogel' : ''),
        })),
      )
    for (const text of CANARIES) expect(isOnDisk(log.dataDir, text)).toBe(true)
    expect(await app.unlockLog.eraseAccount(`account-of-${NAME}`)).toMatchObject({
      events: 1000,
    })
    expect(isOnDisk(log.dataDir, NAME)).toBe(false)
    expect(isOnDisk(log.dataDir, 'kanarienvogel')).toBe(false)
    await app.unlockLog.append([claimed(1)])
    expect(await app.unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)).toStrictEqual({
      events: 9001,
      isWalTruncated: true,
    })
    for (const text of CANARIES) expect(isOnDisk(log.dataDir, text)).toBe(false)
    await app.unlockLog.append([claimed(2)])
    expect(await app.watch.verifyAll()).toMatchObject({ ok: true, size: 10_002 })
    await app.close()
    log.remove()
  })

  test('is done though another program reads, and says that the write-ahead log waits for it', async () => {
    const log = await recordedLog({ size: 3 })
    const app = await openLog(log.dataDir)
    await app.unlockLog.append([claimed(3, NAME)])
    using reader = new Database(log.database, { readonly: true })
    reader.run('BEGIN')
    reader.query('SELECT count(*) FROM unlock_event').get()
    const erase = () => app.unlockLog.eraseAccount(`account-of-${NAME}`)
    const erasing = erase()
    // Unlocks do not wait for the reader.
    await app.unlockLog.append([claimed(4)])
    expect(await erasing).toStrictEqual({ events: 1, isWalTruncated: false })
    expect(isOnDisk(log.dataDir, NAME)).toBe(true)
    reader.run('COMMIT')
    expect(await erase()).toStrictEqual({ events: 0, isWalTruncated: true })
    expect(isOnDisk(log.dataDir, NAME)).toBe(false)
    await app.close()
    log.remove()
  })
})

describe('LOG_RETENTION_DAYS', () => {
  /** A log with an event each five days, from so many days ago until now. */
  const livedLog = async (days: number) => {
    const log = await recordedLog({ size: 0 })
    for (let ago = days; ago >= 0; ago -= 5) {
      const nowMs = Date.now() - ago * DAY_MS
      const app = await openLog(log.dataDir, { now: () => nowMs })
      await app.unlockLog.append([claimed(ago, ago > 32 ? 'ada' : NAME)])
      await app.close()
    }
    return log
  }

  test('removes names and methods that are over the time at the start, records how many, and the log still holds [D7, O3]', async () => {
    const log = await livedLog(45)
    const service = await startService({
      env: { DATA_DIR: log.dataDir, LOG_RETENTION_DAYS: '32' },
    })
    const record = () =>
      service
        .output()
        .log.split('\n')
        .find((line) => line.includes('unlocks.retention'))
    while (!record()) await Bun.sleep(10)
    expect(JSON.parse(record() ?? '{}')).toMatchObject({
      msg: 'audit event',
      client: 'gateway',
      result: 'success',
      detail: { events: 3, wal_truncated: true },
    })
    // It still runs.
    expect(isOnDisk(log.dataDir, 'account-of-ada')).toBe(false)
    expect(await service.stop()).toBe(0)
    expect(isOnDisk(log.dataDir, NAME)).toBe(true)
    expect(await log.verify()).toMatchObject({ status: 0, words: '' })
    log.remove()
  })

  test('[D6] erases nothing by a clock that is found a year ahead, and goes on once it is right', async () => {
    const log = await livedLog(45)
    const namesAfter = async (now: () => number) => {
      const app = await openLog(log.dataDir, { now, env: { LOG_RETENTION_DAYS: '32' } })
      await app.unlockLog.append([claimed(0, NAME)])
      await app.keeping.apply()
      const events = await app.unlocks.page(-1, 100)
      await app.close()
      return events.filter(({ person }) => person).length
    }
    const ahead = () => Date.now() + 365 * DAY_MS
    expect(await namesAfter(ahead)).toBe(11)
    // What was recorded meanwhile confirms nothing.
    expect(await namesAfter(ahead)).toBe(12)
    expect(await namesAfter(Date.now)).toBe(10)
    log.remove()
  })

  test('[D6] an event that was stamped wrongly is erased with those recorded after it, no sooner and no later', async () => {
    const log = await recordedLog({ size: 0 })
    const begunMs = Date.UTC(2026, 5, 1)
    const recordedAt = async (nowMs: number, jumpsTo = nowMs) => {
      const clock = { nowMs }
      const app = await openLog(log.dataDir, { now: () => clock.nowMs })
      clock.nowMs = jumpsTo
      await app.unlockLog.append([claimed(0)])
      await app.close()
    }
    await recordedAt(begunMs)
    await recordedAt(0)
    await recordedAt(begunMs, begunMs + 999 * DAY_MS)
    await recordedAt(begunMs + DAY_MS)
    const app = await openLog(log.dataDir, { now: () => begunMs + DAY_MS })
    const names = async () =>
      (await app.unlocks.page(-1, 10)).map(({ person, isTimeUncertain }) => [
        person !== undefined,
        isTimeUncertain,
      ])
    await app.unlockLog.eraseBefore(begunMs + DAY_MS)
    expect(await names()).toStrictEqual([
      [false, false],
      [true, true],
      [true, true],
      [true, false],
    ])
    await app.unlockLog.eraseBefore(begunMs + DAY_MS + 1)
    expect((await names()).map(([hasName]) => hasName)).toStrictEqual([false, false, false, false])
    await app.close()
    log.remove()
  })

  test('erases across many pages what is older, to the millisecond, and nothing else', async () => {
    const clock = { nowMs: Date.UTC(2026, 5, 1) }
    const log = await recordedLog({ size: 0, now: () => clock.nowMs })
    const app = await openLog(log.dataDir, {
      now: () => clock.nowMs,
      env: { LOG_RETENTION_DAYS: '7' },
    })
    const batch = () => app.unlockLog.append(Array.from({ length: 2100 }, (_, seq) => claimed(seq)))
    await batch()
    clock.nowMs += 1
    await batch()
    clock.nowMs += 7 * DAY_MS
    // The clock has leapt a week between two events, so it is doubted, and nothing is erased.
    await app.keeping.apply()
    expect((await app.unlocks.page(-1, 1))[0]?.person).toBeDefined()
    await app.close()

    const later = await openLog(log.dataDir, {
      now: () => clock.nowMs,
      env: { LOG_RETENTION_DAYS: '7' },
    })
    await later.keeping.apply()
    const events = await later.unlocks.page(-1, 5000)
    expect(events.filter(({ person }) => person === undefined)).toHaveLength(2100)
    expect(events[2100]?.person).toBeDefined()
    await later.close()
    log.remove()
  })

  test('is off unless it is set, waits for a clock that can be trusted, and reports what fails', async () => {
    const rounds: RetentionRun[] = []
    let calls = 0
    const applied = async (retentionMs: number | undefined, nowMs: number, fails = false) => {
      const keeping = retention({
        retentionMs,
        clock: unlockLogClock({ now: () => nowMs, monotonic: () => 0, newestMs: 0 }),
        eraseBefore: async () => {
          calls += 1
          if (fails) throw new Error('no disk')
          return { events: 3, isWalTruncated: true }
        },
        report: (round) => rounds.push(round),
      })
      await keeping.apply()
      keeping.stop()
    }
    const now = Date.UTC(2026, 5, 9)
    await applied(undefined, now)
    await applied(7 * DAY_MS, 0)
    expect([calls, rounds]).toStrictEqual([0, [{ outcome: 'waiting' }]])
    await applied(7 * DAY_MS, now)
    await applied(7 * DAY_MS, now, true)
    expect(rounds.slice(1)).toMatchObject([
      { outcome: 'erased', events: 3, beforeMs: Date.UTC(2026, 5, 2) },
      { outcome: 'failed' },
    ])
  })

  test('looks again an hour after it had to wait, and a day after it erased', async () => {
    const outcomes: string[] = []
    let isUncertain = true
    const keeping = retention({
      retentionMs: 7 * DAY_MS,
      clock: () => ({ nowMs: Date.UTC(2026, 5, 9), isUncertain }),
      eraseBefore: async () => ({ events: 0, isWalTruncated: true }),
      report: ({ outcome }) => outcomes.push(outcome),
    })
    const outcomesAfter = async (ms: number) => {
      jest.advanceTimersByTime(ms)
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      return outcomes.length
    }
    jest.useFakeTimers()
    try {
      await keeping.apply()
      expect(await outcomesAfter(DAY_MS / 24 - 1)).toBe(1)
      isUncertain = false
      expect(await outcomesAfter(1)).toBe(2)
      expect(await outcomesAfter(DAY_MS - 1)).toBe(2)
      expect(await outcomesAfter(1)).toBe(3)
      keeping.stop()
      expect(await outcomesAfter(9 * DAY_MS)).toBe(3)
    } finally {
      jest.useRealTimers()
    }
    expect(outcomes).toStrictEqual(['waiting', 'erased', 'erased'])
  })
})
