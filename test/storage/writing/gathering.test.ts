import { describe, expect, jest, test } from 'bun:test'
import { writeQueue } from '../../../src/storage/writing/queue.ts'

describe('after a group of several, the next one waits for as many', () => {
  /** A queue whose clock and timers only the test moves, after a commit of two items that took that long, and
   * with a third item that waits. */
  const afterCommitOf = async (tookMs: number, work: (queue: Clocked) => Promise<void>) => {
    const clock = { now: 1000 }
    const groups: string[][] = []
    const { submit } = writeQueue({
      commit: async (choose: () => readonly string[]) => {
        const items = choose()
        groups.push([...items])
        clock.now += tookMs
        return items
      },
      sizeOf: () => 1,
      isUrgent: (item) => item === 'urgent',
      groupSizeMax: 10,
      waitingSizeMax: 100,
      waitMsMax: 60_000,
      monotonic: () => clock.now,
    })
    const submitted = async (...items: readonly string[]) => {
      for (const item of items) void submit(item)
      await turns()
    }
    const passes = async (ms: number) => {
      clock.now += ms
      jest.advanceTimersByTime(ms)
      await turns()
    }
    jest.useFakeTimers()
    try {
      await submitted('a', 'b')
      await submitted('c')
      await work({ submitted, passes, next: () => groups[1] })
    } finally {
      jest.useRealTimers()
    }
  }

  type Clocked = {
    readonly submitted: (...items: readonly string[]) => Promise<void>
    readonly passes: (ms: number) => Promise<void>
    /** The group after the first one, if there is one yet. */
    readonly next: () => readonly string[] | undefined
  }

  const turns = async () => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((next) => setImmediate(next))
  }

  for (const [tookMs, waitMs] of [
    [20, 5],
    [40, 10],
    // However long it took.
    [3000, 10],
    // The shortest wait.
    [10, 2.5],
  ] as const)
    test(`${waitMs} ms after a commit of ${tookMs} ms`, () =>
      afterCommitOf(tookMs, async ({ passes, next }) => {
        await passes(waitMs - 1)
        expect(next()).toBeUndefined()
        await passes(1)
        expect(next()).toStrictEqual(['c'])
      }))

  test('not at all if that would be shorter, as on a fast disk', () =>
    afterCommitOf(9.9, async ({ next }) => {
      expect(next()).toStrictEqual(['c'])
    }))

  test('and no longer than until as many are there', () =>
    afterCommitOf(3000, async ({ submitted, next }) => {
      expect(next()).toBeUndefined()
      await submitted('d')
      expect(next()).toStrictEqual(['c', 'd'])
    }))

  test('nor once something urgent is there', () =>
    afterCommitOf(3000, async ({ submitted, next }) => {
      expect(next()).toBeUndefined()
      await submitted('urgent')
      expect(next()).toStrictEqual(['c', 'urgent'])
    }))

  test('and also for those that waited during the commit: otherwise clients would stay in two groups for ever', async () => {
    const clock = { now: 1000 }
    const groups: string[][] = []
    const arrive = Promise.withResolvers<void>()
    const { submit, drained } = writeQueue({
      commit: async (choose: () => readonly string[]) => {
        const items = choose()
        groups.push([...items])
        if (groups.length === 1) await arrive.promise
        clock.now += 3000
        return items
      },
      sizeOf: () => 1,
      groupSizeMax: 10,
      waitingSizeMax: 100,
      waitMsMax: 60_000,
      monotonic: () => clock.now,
    })
    const first = ['a', 'b'].map(submit)
    await turns()
    const waiting = submit('c')
    arrive.resolve()
    await Promise.all(first)
    const again = submit('a again')
    await turns()
    expect(groups).toHaveLength(1)
    await Promise.all([submit('b again'), again, waiting])
    expect(groups).toStrictEqual([
      ['a', 'b'],
      ['c', 'a again', 'b again'],
    ])
    await drained()
  })
})
