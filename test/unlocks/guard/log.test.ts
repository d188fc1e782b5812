import { describe, expect, test } from 'bun:test'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { HOUR_MS } from '../../../src/domain/duration.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { claimed, openLog, recordedLog } from '../../support/unlock-log.ts'

/** Creates a folder whose database has another log with the same key than the last one signed there. */
const forked = async (ours: number, theirs: number) => {
  const log = await recordedLog({ size: 4 })
  const other = log.copy()
  const grow = async (dataDir: string, count: number) => {
    const app = await openLog(dataDir)
    for (let seq = 0; seq < count; seq += 1) await app.unlocks.unlockLog.append([claimed(seq)])
    await app[Symbol.asyncDispose]()
  }
  await grow(log.dataDir, ours)
  await grow(other.dataDir, theirs)
  cpSync(other.database, log.database)
  return {
    dataDir: log.dataDir,
    [Symbol.dispose]: () => {
      other[Symbol.dispose]()
      log.remove()
    },
  }
}

describe('a log that does not continue what was signed', () => {
  for (const [what, ours, theirs] of [
    ['shorter', 5, 3],
    ['of the same size', 3, 3],
    ['larger', 3, 6],
  ] as const)
    test(`[G14] that is ${what} gets no signature, not even for an earlier size`, async () => {
      using fork = await forked(ours, theirs)
      await using app = await openLog(fork.dataDir)
      const { unlockLog, guard } = app.unlocks
      const stopped = { code: 'unavailable', reason: 'log_stopped' }
      for (const size of [1, 4, 4 + theirs - 1])
        expect(unlockLog.headAt(size)).rejects.toMatchObject(stopped)
      expect(unlockLog.append([claimed(1)])).rejects.toMatchObject(stopped)
      expect(unlockLog.appendWithReceipts([claimed(1)])).rejects.toMatchObject(stopped)
      // Its events and its newest checkpoint, which is signed already, can be read.
      expect((await unlockLog.headAt(99)).size).toBe(4 + theirs)
      expect((await unlockLog.consistency(1, 4)).length).toBeGreaterThan(0)
      expect(guard.found()).toMatchObject({ size: 4 + theirs, kept: { size: 4 + ours } })
    })
})

describe('a log that is taken back while processes serve', () => {
  test('[G14] to the last head that one of them stored itself is not continued if it has seen more', async () => {
    const folder = temporaryFolder()
    const dataDir = join(folder, 'data')
    {
      await using one = await openLog(dataDir)
      await using other = await openLog(dataDir)
      const { unlockLog } = one.unlocks
      await unlockLog.append([claimed(0)])
      const { checkpoint } = await unlockLog.head()
      await other.unlocks.unlockLog.append([claimed(1)])
      await unlockLog.requireContinued()
      await other.db.transaction(async (tx) => {
        await tx.run('DELETE FROM unlock_event WHERE seq >= 1')
        await tx.run('DELETE FROM tree_node')
        await tx.run('UPDATE log_head SET size = 1, checkpoint = ?', checkpoint)
      })
      const stopped = { code: 'unavailable', reason: 'log_stopped' }
      for (let times = 0; times < 2; times += 1)
        expect(await faultOf(unlockLog.append([claimed(2)]))).toMatchObject(stopped)
      expect(await unlockLog.head()).toMatchObject({ size: 1, checkpoint })
    }
    rmSync(folder, { recursive: true })
  })
})

const faultOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work
  } catch (error) {
    return error
  }
}

describe('the time of receipt', () => {
  test('[G14] of a process whose clock is behind what another has recorded does not run backwards', async () => {
    const folder = temporaryFolder()
    const dataDir = join(folder, 'data')
    const startMs = Date.UTC(2026, 10, 22, 12)
    const clock = { slow: startMs, right: startMs + HOUR_MS }
    {
      await using slow = await openLog(dataDir, { now: () => clock.slow })
      await using right = await openLog(dataDir, { now: () => clock.right })
      const record = (app: typeof slow) => app.unlocks.unlockLog.append([claimed(0)])
      await record(slow)
      await record(right)
      clock.slow += 1000
      await record(slow)
      await record(slow)
      clock.right += 1000
      await record(right)
      clock.slow += 2 * HOUR_MS
      await record(slow)
      const events = await slow.unlocks.store.page(-1, 9)
      expect(
        events.map(({ receivedAtMs, isTimeUncertain }) => [
          receivedAtMs - startMs,
          isTimeUncertain,
        ]),
      ).toStrictEqual([
        [0, false],
        [HOUR_MS, false],
        [HOUR_MS, true],
        [HOUR_MS, true],
        [HOUR_MS + 1000, false],
        [2 * HOUR_MS + 1000, true],
      ])
    }
    rmSync(folder, { recursive: true })
  })
})
