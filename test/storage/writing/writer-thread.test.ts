import { expect, spyOn, test } from 'bun:test'
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../../../src/storage/open.ts'
import { writerThread } from '../../../src/storage/writing/writer-thread.ts'
import { clockFrom } from '../../../src/domain/clock.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { forkGuard } from '../../../src/unlocks/guard/fork-guard.ts'
import { openUnlockLog } from '../../../src/unlocks/recording/service.ts'
import { keyFile } from '../../../src/unlocks/log/key-file.ts'
import { unlockStore } from '../../../src/unlocks/log/store.ts'
import { temporaryFolder } from '../../support/binary.ts'
import type { CrashPoint } from '../../support/crashing-writer.ts'
import { claimed } from '../../support/unlock-log.ts'
import { until } from '../../support/until.ts'

const ENTRY = new URL('../../support/crashing-writer.ts', import.meta.url).href

type Given = {
  readonly entry?: string
  readonly crashAt?: CrashPoint
  readonly oneIn?: number
  readonly folder?: string
  /** The path at which the thread opens the file. */
  readonly databasePath?: string
}

/** Opens a log on a file, with a writer thread that dies at a chosen point. */
const threadedLog = async ({ entry = ENTRY, folder = temporaryFolder(), ...given }: Given = {}) => {
  const databasePath = join(folder, 'a.db')
  const deaths: boolean[] = []
  const db = openDatabase(databasePath, {
    writerThread: () =>
      writerThread({
        entry,
        given: { databasePath, dataDir: folder, oneIn: Infinity, ...given },
        onDeath: (_, isLast) => deaths.push(isLast),
      }),
  })
  const { signer } = keyFile(folder).open({ hasLog: false })
  const store = unlockStore(db)
  const guard = forkGuard({
    dataDir: undefined,
    origin: signer.verifierKey.name,
    clock: clockFrom(),
    logger: processLogger({ level: 'fatal', format: 'text' }),
  })
  const clock = () => ({ nowMs: Date.now(), isUncertain: false, newestMs: 0 })
  return {
    db,
    deaths,
    store,
    openUnlocks: () => openUnlockLog({ store, signer, clock, guard }),
    [Symbol.asyncDispose]: async () => {
      await db.close().catch(() => {})
      rmSync(folder, { recursive: true })
    },
  }
}

/** `expect(…).rejects` lets no message of a thread through while it waits. */
const faultOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

test('units of work and unlocks share its groups; a refusal of one does not affect the others', async () => {
  await using log = await threadedLog()
  const { append } = await log.openUnlocks()
  await log.db.run('CREATE TABLE t (n INTEGER UNIQUE)')
  const add = (n: number) => log.db.run('INSERT INTO t VALUES (?)', n)
  const [one, unlocks, again] = await Promise.allSettled([add(1), append([claimed(0)]), add(1)])
  expect(one).toMatchObject({ status: 'fulfilled', value: 1 })
  expect(unlocks).toMatchObject({ value: [{ status: 'stored', seq: 0 }] })
  expect(again).toMatchObject({ reason: { message: expect.stringContaining('UNIQUE') } })
  expect(await log.db.all('SELECT n FROM t')).toStrictEqual([{ n: 1 }])
  await log.db.run('UPDATE log_head SET size = 2')
  expect(await faultOf(append([claimed(1)]))).toMatchObject({
    code: 'unavailable',
    message: 'The unlock log is broken: its rows and its head differ',
  })
})

test('a group passes to the thread in one message, as plain text', async () => {
  await using log = await threadedLog()
  const { append, onCommit } = await log.openUnlocks()
  await append([claimed(0)])
  const sizes: number[] = []
  onCommit((size) => sizes.push(size))
  // Each has one answer; a further one would be taken for that of a later request.
  using posted = spyOn(Worker.prototype, 'postMessage')
  await Promise.all(Array.from({ length: 64 }, (_, at) => append([claimed(at)])))
  expect(sizes).toStrictEqual([65])
  expect(posted.mock.calls).toStrictEqual([[['commit', [expect.any(String)], expect.anything()]]])
})

test('the main thread cannot write: its connection only reads', async () => {
  await using log = await threadedLog()
  const insert = "INSERT INTO setting (name, value) VALUES ('one', '1') RETURNING name"
  expect(await faultOf(log.db.all(insert))).toMatchObject({ message: 'The database is read-only' })
  expect(await log.db.all("SELECT * FROM setting WHERE name = 'one'")).toStrictEqual([])
  expect(await log.db.transaction((tx) => tx.all(insert))).toStrictEqual([{ name: 'one' }])
})

for (const crashAt of ['before', 'written', 'committed'] as const)
  test(`[D1] a thread that dies ${crashAt}: what waits is refused with an unknown outcome, the next unlock is recorded, and the file is not locked`, async () => {
    await using log = await threadedLog({ crashAt, oneIn: 1 })
    const { append } = await log.openUnlocks()
    expect(await faultOf(append([claimed(0)]))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('whether it is recorded is not known'),
    })
    await until(() => log.deaths.length === 1)
    expect(log.deaths).toStrictEqual([false])
    expect((await log.store.page(-1, 10)).length).toBe(crashAt === 'committed' ? 1 : 0)
    await log.db.run('CREATE TABLE t (n INTEGER)')
    expect(await faultOf(append([claimed(1)]))).toMatchObject({ code: 'unavailable' })
    await until(() => log.deaths.length === 2)
    expect(log.deaths).toStrictEqual([false, true])
    expect(await faultOf(log.db.run('INSERT INTO t VALUES (1)'))).toMatchObject({
      code: 'unavailable',
    })
    expect(await log.db.all('SELECT * FROM t')).toStrictEqual([])
  })

test('a module that cannot be loaded is a death too, and the process keeps running', async () => {
  await using log = await threadedLog({ entry: 'file:///nowhere/writer.ts' })
  expect(await faultOf(log.db.run('CREATE TABLE t (n INTEGER)'))).toMatchObject({
    code: 'unavailable',
  })
  await until(() => log.deaths.length === 2)
  expect(await log.db.all('SELECT * FROM unlock_event')).toStrictEqual([])
})

test('reads during a close are answered or refused, and nothing fails later', async () => {
  await using log = await threadedLog()
  await log.db.run('CREATE TABLE t (n INTEGER)')
  const closing = { isOver: false }
  const closed = log.db.close().finally(() => (closing.isOver = true))
  const outcomes = new Set<unknown>()
  while (!closing.isOver) {
    outcomes.add(await faultOf(log.db.all('SELECT * FROM t')))
    await new Promise((turn) => setImmediate(turn))
  }
  await closed
  expect(outcomes).toContain(undefined)
  // By now, everything that a read has deferred has happened.
  await Bun.sleep(10)
  expect(await faultOf(log.db.all('SELECT * FROM t'))).toMatchObject({ code: 'unavailable' })
})

test('a unit of work whose thread dies between its statements is refused, and no part of it is written', async () => {
  await using log = await threadedLog({ crashAt: 'queried' })
  const [unit, beside] = await Promise.all([
    faultOf(
      log.db.transaction(async (tx) => {
        await tx.run("INSERT INTO setting (name, value) VALUES ('one', '1')")
        await until(() => log.deaths.length === 1)
        await tx.run("INSERT INTO setting (name, value) VALUES ('two', '2')")
      }),
    ),
    faultOf(log.db.transaction(async () => {})),
  ])
  expect(unit).toBeInstanceOf(Error)
  expect(beside).toBe(unit)
  const written = await log.db.all("SELECT name FROM setting WHERE name IN ('one', 'two')")
  expect(written).toStrictEqual([])
})

test('a thread that could not open the file writes as soon as it can', async () => {
  const folder = temporaryFolder()
  const databasePath = join(folder, 'later/a.db')
  await using log = await threadedLog({ folder, databasePath })
  const add = () => log.db.run("INSERT INTO setting (name, value) VALUES ('one', '1')")
  expect(await faultOf(add())).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('Cannot open database'),
  })
  symlinkSync(folder, join(folder, 'later'))
  expect(await add()).toBe(1)
  expect(log.deaths).toStrictEqual([])
})
