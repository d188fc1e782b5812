import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { NO_ACCOUNT } from '../../../src/domain/access.ts'
import { clockFrom } from '../../../src/domain/clock.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { decisionKind } from '../../../src/locks/decisions/kind.ts'
import type { Queries } from '../../../src/storage/queries.ts'
import type { Program } from '../../../src/storage/writing/writer.ts'
import { forkGuard } from '../../../src/unlocks/guard/fork-guard.ts'
import { keyFile } from '../../../src/unlocks/log/key-file.ts'
import { unlockStore } from '../../../src/unlocks/log/store.ts'
import { unlockProgram } from '../../../src/unlocks/program.ts'
import { openUnlockLog } from '../../../src/unlocks/recording/service.ts'
import { attemptOf, idOf, insertGrant, insertLock, insertPerson } from '../../support/access.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { openTestDatabase } from '../../support/postgres.ts'
import { claimed } from '../../support/unlock-log.ts'

const NOON_MS = Date.UTC(2026, 10, 30, 11)

type Watching = {
  /** Called before each run of the program over a group. */
  readonly beforeRun?: (tx: Queries) => Promise<void>
  readonly beforeStatement?: (sql: string, tx: Queries) => Promise<void>
}

/** A log with the real program and the decisions of the home, whose statements a test sees. */
const watchedLog = async () => {
  const folder = temporaryFolder()
  const watching: { now: Watching } = { now: {} }
  const seen: { how: keyof Queries; sql: string }[] = []
  const program = unlockProgram(folder, {
    decision: decisionKind({ zone: () => 'Europe/Berlin' }),
  })
  const watched: Program = async (tx, inputs, read) => {
    const note = async (how: keyof Queries, sql: string): Promise<void> => {
      seen.push({ how, sql })
      await watching.now.beforeStatement?.(sql, tx)
    }
    await watching.now.beforeRun?.(tx)
    return program(
      {
        all: async (sql, ...params) => note('all', sql).then(() => tx.all(sql, ...params)),
        get: async (sql, ...params) => note('get', sql).then(() => tx.get(sql, ...params)),
        run: async (sql, ...params) => note('run', sql).then(() => tx.run(sql, ...params)),
      },
      inputs,
      read,
    )
  }
  const db = await openTestDatabase({ program: watched })
  const { signer } = keyFile(folder).open({ hasLog: false })
  const guard = forkGuard({
    dataDir: undefined,
    origin: signer.verifierKey.name,
    clock: clockFrom(),
    logger: processLogger({ level: 'fatal', format: 'text' }),
  })
  const clock = () => ({ nowMs: NOON_MS, isUncertain: false, newestMs: NOON_MS })
  const log = await openUnlockLog({ store: unlockStore(db), signer, clock, guard })
  await insertPerson(db, 'ada')
  const front = await insertLock(db, 'front-door')
  return {
    db,
    log,
    front,
    decide: (lock = 'front-door') => log.decide(attemptOf({ lock }), { account: idOf('ada') }),
    watch: (how: Watching): void => void (watching.now = how),
    /** Returns the statements of a program that ran for some work. */
    statementsOf: async (work: () => Promise<unknown>) => {
      seen.length = 0
      await work()
      return [...seen]
    },
    [Symbol.asyncDispose]: async () => {
      await db.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** The most events of a group: 240 unlocks with 240 attempts, or 480 reports. */
const GROUP = 480

describe('a group', () => {
  test('of 480 items takes as many reads as one of two, and one write for many rows', async () => {
    await using place = await watchedLog()
    const { log, db, front, decide, statementsOf } = place
    await insertGrant(db, { holder: 'role:member', locks: [front] })
    const times = (count: number, work: (at: number) => readonly Promise<unknown>[]) =>
      Promise.all(Array.from({ length: count }, (_, at) => work(at)).flat())
    let entries = 0
    const report = () =>
      log.report({
        lock: 'front-door',
        result: 'unlocked',
        reason: null,
        accountPublicId: NO_ACCOUNT,
        username: '',
        method: 'key',
        occurredAtMs: null,
        reporter: 'matter',
        entry: `entry ${(entries += 1)}`,
      })
    for (const group of [
      (size: number) => times(size / 2, () => [log.append([claimed(0, 'ada')]), decide()]),
      (size: number) => times(size, () => [report()]),
    ]) {
      await group(2)
      const sizes: number[] = []
      log.onCommit((size) => sizes.push(size))
      const few = await statementsOf(() => group(2))
      const many = await statementsOf(() => group(GROUP))
      expect(sizes).toHaveLength(2)
      const [fewReads, manyReads] = [few, many].map((all) => all.filter(isRead).length)
      // The summary of the log, which grows by 256 leaves at a time.
      expect(manyReads).toBeLessThanOrEqual((fewReads ?? 0) + 2)
      expect(many.length - few.length).toBeLessThan(GROUP / 10)
    }
  })

  test('whose leaves get receipts reads no node of the tree: their proofs come from the tree in memory', async () => {
    await using place = await watchedLog()
    const { log, statementsOf } = place
    await log.append(Array.from({ length: 100 }, (_, at) => claimed(at)))
    const seqs: number[] = []
    const statements = await statementsOf(() =>
      Promise.all(
        Array.from({ length: 64 }, async (_, at) => {
          const [outcome] = await log.appendWithReceipts([claimed(at)])
          seqs.push(outcome?.seq ?? -1)
          expect(outcome?.receipt).toStartWith('c2sp.org/tlog-proof@v1')
        }),
      ),
    )
    expect(seqs).toStrictEqual(Array.from({ length: 64 }, (_, at) => 100 + at))
    const ofTree = statements.filter(({ sql }) => sql.includes('tree_node'))
    expect(ofTree.length).toBeGreaterThan(0)
    expect(ofTree.filter(isRead)).toStrictEqual([])
  })

  test('whose last use someone else takes between its reads and its writes is planned again, and decides on what is there then', async () => {
    await using place = await watchedLog()
    const { log, db, front, decide, watch } = place
    const grant = await insertGrant(db, { holder: 'role:member', locks: [front], usesMax: 1 })
    const progress = { runs: 0, isTaken: false }
    // On a server this would be another connection; here, what it wrote is written again after each rollback.
    const take = (tx: Queries) => tx.run('UPDATE access_grant SET uses = 1 WHERE id = ?', grant)
    watch({
      beforeRun: async (tx) => {
        progress.runs += 1
        if (progress.isTaken) await take(tx)
      },
      beforeStatement: async (sql, tx) => {
        if (progress.isTaken || !sql.startsWith('UPDATE access_grant')) return
        progress.isTaken = true
        await take(tx)
      },
    })
    expect(await decide()).toMatchObject({
      status: 'stored',
      seq: 0,
      answer: { attempt: { decision: 'denied', reason: 'uses_spent' } },
    })
    expect(progress).toStrictEqual({ runs: 2, isTaken: true })
    expect((await log.head()).size).toBe(1)
    expect(await db.all('SELECT result, reason FROM unlock_event')).toStrictEqual([
      { result: 'denied', reason: 'uses_spent' },
    ])
    expect(await db.all('SELECT uses FROM access_grant')).toStrictEqual([{ uses: 1 }])
  })
})

const isRead = ({ how }: { readonly how: keyof Queries }): boolean => how !== 'run'
