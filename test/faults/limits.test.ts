import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { fillUp, inMemory, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'
import { tell } from './evidence.ts'

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }
const OWNER = { username: 'oli', password: PASSWORD }
const NO_WRITES =
  'The disk accepts no writes: it is read-only, at a limit or failing; see the log of the system'

const addOwner = (options: Parameters<typeof runCommand>[1]) =>
  addAccount('oli', { role: 'owner', ...options })

/** The owner's requests to a service. */
const owner = async ({ url }: Service) => {
  const { get, post } = clientOf(url)
  const login = (password = PASSWORD) => post('/login', { ...OWNER, password })
  const { access_token: token } = (await (await login()).json()) as { access_token: string }
  const unlock = () => post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
  return {
    login,
    unlock,
    get: (path: string) => get(path, bearer(token)),
    /** Unlocks until one is refused; returns the message. */
    untilRefused: async () => {
      for (let sent = 0; sent < 5000; sent += 1) {
        const answer = await unlock()
        if (answer.status !== 200)
          return `${answer.status} ${((await answer.json()) as { msg: string }).msg}`
      }
      throw new Error('nothing was refused')
    },
    auditEvents: async () => {
      const answer = await get('/v1/audit?limit=100', bearer(token))
      const { events } = (await answer.json()) as { events: { seq: number; action: string }[] }
      return events
    },
  }
}

test('[D4] a limit on the size of files (ulimit -f): writes answer 503, reads continue, and the service keeps running', async () => {
  const folder = temporaryFolder()
  await addOwner({ folder })
  {
    await using service = await startService({
      folder,
      env: ENV,
      within: ['prlimit', '--fsize=600000'],
    })
    const { untilRefused, login, get } = await owner(service)
    expect(await untilRefused()).toBe(`503 ${NO_WRITES}`)
    expect((await login()).status).toBe(503)
    expect((await get('/v1/unlocks')).status).toBe(200)
    // Its result is cached for two seconds.
    while ((await get('/readyz')).status !== 503) await Bun.sleep(100)
    await service.stop('SIGKILL')
  }
  expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({ status: 0, words: '' })
  rmSync(folder, { recursive: true })
})

const isRoot = process.getuid?.() === 0

describe.if(isRoot)('a separate disk (needs root, to mount one)', () => {
  test('[D4, O3] that is full: no login without its audit event, and both again once there is room', async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, ...inMemory(16))
    const { within } = small
    const env = { ...ENV, DATA_DIR: join(small.disk, 'data') }
    await addOwner({ folder, env, within })
    await using service = await startService({ folder, env, within })
    const { untilRefused, login, get, auditEvents, unlock } = await owner(service)
    const makeRoom = fillUp(small.outside, 0)
    expect(await untilRefused()).toBe('503 The disk is full')
    const before = await auditEvents()
    // The right password does nothing unrecorded, and a guess still counts.
    for (const password of [PASSWORD, 'wrong horse battery'])
      expect((await login(password)).status).toBe(503)
    expect(await auditEvents()).toStrictEqual(before)
    expect((await get('/readyz')).status).toBe(503)
    makeRoom()
    expect((await login()).status).toBe(200)
    expect((await login('wrong horse battery')).status).toBe(401)
    expect((await unlock()).status).toBe(200)
    const after = await auditEvents()
    expect(after.slice(0, 2).map(({ action }) => action)).toStrictEqual(['login', 'login'])
    expect(after.map(({ seq }) => seq)).toStrictEqual(
      after.map((_, at) => (after[0]?.seq ?? 0) - at),
    )
    expect(await service.stop()).toBe(0)
  })

  test('[D4] without an inode left: the running service continues, a start says what is missing', async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, ...inMemory(16, 20))
    const { within, outside } = small
    const env = { ...ENV, DATA_DIR: join(small.disk, 'data') }
    await addOwner({ folder, env, within })
    const takeInodes = () => {
      try {
        for (;;) writeFileSync(join(outside, crypto.randomUUID()), '')
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' })
      }
    }
    {
      await using service = await startService({ folder, env, within })
      const { unlock, login, get } = await owner(service)
      takeInodes()
      for (const answer of [await unlock(), await login(), await get('/readyz')])
        expect(answer.status).toBe(200)
      expect(await service.stop()).toBe(0)
    }
    takeInodes()
    const start = await runCommand(['serve'], { folder, env, within })
    expect(start).toMatchObject({
      status: 1,
      words: `Cannot open database ${join(env.DATA_DIR, 'secure-lock.db')}: A file of the database cannot be opened; check whether the disk has inodes left (df -i)\n`,
    })
  })
})

/** A separate ext4 image, or undefined if the tool to create one is missing. */
const ext4Image = (folder: string): string | undefined => {
  const image = join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, 32 * 1024 ** 2)
  const mkfs = Bun.which('mkfs.ext4')
  if (!mkfs || Bun.spawnSync([mkfs, '-q', image]).exitCode !== 0) return undefined
  return image
}

const CAN_MOUNT_EXT4 = (() => {
  if (!isRoot) return false
  const folder = temporaryFolder()
  const image = ext4Image(folder)
  const script = 'mount -o loop "$0" "$1"'
  const isMounted =
    image !== undefined &&
    Bun.spawnSync(['unshare', '-m', 'sh', '-c', script, image, folder]).exitCode === 0
  rmSync(folder, { recursive: true })
  return isMounted
})()
if (!CAN_MOUNT_EXT4)
  tell('no ext4 can be mounted here: the test of a disk that becomes read-only is skipped')

test.if(CAN_MOUNT_EXT4)(
  '[D4, O1] a file system that becomes read-only: writes answer 503, reads continue, a stop says so, nothing is lost',
  async () => {
    const folder = temporaryFolder()
    {
      const mount = ['-o', 'loop,errors=remount-ro', ext4Image(folder) ?? '']
      await using ext4 = await smallDisk(folder, ...mount)
      const { within } = ext4
      const env = { ...ENV, DATA_DIR: join(ext4.disk, 'data') }
      await addOwner({ folder, env, within })
      await using service = await startService({ folder, env, within })
      const { unlock, untilRefused, login, get } = await owner(service)
      expect((await unlock()).status).toBe(200)
      // The kernel's own way to simulate what most gateway file systems do at the first error.
      const device = Bun.spawnSync([...within, 'findmnt', '-no', 'SOURCE', ext4.disk])
      const name = basename(device.stdout.toString().trim())
      writeFileSync(`/sys/fs/ext4/${name}/trigger_fs_error`, '1')
      expect(await untilRefused()).toBe(`503 ${NO_WRITES}`)
      expect((await login()).status).toBe(503)
      expect((await get('/v1/unlocks')).status).toBe(200)
      expect((await get('/readyz')).status).toBe(503)
      expect(await service.stop()).toBe(1)
      expect(service.output().words.trimEnd()).toEndWith(NO_WRITES)
      expect((await runCommand(['log', 'verify'], { folder, env, within })).out).toContain('intact')
    }
    rmSync(folder, { recursive: true })
  },
)

describe('a database that another program uses', () => {
  test('[D4] a start while it is locked: the service comes up, says so, and works once it is free', async () => {
    const folder = temporaryFolder()
    await addOwner({ folder })
    using other = databaseFile(join(folder, 'data/secure-lock.db'))
    other.run('BEGIN IMMEDIATE')
    await using service = await startService({ folder, env: ENV })
    const ready = () => clientOf(service.url).get('/readyz')
    const locked = await ready()
    expect({ status: locked.status, body: await locked.json() }).toStrictEqual({
      status: 503,
      body: { msg: 'The database is locked by another program' },
    })
    other.run('ROLLBACK')
    while ((await ready()).status !== 200) await Bun.sleep(50)
    const { unlock } = await owner(service)
    expect((await unlock()).status).toBe(200)
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('[D4] a reader that does not end: the WAL grows, the doctor says so, and it shrinks again', async () => {
    const folder = temporaryFolder()
    await addOwner({ folder })
    const database = join(folder, 'data/secure-lock.db')
    const walMiB = () => statSync(`${database}-wal`).size / 1024 ** 2
    await using service = await startService({ folder, env: ENV })
    const { unlock, get } = await owner(service)
    using other = new Database(database, { readonly: true })
    const walFinding = async () => {
      const { findings } = (await (await get('/v1/doctor')).json()) as {
        findings: { check: string; state: string; says: string }[]
      }
      return findings.find(({ check }) => check === 'write-ahead log')
    }
    other.run('BEGIN')
    other.query('SELECT count(*) FROM unlock_event').get()
    {
      // More unlocks than the test has time to record.
      using writer = databaseFile(database)
      writer.run('PRAGMA synchronous = OFF')
      writer.run('CREATE TABLE filler (bytes BLOB)')
      writer.run('INSERT INTO filler VALUES (zeroblob(70000000))')
    }
    expect(walMiB()).toBeGreaterThan(64)
    expect((await unlock()).status).toBe(200)
    expect(await walFinding()).toMatchObject({ state: 'warning' })
    other.run('COMMIT')
    await until(async () => {
      expect((await unlock()).status).toBe(200)
      return walMiB() < 17
    })
    expect(await walFinding()).toMatchObject({ state: 'ok' })
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })
})
