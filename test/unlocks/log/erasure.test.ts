import { describe, expect, jest, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DAY_MS, HOUR_MS } from '../../../src/domain/duration.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { entryBytes } from '../../../src/unlocks/log/entry.ts'
import { unlockLogClock } from '../../../src/unlocks/log/clock.ts'
import { verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import { retention } from '../../../src/unlocks/log/retention.ts'
import { startService } from '../../support/binary.ts'
import { isOnDisk } from '../../support/on-disk.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { claimed, openLog, recordedLog } from '../../support/unlock-log.ts'

const NAME = 'Persephone-Quill'
const SIZE = 12

describe('erasing a person', () => {
  test('removes the name from the disk, and every earlier receipt, checkpoint and proof stays valid [D7]', async () => {
    const given: { receipt: string; entry: Uint8Array; verifierKey: string }[] = []
    const log = await recordedLog({
      size: SIZE,
      keptAt: [4, SIZE],
      before: async (app) => {
        const { unlockLog: unlocks } = app.unlocks
        for (let seq = SIZE; seq < SIZE + 3; seq += 1) await unlocks.append([claimed(seq, NAME)])
        for (const event of await app.unlocks.store.page(-1, 100))
          given.push({
            receipt: await unlocks.receipt(event.seq),
            entry: entryBytes(event),
            verifierKey: unlocks.verifierKey,
          })
      },
    })
    expect(given).toHaveLength(SIZE + 3)
    expect(await isOnDisk(log.dataDir, NAME)).toBe(true)

    const app = await openLog(log.dataDir)
    const erase = () => app.unlocks.unlockLog.eraseAccount(`account-of-${NAME}`)
    expect(await erase()).toStrictEqual({ events: 3, isWalTruncated: true })
    expect(await isOnDisk(log.dataDir, NAME)).toBe(false)
    expect(await erase()).toStrictEqual({ events: 0, isWalTruncated: true })
    await app.unlocks.unlockLog.append([claimed(SIZE + 3)])
    const erased = await app.unlocks.store.page(-1, 100)
    await app[Symbol.asyncDispose]()

    expect(await isOnDisk(log.dataDir, NAME)).toBe(false)
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

  test('leaves no name, account or method in any byte of the data folder, while the service keeps running [D7]', async () => {
    const log = await recordedLog({ size: 0 })
    const app = await openLog(log.dataDir)
    // A different word each, so that index pages are split everywhere.
    const wordOf = (seq: number) => new Bun.CryptoHasher('sha256').update(`${seq}`).digest('hex')
    const CANARIES = ['kanarienvogel', NAME, 'account-of-'] as const
    for (let seq = 0; seq < 10_000; seq += 500)
      await app.unlocks.unlockLog.append(
        Array.from({ length: 500 }, (_, at) => ({
          ...claimed(seq + at, at % 10 === 0 ? NAME : 'ada'),
          method: wordOf(seq + at) + (at % 10 === 0 ? 'kanarienvogel' : ''),
        })),
      )
    for (const text of CANARIES) expect(await isOnDisk(log.dataDir, text)).toBe(true)
    expect(await app.unlocks.unlockLog.eraseAccount(`account-of-${NAME}`)).toMatchObject({
      events: 1000,
    })
    expect(await isOnDisk(log.dataDir, NAME)).toBe(false)
    expect(await isOnDisk(log.dataDir, 'kanarienvogel')).toBe(false)
    await app.unlocks.unlockLog.append([claimed(1)])
    expect(await app.unlocks.unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)).toStrictEqual({
      events: 9001,
      isWalTruncated: true,
    })
    for (const text of CANARIES) expect(await isOnDisk(log.dataDir, text)).toBe(false)
    await app.unlocks.unlockLog.append([claimed(2)])
    expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: true, size: 10_002 })
    await app[Symbol.asyncDispose]()
    log.remove()
  })

  test('a method that only erased people used is forgotten, and one that others use is not [D7]', async () => {
    const log = await recordedLog({ size: 0 })
    const app = await openLog(log.dataDir)
    const { unlockLog } = app.unlocks
    const methods = async () =>
      (
        await app.db.all<{ folded: string | null }>(
          'SELECT folded FROM unlock_method ORDER BY number',
        )
      ).map(({ folded }) => folded)
    await unlockLog.append([
      { ...claimed(0, NAME), method: 'Kanarienvogel' },
      { ...claimed(1, NAME), method: 'PIN' },
      { ...claimed(2, 'ada'), method: 'pin ' },
    ])
    // A taken id: nothing is recorded, nor the method.
    const [{ id } = { id: '' }] = await app.unlocks.store.page(-1, 1)
    expect(
      await unlockLog.append([{ ...claimed(3, 'grace'), id, method: 'nimmermehr' }]),
    ).toMatchObject([{ status: 'conflict' }])
    expect(await methods()).toStrictEqual(['kanarienvogel', 'pin'])
    await unlockLog.eraseAccount(`account-of-${NAME}`)
    expect(await methods()).toStrictEqual([null, 'pin'])
    expect(await app.db.all('SELECT public_id FROM unlock_account ORDER BY id')).toStrictEqual([
      { public_id: null },
      { public_id: 'account-of-ada' },
    ])
    for (const text of ['anarienvogel', NAME, 'nimmermehr', 'account-of-grace'])
      expect(await isOnDisk(log.dataDir, text)).toBe(false)
    expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: true, size: 3 })
    await app[Symbol.asyncDispose]()
    log.remove()
  })

  test.skipIf(IS_POSTGRES)(
    'works while another program reads, and says that the write-ahead log waits for that',
    async () => {
      const log = await recordedLog({ size: 3 })
      const app = await openLog(log.dataDir)
      await app.unlocks.unlockLog.append([claimed(3, NAME)])
      using reader = new Database(log.database, { readonly: true })
      reader.run('BEGIN')
      reader.query('SELECT count(*) FROM unlock_event').get()
      const erase = () => app.unlocks.unlockLog.eraseAccount(`account-of-${NAME}`)
      const erasing = erase()
      // Unlocks do not wait for the reader.
      await app.unlocks.unlockLog.append([claimed(4)])
      expect(await erasing).toStrictEqual({ events: 1, isWalTruncated: false })
      expect(await isOnDisk(log.dataDir, NAME)).toBe(true)
      reader.run('COMMIT')
      expect(await erase()).toStrictEqual({ events: 0, isWalTruncated: true })
      expect(await isOnDisk(log.dataDir, NAME)).toBe(false)
      await app[Symbol.asyncDispose]()
      log.remove()
    },
  )
})

describe('LOG_RETENTION_DAYS', () => {
  /** A log with an event every five days, from that many days ago until now. */
  const livedLog = async (days: number) => {
    const log = await recordedLog({ size: 0 })
    for (let ago = days; ago >= 0; ago -= 5) {
      const nowMs = Date.now() - ago * DAY_MS
      const app = await openLog(log.dataDir, { now: () => nowMs })
      await app.unlocks.unlockLog.append([claimed(ago, ago > 32 ? 'ada' : NAME)])
      await app[Symbol.asyncDispose]()
    }
    return log
  }

  test('removes names and methods past the retention at the start, records how many, and the log stays intact [D7, O3]', async () => {
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
    expect(await isOnDisk(log.dataDir, 'account-of-ada')).toBe(false)
    expect(await service.stop()).toBe(0)
    expect(await isOnDisk(log.dataDir, NAME)).toBe(true)
    expect(await log.verify()).toMatchObject({ status: 0, words: '' })
    log.remove()
  })

  test('[D6] erases nothing while the clock is a year ahead, and continues once it is right', async () => {
    const log = await livedLog(45)
    const namesAfter = async (now: () => number) => {
      const app = await openLog(log.dataDir, { now, env: { LOG_RETENTION_DAYS: '32' } })
      await app.unlocks.unlockLog.append([claimed(0, NAME)])
      await app.unlocks.retention.apply()
      const events = await app.unlocks.store.page(-1, 100)
      await app[Symbol.asyncDispose]()
      return events.filter(({ person }) => person).length
    }
    const ahead = () => Date.now() + 365 * DAY_MS
    expect(await namesAfter(ahead)).toBe(11)
    // Events recorded meanwhile confirm nothing.
    expect(await namesAfter(ahead)).toBe(12)
    expect(await namesAfter(Date.now)).toBe(10)
    log.remove()
  })

  // On a server, times of receipt never run backwards: after a wrong time, no right one is recorded.
  test.skipIf(IS_POSTGRES)(
    '[D6] an event with a wrong time is erased together with those recorded after it, no sooner and no later',
    async () => {
      const log = await recordedLog({ size: 0 })
      const begunMs = Date.UTC(2026, 5, 1)
      const recordedAt = async (nowMs: number, jumpsTo = nowMs) => {
        const clock = { nowMs }
        const app = await openLog(log.dataDir, { now: () => clock.nowMs })
        clock.nowMs = jumpsTo
        await app.unlocks.unlockLog.append([claimed(0)])
        await app[Symbol.asyncDispose]()
      }
      await recordedAt(begunMs)
      await recordedAt(0)
      await recordedAt(begunMs, begunMs + 999 * DAY_MS)
      await recordedAt(begunMs + DAY_MS)
      const app = await openLog(log.dataDir, { now: () => begunMs + DAY_MS })
      const names = async () =>
        (await app.unlocks.store.page(-1, 10)).map(({ person, isTimeUncertain }) => [
          person !== undefined,
          isTimeUncertain,
        ])
      await app.unlocks.unlockLog.eraseBefore(begunMs + DAY_MS)
      expect(await names()).toStrictEqual([
        [false, false],
        [true, true],
        [true, true],
        [true, false],
      ])
      await app.unlocks.unlockLog.eraseBefore(begunMs + DAY_MS + 1)
      expect((await names()).map(([hasName]) => hasName)).toStrictEqual([
        false,
        false,
        false,
        false,
      ])
      await app[Symbol.asyncDispose]()
      log.remove()
    },
  )

  test('erases exactly the older events, to the millisecond, across many pages', async () => {
    const clock = { nowMs: Date.UTC(2026, 5, 1) }
    const log = await recordedLog({ size: 0, now: () => clock.nowMs })
    const app = await openLog(log.dataDir, {
      now: () => clock.nowMs,
      env: { LOG_RETENTION_DAYS: '7' },
    })
    const batch = () =>
      app.unlocks.unlockLog.append(Array.from({ length: 2100 }, (_, seq) => claimed(seq)))
    await batch()
    clock.nowMs += 1
    await batch()
    clock.nowMs += 7 * DAY_MS
    // The clock jumped a week between two events, so it is not trusted, and nothing is erased.
    await app.unlocks.retention.apply()
    expect((await app.unlocks.store.page(-1, 1))[0]?.person).toBeDefined()
    await app[Symbol.asyncDispose]()

    const later = await openLog(log.dataDir, {
      now: () => clock.nowMs,
      env: { LOG_RETENTION_DAYS: '7' },
    })
    await later.unlocks.retention.apply()
    const events = await later.unlocks.store.page(-1, 5000)
    expect(events.filter(({ person }) => person === undefined)).toHaveLength(2100)
    expect(events[2100]?.person).toBeDefined()
    await later[Symbol.asyncDispose]()
    log.remove()
  })

  /** The retention job with a logger, what it erased and what it recorded. */
  const retentionOf = ({ retentionMs, clock, eraseBefore }: RetentionOptions) => {
    const lines: string[] = []
    const recorded: unknown[] = []
    const retained = retention({
      retentionMs,
      clock,
      unlockLog: { eraseBefore },
      eraseAddressesBefore: async () => 0,
      record: async (from, event) => {
        recorded.push([from.address, event.action, event.detail])
      },
      logger: processLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    })
    const messages = () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
    return { retained, recorded, messages }
  }

  type RetentionOptions = Pick<Parameters<typeof retention>[0], 'clock'> & {
    readonly retentionMs: number | undefined
    readonly eraseBefore: (timeMs: number) => Promise<{ events: number; isWalTruncated: boolean }>
  }

  test('is off unless it is set, waits for a clock that can be trusted, and reports failures', async () => {
    const calls: number[] = []
    const applied = async (retentionMs: number | undefined, nowMs: number, fails = false) => {
      const { retained, recorded, messages } = retentionOf({
        retentionMs,
        clock: unlockLogClock({
          clock: { wallMs: () => nowMs, monotonicMs: () => 0 },
          newestMs: 0,
        }),
        eraseBefore: async (timeMs) => {
          calls.push(timeMs)
          if (fails) throw new Error('no disk')
          return { events: 3, isWalTruncated: true }
        },
      })
      await retained.apply()
      retained.stop()
      return [...messages(), ...recorded]
    }
    const now = Date.UTC(2026, 5, 9)
    expect(await applied(undefined, now)).toStrictEqual([])
    expect(await applied(7 * DAY_MS, 0)).toStrictEqual([
      'retention waits for a clock that can be trusted',
    ])
    expect(calls).toStrictEqual([])
    const detail = {
      before: '2026-06-02T00:00:00.000Z',
      events: 3,
      addresses: 0,
      wal_truncated: true,
    }
    expect(await applied(7 * DAY_MS, now)).toStrictEqual([['gateway', 'unlocks.retention', detail]])
    expect(await applied(7 * DAY_MS, now, true)).toStrictEqual(['retention failed'])
    expect(calls).toStrictEqual([Date.UTC(2026, 5, 2), Date.UTC(2026, 5, 2)])
  })

  test('tries again an hour after it had to wait, and a day after it erased', async () => {
    let isUncertain = true
    let erasures = 0
    const { retained, recorded, messages } = retentionOf({
      retentionMs: 7 * DAY_MS,
      clock: () => ({ nowMs: Date.UTC(2026, 5, 9), isUncertain }),
      eraseBefore: async () => {
        erasures += 1
        return { events: 0, isWalTruncated: true }
      },
    })
    const runsAfter = async (ms: number) => {
      jest.advanceTimersByTime(ms)
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      return [messages().length, erasures]
    }
    jest.useFakeTimers()
    try {
      await retained.apply()
      expect(await runsAfter(HOUR_MS - 1)).toStrictEqual([1, 0])
      isUncertain = false
      expect(await runsAfter(1)).toStrictEqual([1, 1])
      expect(await runsAfter(DAY_MS - 1)).toStrictEqual([1, 1])
      expect(await runsAfter(1)).toStrictEqual([1, 2])
      retained.stop()
      expect(await runsAfter(9 * DAY_MS)).toStrictEqual([1, 2])
    } finally {
      jest.useRealTimers()
    }
    // Nothing was erased, so nothing is recorded.
    expect(recorded).toStrictEqual([])
  })
})
