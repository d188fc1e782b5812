import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../src/errors.ts'
import type { AuditEvent } from '../../src/domain/audit-event.ts'
import { type CreateBackup, backupService } from '../../src/ops/backups.ts'
import { temporaryFolder } from '../support/binary.ts'

const HOUR_MS = 3_600_000
const OWNER = { address: '192.168.1.5', userAgent: 'phone', requestId: 'r1' }

let folder = ''
let clock = { nowMs: 0, passedMs: 0 }
let records: (AuditEvent & { readonly atMs: number })[] = []
let reports: unknown[] = []

beforeEach(() => {
  folder = temporaryFolder()
  clock = { nowMs: Date.parse('2026-11-25T12:00:00Z'), passedMs: 0 }
  records = []
  reports = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const written: CreateBackup = async (path) => {
  writeFileSync(path, 'a backup', { flag: 'wx' })
  return { bytes: 8, events: 3, isEncrypted: false }
}

type Options = {
  readonly make?: CreateBackup
  readonly keep?: number
  readonly keyId?: number
  readonly passphrase?: string
  readonly dir?: string
}

/** The service as a start makes it; a second call is a restart. */
const service = ({ make = written, keep = 3, keyId = 0xab, passphrase = '', dir }: Options = {}) =>
  backupService({
    settings: {
      dataDir: folder,
      backupDir: dir ?? join(folder, 'backups'),
      backupEveryHours: 24,
      backupKeep: keep,
      backupPassphrase: passphrase,
    },
    keyId,
    make,
    record: async (_, event) => void records.push({ ...event, atMs: clock.nowMs }),
    newestRecord: async (action) => {
      const found = records.findLast((one) => one.action === action)
      return found && { atMs: found.atMs, result: found.result, detail: found.detail ?? {} }
    },
    report: (error) => void reports.push(error),
    now: () => clock.nowMs,
    monotonic: () => clock.passedMs,
  })

const pass = (hours: number): void => {
  clock.nowMs += hours * HOUR_MS
  clock.passedMs += hours * HOUR_MS
}

const names = () => readdirSync(join(folder, 'backups')).toSorted()

describe('a folder that others write to, too', () => {
  const put = (...files: string[]) => {
    mkdirSync(join(folder, 'backups'))
    for (const file of files) writeFileSync(join(folder, 'backups', file), '')
  }

  test('a name with a day that no calendar has is no backup, and no fault', async () => {
    put('secure-lock-000000ab-000007-99999999T999999Z.tar')
    const backups = service()
    expect(await backups.state()).toMatchObject({ newest: undefined, failure: undefined })
    await backups.makeIfDue()
    expect((await backups.list()).map(({ number }) => number)).toStrictEqual([1])
  })

  test('after a file with the last number none is made that would never go, and an owner is told', async () => {
    const last = 'secure-lock-000000ab-999999999999999-20261125T110000Z.tar'
    put(last)
    pass(25)
    const backups = service()
    await backups.makeIfDue()
    expect(names()).toStrictEqual([last])
    expect((await backups.state()).failure?.reason).toContain(`${last} in BACKUP_DIR`)
  })
})

describe('backups by themselves', () => {
  test('one is made at once where there is none, and the next a day later', async () => {
    const backups = service()
    await backups.makeIfDue()
    expect(names()).toStrictEqual(['secure-lock-000000ab-000001-20261125T120000Z.tar'])
    for (let hour = 0; hour < 47; hour += 1) {
      pass(1)
      await backups.makeIfDue()
    }
    expect(names()).toHaveLength(2)
    expect(names()[1]).toBe('secure-lock-000000ab-000002-20261126T120000Z.tar')
    expect(records[0]).toMatchObject({
      action: 'backup.create',
      result: 'success',
      detail: { events: 3, bytes: 8, encrypted: false },
    })
  })

  test('restarts do not make one, nor do they keep one from being made', async () => {
    await service().makeIfDue()
    for (let start = 0; start < 10; start += 1) {
      pass(2)
      await service().makeIfDue()
    }
    expect(names()).toHaveLength(1)
    pass(4)
    await service().makeIfDue()
    expect(names()).toHaveLength(2)
  })

  test('[D6] a clock that jumps makes no storm, and no end of them', async () => {
    const backups = service({ keep: 100 })
    await backups.makeIfDue()
    // Forward by ten years, back, and forward again, each within an hour.
    for (let jump = 0; jump < 20; jump += 1) {
      clock.nowMs += (jump % 2 === 0 ? 1 : -1) * 10 * 365 * 24 * HOUR_MS
      clock.passedMs += HOUR_MS / 20
      await backups.makeIfDue()
    }
    expect(names()).toHaveLength(1)
    // The clock starts in 1970, as without a battery: the newest is from the future.
    clock.nowMs = 0
    const inTheSeventies = service({ keep: 100 })
    for (let hour = 0; hour < 72; hour += 1) {
      await inTheSeventies.makeIfDue()
      pass(1)
    }
    // One after a day of running; then that one is the newest, and the clock is right about it.
    expect(names()).toHaveLength(3)
    expect(names()[1]).toBe('secure-lock-000000ab-000002-19700102T000000Z.tar')
  })

  test('the newest are kept by number, whatever their times say', async () => {
    const backups = service({ keep: 2 })
    await backups.makeIfDue()
    clock.nowMs = 0
    for (let made = 0; made < 3; made += 1) {
      pass(25)
      await backups.makeIfDue()
    }
    expect(names().map((name) => name.slice(21, 27))).toStrictEqual(['000003', '000004'])
  })

  test('nothing is deleted that the service did not make', async () => {
    const dir = join(folder, 'backups')
    mkdirSync(dir)
    const others = [
      'secure-lock-000000cd-000001-20261125T120000Z.tar',
      'secure-lock-000000ab-000001-20261125T120000Z.tar.copy',
      'holiday.tar',
      'secure-lock.tar',
    ]
    for (const name of others) writeFileSync(join(dir, name), 'x')
    mkdirSync(join(dir, 'secure-lock-000000ab-000009-20261125T120000Z.tar'))
    const backups = service({ keep: 1 })
    for (let made = 0; made < 3; made += 1) {
      await backups.makeIfDue()
      pass(25)
    }
    expect(names()).toStrictEqual(
      [
        ...others,
        'secure-lock-000000ab-000003-20261127T140000Z.tar',
        'secure-lock-000000ab-000009-20261125T120000Z.tar',
      ].toSorted(),
    )
  })

  test('one that fails is reported, recorded, tried again after an hour, and deletes nothing', async () => {
    let isBroken = false
    const make: CreateBackup = async (...args) => {
      if (isBroken) throw new AppError('unavailable', 'No room for the backup')
      return written(...args)
    }
    const backups = service({ make, keep: 1 })
    await backups.makeIfDue()
    isBroken = true
    pass(24)
    await backups.makeIfDue()
    pass(0.5)
    await backups.makeIfDue()
    expect(reports).toHaveLength(1)
    expect(records.at(-1)).toMatchObject({
      action: 'backup.create',
      result: 'failure',
      detail: { reason: 'No room for the backup' },
    })
    const failed = await backups.state()
    expect(failed.failure).toMatchObject({ reason: 'No room for the backup' })
    expect(failed.newest?.number).toBe(1)
    // Also another process, such as the command line, knows.
    expect((await service().state()).failure?.reason).toBe('No room for the backup')
    isBroken = false
    pass(0.5)
    await backups.makeIfDue()
    expect(await backups.state()).toMatchObject({ failure: undefined, newest: { number: 2 } })
    expect(names()).toHaveLength(1)
  })

  test('a folder outside the data is not made: its disk may not be there', async () => {
    const dir = join(temporaryFolder(), 'usb/backups')
    const backups = service({ dir })
    await backups.makeIfDue()
    expect(records.at(-1)).toMatchObject({ result: 'failure' })
    expect(await Bun.file(dir).exists()).toBe(false)
    expect(await backups.list()).toStrictEqual([])
  })

  test('an owner’s wish joins the one under way, and is recorded as theirs', async () => {
    let finish = () => {}
    const make: CreateBackup = async (path, signal) => {
      await new Promise<void>((resolve) => (finish = resolve))
      return written(path, signal)
    }
    const backups = service({ make, passphrase: 'four brown doors' })
    backups.makeNow(OWNER)
    backups.makeNow(OWNER)
    await Bun.sleep(10)
    expect((await backups.state()).isMaking).toBe(true)
    finish()
    while ((await backups.state()).isMaking) await Bun.sleep(1)
    expect(names()).toStrictEqual(['secure-lock-000000ab-000001-20261125T120000Z.tar.age'])
    expect(() => service({ dir: '' }).makeNow(OWNER)).toThrow('Set BACKUP_DIR first')
  })

  test('a stop ends the one under way, which is no failure', async () => {
    const make: CreateBackup = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('killed')))
      })
    const backups = service({ make })
    const making = backups.makeIfDue()
    await Bun.sleep(5)
    await backups.stop()
    await making
    expect(records).toStrictEqual([])
    expect(reports).toStrictEqual([])
  })

  test.if(process.getuid?.() !== 0)('a folder that cannot be read says so', async () => {
    mkdirSync(join(folder, 'backups'))
    chmodSync(join(folder, 'backups'), 0)
    expect(service().list()).rejects.toThrow('Cannot read BACKUP_DIR')
    chmodSync(join(folder, 'backups'), 0o700)
  })
})
