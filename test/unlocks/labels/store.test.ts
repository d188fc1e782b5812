import { describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../../src/domain/duration.ts'
import { lockLabels } from '../../../src/unlocks/labels/store.ts'
import { claimed } from '../../support/unlock-log.ts'
import { type TestApp, startApp } from '../../support/app.ts'

/** Appends unlocks of these labels, as often as given, one after the other in turn. */
const unlockEach = async (app: TestApp, times: Readonly<Record<string, number>>, from = 0) => {
  const rounds = Math.max(...Object.values(times))
  const labels = Array.from({ length: rounds }, (_, round) =>
    Object.keys(times).filter((label) => round < (times[label] ?? 0)),
  ).flat()
  await app.unlocks.unlockLog.append(labels.map((lock, at) => ({ ...claimed(from + at), lock })))
}

describe('labels of locks in the log', () => {
  test('are ranked by their unlocks from a time of receipt on, without refusals, whether summed up yet or not', async () => {
    await using app = await startApp()
    const labels = lockLabels(app.db)
    await unlockEach(app, { old: 300, gate: 300 })
    app.clock.nowMs += DAY_MS
    app.clock.passedMs += DAY_MS
    const sinceMs = app.clock.nowMs
    await unlockEach(app, { gate: 310, cellar: 40, side: 40 }, 1000)
    await app.unlocks.unlockLog.append([
      { ...claimed(2000), lock: 'cellar', result: 'denied', reason: null },
    ])
    const told: number[][] = []
    const mostUsed = (since: number, limit = 10) =>
      labels.mostUsed({ sinceMs: since, limit, onProgress: (...done) => void told.push(done) })
    expect(await mostUsed(sinceMs)).toStrictEqual(['gate', 'cellar', 'side'])
    expect(await mostUsed(sinceMs, 2)).toStrictEqual(['gate', 'cellar'])
    expect(await mostUsed(0)).toStrictEqual(['gate', 'old', 'cellar', 'side'])
    expect(told).toStrictEqual([
      [391, 391],
      [391, 391],
      [991, 991],
    ])
    expect(await mostUsed(sinceMs + 1)).toStrictEqual([])
    // Both the summary and what is beside it took part.
    const [row] = await app.db.all<{ size: number }>('SELECT size FROM unlock_summary')
    expect(row?.size).toBeWithin(600, 991)
  })

  test('that have no lock are listed most recently used first, with when each was last used', async () => {
    await using app = await startApp()
    const labels = lockLabels(app.db)
    expect(await labels.others([], 10)).toStrictEqual([])
    await unlockEach(app, { gate: 300, old: 300 })
    const oldMs = app.clock.nowMs
    app.clock.nowMs += 1000
    app.clock.passedMs += 1000
    await unlockEach(app, { gate: 1, cellar: 1 }, 1000)
    const newMs = app.clock.nowMs
    expect(await labels.others(['gate'], 10)).toStrictEqual([
      { label: 'cellar', lastAtMs: newMs },
      { label: 'old', lastAtMs: oldMs },
    ])
    expect(await labels.others([], 2)).toStrictEqual([
      { label: 'cellar', lastAtMs: newMs },
      { label: 'gate', lastAtMs: newMs },
    ])
    expect(await labels.others(['cellar', 'gate', 'old'], 10)).toStrictEqual([])
  })
})
