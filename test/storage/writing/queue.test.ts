import { describe, expect, jest, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { writeQueue } from '../../../src/storage/writing/queue.ts'

/** A commit that remembers its groups, and fails for those that contain a failing item. */
const recording = (
  limits: {
    groupSizeMax?: number
    waitingSizeMax?: number
    waitMsMax?: number
    monotonic?: () => number
    accountOf?: (item: string) => string
    isUrgent?: (item: string) => boolean
    sizeOf?: (item: string) => number
  } = {},
  failsAt = '',
) => {
  const groups: string[][] = []
  const group = writeQueue({
    commit: async (choose: () => readonly string[]) => {
      const items = choose()
      groups.push([...items])
      await Bun.sleep(1)
      if (items.includes(failsAt)) throw new Error('the disk is full')
      return items.map((item) => item.toUpperCase())
    },
    sizeOf: (item) => item.length,
    groupSizeMax: 10,
    waitingSizeMax: 100,
    waitMsMax: 60_000,
    ...limits,
  })
  return { ...group, groups }
}

describe('writes that share a commit', () => {
  test('share it if they arrive together, and each gets its own outcome', async () => {
    const { submit, groups } = recording()
    expect(await Promise.all(['a', 'b', 'c'].map(submit))).toStrictEqual(['A', 'B', 'C'])
    expect(groups).toStrictEqual([['a', 'b', 'c']])
  })

  test('keep their order of arrival, in groups of bounded size', async () => {
    const { submit, groups } = recording({ groupSizeMax: 2 })
    const answered: string[] = []
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map(async (item) => answered.push(await submit(item))),
    )
    expect(groups).toStrictEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(answered).toStrictEqual(['A', 'B', 'C', 'D', 'E'])
  })

  test('are weighed: a large one is committed alone, small ones together', async () => {
    const { submit, groups } = recording({ groupSizeMax: 3 })
    await Promise.all(['a', 'bb', 'cc', 'd', 'eeeee', 'f'].map(submit))
    expect(groups).toStrictEqual([['a', 'bb'], ['cc', 'd'], ['eeeee'], ['f']])
  })

  test('that arrive during a commit form the next group', async () => {
    const { submit, groups } = recording()
    const first = submit('a')
    while (groups.length === 0) await Bun.sleep(0)
    const second = submit('b')
    expect(await Promise.all([first, second])).toStrictEqual(['A', 'B'])
    expect(groups).toStrictEqual([['a'], ['b']])
  })

  test('are refused at once if too many wait, and those that wait are unaffected', async () => {
    const { submit, groups } = recording({ waitingSizeMax: 2 })
    const waiting = [submit('a'), submit('b')]
    const refused: unknown = await submit('c').catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(AppError)
    expect(refused).toMatchObject({ code: 'unavailable' })
    expect(await Promise.all(waiting)).toStrictEqual(['A', 'B'])
    expect(await submit('d')).toBe('D')
    expect(groups).toStrictEqual([['a', 'b'], ['d']])
  })

  test('are refused if their turn comes too late, and later ones still get theirs', async () => {
    const clock = { now: 0 }
    const limits = { groupSizeMax: 1, waitMsMax: 1000, monotonic: () => clock.now }
    const { submit, groups } = recording(limits)
    const first = submit('a')
    while (groups.length === 0) await Bun.sleep(0)
    const second = submit('b')
    clock.now += 1001
    const third = submit('c')
    expect(second).rejects.toMatchObject({ code: 'unavailable' })
    expect([await first, await third]).toStrictEqual(['A', 'C'])
    expect(groups).toStrictEqual([['a'], ['c']])
  })

  test('[G7] that are lone do not wait behind the batches of others, which get every second group', async () => {
    const { submit, groups } = recording({ groupSizeMax: 3, accountOf: (item) => item[0] ?? '' })
    const batches = ['aaa', 'bbb', 'ccc'].map(submit)
    while (groups.length === 0) await Bun.sleep(0)
    const arriving: Promise<string>[] = ['d', 'e'].map(submit)
    while (groups.length < 2) await Bun.sleep(0)
    arriving.push(submit('f'))
    while (groups.length < 3) await Bun.sleep(0)
    arriving.push(submit('g'))
    await Promise.all([...batches, ...arriving])
    expect(groups).toStrictEqual([['aaa'], ['d', 'e'], ['f', 'bbb'], ['g'], ['ccc']])
  })

  test('[G7] keep the order of their account, whether they are lone or batches', async () => {
    const { submit, groups } = recording({ groupSizeMax: 3, accountOf: (item) => item[0] ?? '' })
    await Promise.all(['x', 'aaa', 'bbb', 'a', 'b', 'bb', 'y', 'yy', 'c'].map(submit))
    const committed = groups.flat()
    for (const account of [
      ['aaa', 'a'],
      ['bbb', 'b', 'bb'],
      ['y', 'yy'],
    ])
      expect(committed.filter((item) => account.includes(item))).toStrictEqual(account)
    expect(groups[0]).toStrictEqual(['x', 'y', 'c'])
  })

  test('[G7] that are lone find room beside any number of batches, and one account does not take all of it', async () => {
    const limits = {
      groupSizeMax: 5,
      waitingSizeMax: 20,
      accountOf: (item: string) => item[0] ?? '',
    }
    const { submit } = recording(limits)
    const refusal = (item: string) => submit(item).catch((error: unknown) => error)
    const waiting = ['aaaaa', 'aaaaa', 'bbbbb', 'ccccc'].map(submit)
    expect(await refusal('ddddd')).toMatchObject({ code: 'unavailable' })
    waiting.push(submit('d'), submit('a'))
    expect(await Promise.all(waiting)).toStrictEqual(['AAAAA', 'AAAAA', 'BBBBB', 'CCCCC', 'D', 'A'])
    const half = ['aaaaa', 'aaaaa'].map(submit)
    expect(await refusal('aa')).toMatchObject({ code: 'unavailable' })
    expect(await Promise.all([...half, submit('bbbbb')])).toStrictEqual(['AAAAA', 'AAAAA', 'BBBBB'])
  })

  test('that are urgent get every second group to themselves, with what their account sent before and after', async () => {
    const { submit, groups } = recording({
      accountOf: (item) => item.slice(0, 1),
      isUrgent: (item) => item.endsWith('!'),
      sizeOf: () => 1,
    })
    const first = submit('a1')
    while (groups.length === 0) await Bun.sleep(0)
    const others = ['b1', 'c1', 'd1', 'c!', 'c2', 'b2'].map(submit)
    while (groups.length === 1) await Bun.sleep(0)
    const later = ['e!', 'b3'].map(submit)
    await Promise.all([first, ...others, ...later])
    expect(groups).toStrictEqual([['a1'], ['c1', 'c!', 'c2'], ['b1', 'd1', 'b2', 'e!', 'b3']])
  })

  test('that are urgent wait with the others if their account sent more than a group takes', async () => {
    const { submit, groups } = recording({
      accountOf: (item) => item.slice(0, 1),
      isUrgent: (item) => item.endsWith('!'),
      sizeOf: () => 1,
      groupSizeMax: 2,
    })
    const first = submit('a1')
    while (groups.length === 0) await Bun.sleep(0)
    await Promise.all([first, ...['b1', 'c1', 'c2', 'c!'].map(submit)])
    expect(groups).toStrictEqual([['a1'], ['b1', 'c1'], ['c2', 'c!']])
  })

  test('fail together if their commit fails, and the next group continues', async () => {
    const { submit, groups } = recording({ groupSizeMax: 2 }, 'b')
    const settled = await Promise.allSettled(['a', 'b', 'c'].map(submit))
    expect(settled.map(({ status }) => status)).toStrictEqual(['rejected', 'rejected', 'fulfilled'])
    expect(groups).toStrictEqual([['a', 'b'], ['c']])
    expect(await submit('d')).toBe('D')
  })

  test('without an outcome are not reported as written', async () => {
    const { submit } = writeQueue({
      commit: async (choose: () => readonly string[]) => choose().slice(1),
      sizeOf: () => 1,
      groupSizeMax: 10,
      waitingSizeMax: 10,
      waitMsMax: 60_000,
    })
    expect(submit('a')).rejects.toThrow('too few outcomes')
  })

  test('are all answered before it counts as drained, including those that arrived meanwhile', async () => {
    const { submit, drained } = recording({ groupSizeMax: 1 })
    const answered: string[] = []
    const submitted = ['a', 'b'].map(async (item) => answered.push(await submit(item)))
    setTimeout(() => submitted.push(submit('c').then((one) => answered.push(one))), 1)
    await drained()
    expect(answered).toStrictEqual(['A', 'B', 'C'])
    await drained()
  })
})

describe('a slow disk', () => {
  /** A commit that ends when the test lets it. */
  const slowly = (
    options: { readonly waitMsMax?: number; readonly monotonic?: () => number } = {},
  ) => {
    const groups: string[][] = []
    const disk = { answer: () => {} }
    const queue = writeQueue({
      commit: async (choose: () => readonly string[]) => {
        const items = choose()
        groups.push([...items])
        await new Promise<void>((resolve) => (disk.answer = resolve))
        return items
      },
      sizeOf: () => 1,
      groupSizeMax: 10,
      waitingSizeMax: 100,
      waitMsMax: 60_000,
      ...options,
    })
    const committed = async (count: number) => {
      while (groups.length < count) await Bun.sleep(1)
    }
    return { ...queue, groups, disk, committed }
  }

  test('clients that were just answered and write again share the next group', async () => {
    const { submit, groups, disk, committed } = slowly()
    const first = ['a', 'b', 'c'].map(submit)
    await committed(1)
    const late = submit('d')
    await Bun.sleep(40)
    disk.answer()
    await Promise.all(first)
    // One after another, as over connections.
    const again: Promise<string>[] = []
    for (const item of ['e', 'f']) {
      await new Promise((turn) => setImmediate(turn))
      again.push(submit(item))
    }
    await committed(2)
    expect(groups[1]).toStrictEqual(['d', 'e', 'f'])
    disk.answer()
    await Promise.all([late, ...again])
  })

  test('after a group of one, nothing waits for more', async () => {
    const { submit, groups, disk, committed } = slowly()
    for (const [count, item] of ['a', 'b'].entries()) {
      const written = submit(item)
      await committed(count + 1)
      await Bun.sleep(40)
      disk.answer()
      await written
    }
    const [first] = [submit('c')]
    await new Promise((turn) => setImmediate(turn))
    await new Promise((turn) => setImmediate(turn))
    expect(groups).toStrictEqual([['a'], ['b'], ['c']])
    disk.answer()
    await first
  })

  test('an item that waits too long is refused while the disk still does not answer', async () => {
    const { submit, disk, committed } = slowly({ waitMsMax: 20 })
    const first = submit('a')
    await committed(1)
    expect(submit('b')).rejects.toMatchObject({ code: 'unavailable' })
    await Bun.sleep(60)
    disk.answer()
    expect(await first).toBe('a')
  })

  test('each item that waits is refused after its own time, not that of the one before it', async () => {
    const clock = { now: 0 }
    const { submit } = slowly({ waitMsMax: 100, monotonic: () => clock.now })
    const refused: string[] = []
    const waits = (item: string) => void submit(item).catch(() => refused.push(item))
    const passes = async (ms: number): Promise<void> => {
      clock.now += ms
      jest.advanceTimersByTime(ms)
      for (let turn = 0; turn < 5; turn += 1) await new Promise((next) => setImmediate(next))
    }
    jest.useFakeTimers()
    try {
      waits('is being written')
      await passes(0)
      waits('b')
      await passes(60)
      waits('c')
      await passes(45)
      expect(refused).toStrictEqual(['b'])
      await passes(60)
      expect(refused).toStrictEqual(['b', 'c'])
    } finally {
      jest.useRealTimers()
    }
  })

  test('once it is closed, what waits is refused, and what is being written is not', async () => {
    const { submit, close, disk, committed } = slowly()
    const first = submit('a')
    await committed(1)
    const waiting = submit('b')
    close()
    expect(waiting).rejects.toThrow('The server is stopping')
    expect(submit('c')).rejects.toThrow('The server is stopping')
    disk.answer()
    expect(await first).toBe('a')
  })
})
