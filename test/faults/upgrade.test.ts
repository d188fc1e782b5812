import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import {
  BINARY,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { oldDataFolder } from '../support/old-schema.ts'
import { ROUNDS, SHARE, tell } from './evidence.ts'
import { MEMORY_MIB, memoryCgroup, peakMiB } from './processes.ts'
import { fillUp, inMemory, smallDisk } from '../support/small-disk.ts'

const NEWEST = MIGRATIONS.length
/** The schema in which the table of unlocks got its current name. */
const RENAMED_IN = 8
/** The schema in which it was rebuilt. */
const REBUILT_IN = 14
const EVENTS = 20_000 * SHARE
/** Enough that its size alone makes an upgrade tell how far it is. */
const MANY = Math.max(1_000_000 * SHARE, 200_000)
const env = { ...UNLIMITED, LOG_LEVEL: 'error' }

/** The schema and the number of events of a file, as SQLite recovers it. */
const contentsOf = (path: string) => {
  using db = databaseFile(path)
  const { user_version: schema } = db.query('PRAGMA user_version').get() as { user_version: number }
  const table = schema < RENAMED_IN ? 'unlock' : 'unlock_event'
  const { n: events } = db.query(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }
  const { integrity_check: integrity } = db.query('PRAGMA integrity_check').get() as {
    integrity_check: string
  }
  return { schema, events, integrity }
}

test(`[D5] ${ROUNDS} times kill -9 in an upgrade: one schema or another, all events, and the next start finishes`, async () => {
  const folder = temporaryFolder()
  const { dataDir } = await oldDataFolder(folder, { events: EVENTS })
  const trial = join(folder, 'trial')
  const database = join(trial, 'data/secure-lock.db')
  const copy = `${database}.before-schema-${NEWEST}`
  const fresh = () => {
    rmSync(trial, { recursive: true, force: true })
    cpSync(dataDir, join(trial, 'data'), { recursive: true })
  }
  fresh()
  const begun = performance.now()
  await runCommand(['log', 'key'], { folder: trial, env })
  const wholeMs = performance.now() - begun
  const found = new Map<string, number>()
  for (let round = 0; round < ROUNDS; round += 1) {
    fresh()
    const started = Bun.spawn([BINARY, 'log', 'key'], {
      cwd: trial,
      env,
      stdout: 'ignore',
      stderr: 'ignore',
    })
    await Bun.sleep(Math.random() * wholeMs)
    started.kill('SIGKILL')
    await started.exited
    const { schema, events, integrity } = contentsOf(database)
    expect({ events, integrity }).toStrictEqual({ events: EVENTS, integrity: 'ok' })
    // Nothing was changed before the copy was complete, and the copy has the earlier contents.
    if (existsSync(copy))
      expect(contentsOf(copy)).toStrictEqual({ schema: 1, events: EVENTS, integrity: 'ok' })
    else expect(schema).toBe(1)
    const state = `schema ${schema}, ${existsSync(copy) ? 'with' : 'without'} a copy`
    found.set(state, (found.get(state) ?? 0) + 1)
    const verified = await runCommand(['log', 'verify'], { folder: trial, env })
    expect(verified.out).toBe(`The log is intact: ${EVENTS} events\n`)
    // A slow upgrade says how far it is.
    expect(verified.words.replaceAll(/^Upgrading the database: .*\n/gm, '')).toBe('')
    expect(contentsOf(database).schema).toBe(NEWEST)
    expect(existsSync(copy)).toBe(true)
    // A killed process may leave a draft of the signed head, which the next start removes.
    const drafts = readdirSync(join(trial, 'data')).filter((name) => name.includes('.part'))
    expect(drafts.filter((name) => !name.startsWith('log-signed-head.'))).toBeEmpty()
  }
  tell(`upgrade: ${ROUNDS} kills, ${[...found].map(([state, n]) => `${n} ${state}`).join('; ')}`)
  rmSync(folder, { recursive: true })
})

/** What the first locks of a home consist of, as SQLite recovers it. */
const firstLocksOf = (path: string) => {
  using db = databaseFile(path)
  return db
    .query(
      `SELECT
         (SELECT count(*) FROM setting WHERE name = 'first_locks') AS settings,
         (SELECT group_concat(label) FROM lock) AS locks,
         (SELECT group_concat(holder) FROM access_grant) AS holders,
         (SELECT count(*) FROM access_grant_lock) AS places,
         (SELECT group_concat(kind) FROM log_record) AS records,
         (SELECT size FROM log_head) AS size`,
    )
    .get()
}

test(`[D5] ${ROUNDS} times kill -9 while the first locks are made: all of it or nothing, and the next start finishes`, async () => {
  const folder = temporaryFolder()
  const { dataDir } = await oldDataFolder(folder, { events: EVENTS })
  // The upgrade itself is done, so that kills come while a home is made ready.
  await runCommand(['log', 'key'], { folder, env })
  const nothing = {
    settings: 0,
    locks: null,
    holders: null,
    places: 0,
    records: null,
    size: EVENTS,
  }
  const all = {
    settings: 1,
    locks: 'front-door',
    holders: 'role:member',
    places: 1,
    records: 'lock.made,grant.made',
    size: EVENTS + 2,
  }
  expect(firstLocksOf(join(dataDir, 'secure-lock.db'))).toStrictEqual(nothing)
  const trial = join(folder, 'trial')
  const database = join(trial, 'data/secure-lock.db')
  const found = { nothing: 0, all: 0 }
  let startMs = 1000
  for (let round = 0; round < ROUNDS; round += 1) {
    rmSync(trial, { recursive: true, force: true })
    cpSync(dataDir, join(trial, 'data'), { recursive: true })
    const started = Bun.spawn([BINARY], {
      cwd: trial,
      env: { ...env, HOST: '127.0.0.1', PORT: String(await freePort()) },
      stdout: 'ignore',
      stderr: 'ignore',
    })
    await Bun.sleep(Math.random() * startMs)
    started.kill('SIGKILL')
    await started.exited
    const state = firstLocksOf(database)
    const isDone = Bun.deepEquals(state, all)
    expect(state).toStrictEqual(isDone ? all : nothing)
    found[isDone ? 'all' : 'nothing'] += 1
    const begunMs = performance.now()
    await using service = await startService({ folder: trial, env })
    startMs = performance.now() - begunMs
    expect(await service.stop()).toBe(0)
    expect(firstLocksOf(database)).toStrictEqual(all)
    const verified = await runCommand(['log', 'verify'], { folder: trial, env })
    expect(verified.status).toBe(0)
  }
  tell(
    `first locks: ${ROUNDS} kills, ${found.nothing} before and ${found.all} after they were made`,
  )
  rmSync(folder, { recursive: true })
})

test(`[D5, G15] ${MANY.toLocaleString('en')} unlocks are upgraded in 512 MiB, with progress on the terminal`, async () => {
  const folder = temporaryFolder()
  const { dataDir, database } = await oldDataFolder(folder, { events: 1 })
  plantOld(database, MANY)
  using cgroup = memoryCgroup(tell)
  const begunMs = performance.now()
  await using service = await startService({
    folder,
    env: { ...UNLIMITED, LOG_LEVEL: 'info' },
    within: cgroup.within,
  })
  const seconds = ((performance.now() - begunMs) / 1000).toFixed(1)
  tell(`upgraded in ${seconds} s and ${peakMiB(service.pid).toFixed(0)} MiB`)
  expect(peakMiB(service.pid)).toBeLessThan(MEMORY_MIB)
  expect(await service.stop()).toBe(0)
  expect(service.output().log).toContain('"msg":"upgrading the database"')
  // Nothing is added to a log that is broken, and the service starts all the same.
  expect(service.output().log).toContain('"msg":"the first locks were not made"')
  expect(contentsOf(database)).toStrictEqual({
    schema: NEWEST,
    events: MANY,
    integrity: 'ok',
  })
  expect(statSync(database).size).toBeLessThan(statSync(`${database}.before-schema-${NEWEST}`).size)
  expect(readdirSync(dataDir).filter((name) => /wal|part|etilqs/.test(name))).toBeEmpty()
  rmSync(folder, { recursive: true })
})

/** Brings a database to the schema before the rebuild, with that many unlocks whose log is not signed. */
const plantOld = (path: string, events: number): void => {
  using db = new Database(path, { strict: true })
  // As newer files are, it can give space back.
  for (const sql of ['PRAGMA synchronous = 0', 'PRAGMA auto_vacuum = 2', 'VACUUM']) db.run(sql)
  migrate(db, MIGRATIONS.slice(0, REBUILT_IN - 1))
  db.run(
    `WITH RECURSIVE step (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM step WHERE seq + 1 < ?)
     INSERT INTO unlock_event
     SELECT seq, lower(hex(randomblob(16))), 'account-of-' || seq % 20, 'person-' || seq % 20, 'pin ' || seq % 5,
       randomblob(32), randomblob(32), 'front-door', 'unlocked', NULL, 'claimed', NULL,
       1767225600000 + seq * 1000, 0, 0, randomblob(32)
     FROM step`,
    [events],
  )
}

describe.if(process.getuid?.() === 0)('a disk without room (needs root, to mount one)', () => {
  test('[D4, D5] for the copy refuses the upgrade with a message, and leaves the database as it is', async () => {
    const folder = temporaryFolder()
    const { dataDir } = await oldDataFolder(folder, { events: 5000 })
    await using small = await smallDisk(folder, ...inMemory(32))
    const { within, outside, disk } = small
    cpSync(dataDir, join(outside, 'data'), { recursive: true })
    const makeRoom = fillUp(outside, 9 * 1024 ** 2)
    const smallEnv = { ...env, DATA_DIR: join(disk, 'data') }
    const verify = () => runCommand(['log', 'verify'], { folder, env: smallEnv, within })
    const refused = await verify()
    expect(refused.status).toBe(1)
    expect(refused.words).toMatch(
      /^Cannot open database .*: No room for upgrading the database: .* has \d+ MiB free, and \d+ MiB are needed; make room first\n$/,
    )
    expect(readdirSync(join(outside, 'data')).filter((name) => name.includes('before'))).toBeEmpty()
    makeRoom()
    expect((await verify()).out).toBe('The log is intact: 5000 events\n')
    rmSync(folder, { recursive: true, force: true })
  })
})
