import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HOUR_MS } from '../../../src/domain/duration.ts'
import { AppError } from '../../../src/errors.ts'
import type { AuditEvent } from '../../../src/domain/audit-event.ts'
import { type CreateBackup, backupService } from '../../../src/ops/backups/backups.ts'
import { temporaryFolder } from '../../support/binary.ts'

const OWNER = { address: '192.168.1.5', userAgent: 'phone', requestId: 'r1' }

let folder = ''
let clock = { nowMs: 0, passedMs: 0 }
let records: (AuditEvent & { readonly atMs: number })[] = []
let failures: unknown[] = []
let stop: { readonly says: string } | undefined

beforeEach(() => {
  folder = temporaryFolder()
  clock = { nowMs: Date.parse('2026-11-25T12:00:00Z'), passedMs: 0 }
  records = []
  failures = []
  stop = undefined
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const written: CreateBackup = async (path) => {
  writeFileSync(path, 'a backup', { flag: 'wx' })
  return { bytes: 8, events: 3, isEncrypted: false }
}

type Options = {
  readonly createBackup?: CreateBackup
  readonly keep?: number
  readonly keyId?: number
  readonly passphrase?: string
  /** `null` for no BACKUP_DIR. */
  readonly dir?: string | null
}

/** The service as after a start; a second call is a restart. */
const service = ({
  createBackup = written,
  keep = 3,
  keyId = 0xab,
  passphrase,
  dir,
}: Options = {}) =>
  backupService({
    settings: {
      dataDir: folder,
      backupDir: dir === null ? undefined : (dir ?? join(folder, 'backups')),
      backupEveryMs: 24 * HOUR_MS,
      backupKeep: keep,
      backupPassphrase: passphrase,
    },
    keyId,
    createBackup,
    logStop: () => stop,
    record: async (_, event) => void records.push({ ...event, atMs: clock.nowMs }),
    newestEvent: async (action, subject) => {
      const found = records.findLast((one) => one.action === action && one.subject === subject)
      return found && { atMs: found.atMs, result: found.result, detail: found.detail ?? {} }
    },
    onFailure: (error) => void failures.push(error),
    clock: { wallMs: () => clock.nowMs, monotonicMs: () => clock.passedMs },
  })

const pass = (hours: number): void => {
  clock.nowMs += hours * HOUR_MS
  clock.passedMs += hours * HOUR_MS
}

const names = () => readdirSync(join(folder, 'backups')).toSorted()

describe('a folder that others also write to', () => {
  const put = (...files: string[]) => {
    mkdirSync(join(folder, 'backups'))
    for (const file of files) writeFileSync(join(folder, 'backups', file), '')
  }

  test('a file name with a date that does not exist is no backup, and causes no error', async () => {
    put('secure-lock-000000ab-000007-99999999T999999Z.tar')
    const backups = service()
    expect(await backups.state()).toMatchObject({ newest: undefined, failure: undefined })
    await backups.createIfDue()
    expect((await backups.list()).map(({ number }) => number)).toStrictEqual([1])
  })

  test('a file with the highest number stops backups, which could not be deleted later, and the owner sees why', async () => {
    const last = 'secure-lock-000000ab-999999999999999-20261125T110000Z.tar'
    put(last)
    pass(25)
    const backups = service()
    await backups.createIfDue()
    expect(names()).toStrictEqual([last])
    expect((await backups.state()).failure?.reason).toContain(`${last} in BACKUP_DIR`)
  })
})

describe('scheduled backups', () => {
  test('the first is created at once, and the next a day later', async () => {
    const backups = service()
    await backups.createIfDue()
    expect(names()).toStrictEqual(['secure-lock-000000ab-000001-20261125T120000Z.tar'])
    for (let hour = 0; hour < 47; hour += 1) {
      pass(1)
      await backups.createIfDue()
    }
    expect(names()).toHaveLength(2)
    expect(names()[1]).toBe('secure-lock-000000ab-000002-20261126T120000Z.tar')
    expect(records[0]).toMatchObject({
      action: 'backup.create',
      result: 'success',
      detail: { events: 3, bytes: 8, encrypted: false },
    })
  })

  test('one that failed because its folder was missing is created as soon as that is there', async () => {
    const dir = `${folder}-elsewhere`
    const backups = service({ dir, createBackup: written })
    const minute = async () => {
      pass(1 / 60)
      await backups.createIfDue()
      return records.map(({ result }) => result)
    }
    await backups.createIfDue()
    expect(await minute()).toStrictEqual(['failure'])
    expect(await backups.isFolderMissing()).toBe(true)
    mkdirSync(dir)
    expect(await minute()).toStrictEqual(['failure', 'success'])
    expect(await minute()).toHaveLength(2)
    expect((await backups.state()).failure).toBeUndefined()
    rmSync(dir, { recursive: true })
  })

  test('[G14] while the log is stopped there is none, because it would push out those of the right database', async () => {
    const backups = service({ keep: 1 })
    await backups.createIfDue()
    stop = { says: 'an older database was put back' }
    pass(25)
    await backups.createIfDue()
    expect(() => backups.createNow(OWNER)).toThrow('an older database was put back')
    expect(names().map((name) => name.slice(21, 27))).toStrictEqual(['000001'])
    expect(records).toHaveLength(1)
    stop = undefined
    await backups.createIfDue()
    expect(names().map((name) => name.slice(21, 27))).toStrictEqual(['000002'])
  })

  test('restarts neither create one nor delay one', async () => {
    await service().createIfDue()
    for (let start = 0; start < 10; start += 1) {
      pass(2)
      await service().createIfDue()
    }
    expect(names()).toHaveLength(1)
    pass(4)
    await service().createIfDue()
    expect(names()).toHaveLength(2)
  })

  test('[D6] a clock that jumps neither causes a flood of backups nor stops them', async () => {
    const backups = service({ keep: 100 })
    await backups.createIfDue()
    // Forward by ten years, back, and forward again, each within an hour.
    for (let jump = 0; jump < 20; jump += 1) {
      clock.nowMs += (jump % 2 === 0 ? 1 : -1) * 10 * 365 * 24 * HOUR_MS
      clock.passedMs += HOUR_MS / 20
      await backups.createIfDue()
    }
    expect(names()).toHaveLength(1)
    // The clock starts in 1970, as without a battery: the newest is from the future.
    clock.nowMs = 0
    const inTheSeventies = service({ keep: 100 })
    for (let hour = 0; hour < 72; hour += 1) {
      await inTheSeventies.createIfDue()
      pass(1)
    }
    // One after a day of running; then that one is the newest, and the clock is right about it.
    expect(names()).toHaveLength(3)
    expect(names()[1]).toBe('secure-lock-000000ab-000002-19700102T000000Z.tar')
  })

  test('the newest by number are kept, whatever their times say', async () => {
    const backups = service({ keep: 2 })
    await backups.createIfDue()
    clock.nowMs = 0
    for (let made = 0; made < 3; made += 1) {
      pass(25)
      await backups.createIfDue()
    }
    expect(names().map((name) => name.slice(21, 27))).toStrictEqual(['000003', '000004'])
  })

  test('no file is deleted that the server did not create', async () => {
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
      await backups.createIfDue()
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

  test('a failure is logged, recorded and retried after an hour, and deletes nothing', async () => {
    let isBroken = false
    const createBackup: CreateBackup = async (...args) => {
      if (isBroken) throw new AppError('unavailable', 'No room for the backup')
      return written(...args)
    }
    const backups = service({ createBackup, keep: 1 })
    await backups.createIfDue()
    isBroken = true
    pass(24)
    await backups.createIfDue()
    pass(0.5)
    await backups.createIfDue()
    expect(failures).toHaveLength(1)
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
    await backups.createIfDue()
    expect(await backups.state()).toMatchObject({ failure: undefined, newest: { number: 2 } })
    expect(names()).toHaveLength(1)
  })

  test('a folder outside the data folder is not created: its disk may not be mounted', async () => {
    const dir = join(temporaryFolder(), 'usb/backups')
    const backups = service({ dir })
    await backups.createIfDue()
    expect(records.at(-1)).toMatchObject({ result: 'failure' })
    expect(await Bun.file(dir).exists()).toBe(false)
    expect(await backups.list()).toStrictEqual([])
  })

  test('an owner’s request joins the backup that is running, and is recorded as theirs', async () => {
    const begun = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const createBackup: CreateBackup = async (path, signal) => {
      begun.resolve()
      await finish.promise
      return written(path, signal)
    }
    const backups = service({ createBackup, passphrase: 'four brown doors' })
    backups.createNow(OWNER)
    backups.createNow(OWNER)
    await begun.promise
    expect((await backups.state()).isRunning).toBe(true)
    finish.resolve()
    while ((await backups.state()).isRunning) await Bun.sleep(1)
    expect(names()).toStrictEqual(['secure-lock-000000ab-000001-20261125T120000Z.tar.age'])
    expect(() => service({ dir: null }).createNow(OWNER)).toThrow('Set BACKUP_DIR first')
  })

  test('a stop aborts the backup that is running, which is no failure', async () => {
    const begun = Promise.withResolvers<void>()
    const createBackup: CreateBackup = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('killed')))
        begun.resolve()
      })
    const backups = service({ createBackup })
    const making = backups.createIfDue()
    await begun.promise
    await backups.stop()
    await making
    expect(records).toStrictEqual([])
    expect(failures).toStrictEqual([])
  })

  test('a stop before a backup has its name prevents it, which is no failure either', async () => {
    let made = 0
    const createBackup: CreateBackup = async () => {
      made += 1
      return { bytes: 1, events: 1, isEncrypted: false }
    }
    const backups = service({ createBackup })
    backups.createNow(OWNER)
    await backups.stop()
    expect(made).toBe(0)
    expect(records).toStrictEqual([])
    expect(failures).toStrictEqual([])
  })

  test('a folder that cannot be read says so', async () => {
    symlinkSync('backups', join(folder, 'backups'))
    expect(service().list()).rejects.toThrow('Cannot read BACKUP_DIR')
  })
})
