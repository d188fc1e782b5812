import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { fairQueue } from '../../src/domain/fair-queue.ts'
import { until } from '../support/until.ts'

/** A queue whose work ends when the test says so. `begun` lists the keys in the order of their turns. */
const heldQueue = (bounds: Partial<Parameters<typeof fairQueue>[0]> = {}) => {
  const queue = fairQueue({
    concurrency: 1,
    concurrencyPerKey: 1,
    keysMax: 1000,
    workPerKeyMax: 1000,
    turnsMax: 1000,
    ...bounds,
  })
  const begun: string[] = []
  const running: { readonly key: string; readonly end: () => void }[] = []
  const submit = (key: string) =>
    queue.run(key, async () => {
      begun.push(key)
      await new Promise<void>((end) => running.push({ key, end }))
    })
  return { ...queue, begun, running, submit }
}

test('a key with one piece of work waits for one of every other key at most', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 }),
      async (sizes) => {
        const { begun, running, submit, load } = heldQueue()
        const all = sizes.flatMap((size, key) =>
          Array.from({ length: size }, () => submit(`greedy ${key}`)),
        )
        all.push(submit('modest'))
        while (load().running + load().waiting > 0) {
          running.shift()?.end()
          await Bun.sleep(0)
        }
        await Promise.all(all)
        // Each other key has one turn at most after the piece that was already running.
        expect(begun.indexOf('modest')).toBeLessThanOrEqual(sizes.length + 1)
      },
    ),
    { numRuns: 20 },
  )
})

test('work of one key runs one at a time, and other keys take the free places', async () => {
  const { running, submit, load } = heldQueue({ concurrency: 2 })
  const work = [submit('a'), submit('a'), submit('a'), submit('b')]
  await until(() => running.length === 2)
  expect(running.map(({ key }) => key).toSorted()).toStrictEqual(['a', 'b'])
  expect(load()).toStrictEqual({ running: 2, waiting: 2, refused: 0 })
  running.find(({ key }) => key === 'b')?.end()
  await work[3]
  expect(load()).toStrictEqual({ running: 1, waiting: 2, refused: 0 })
  for (const index of [0, 2, 3]) {
    await until(() => running.length > index)
    running[index]?.end()
  }
  await Promise.all(work)
  expect(load()).toStrictEqual({ running: 0, waiting: 0, refused: 0 })
})

test('what is too much is refused at once: of one key, and of too many keys', async () => {
  const { running, submit, load } = heldQueue({ keysMax: 2, workPerKeyMax: 2 })
  const taken = [submit('a'), submit('b'), submit('b')]
  const refusal = { code: 'unavailable', message: 'Server busy, try again' }
  expect(submit('b')).rejects.toMatchObject(refusal)
  expect(submit('c')).rejects.toMatchObject(refusal)
  expect(load().refused).toBe(2)
  for (const index of taken.keys()) {
    await until(() => running.length > index)
    running[index]?.end()
  }
  await Promise.all(taken)
  // Nothing is left of a key without work.
  const later = submit('c')
  await until(() => running.length === 4)
  running[3]?.end()
  await later
})

test('a new key goes before all that come again and again', async () => {
  const { begun, running, submit, load } = heldQueue()
  const work = Array.from({ length: 30 }, (_, index) => submit(`greedy ${index % 10}`))
  for (let turn = 0; turn < 15; turn += 1) {
    await until(() => running.length > turn)
    running[turn]?.end()
  }
  await until(() => begun.length === 16)
  work.push(submit('new'))
  for (let turn = 15; load().running > 0; turn += 1) {
    running[turn]?.end()
    await Bun.sleep(0)
  }
  await Promise.all(work)
  expect(begun.indexOf('new')).toBe(16)
})

test('no number of new keys keeps one waiting for ever that comes again', async () => {
  const { begun, running, submit, load } = heldQueue({ turnsMax: 5 })
  const work = [submit('again'), submit('again')]
  for (let turn = 0; !begun.slice(1).includes('again'); turn += 1) {
    work.push(submit(`new ${turn}`))
    await until(() => running.length > turn)
    running[turn]?.end()
    await Bun.sleep(0)
  }
  for (let turn = 0; load().running > 0; turn += 1) {
    running[turn]?.end()
    await Bun.sleep(0)
  }
  await Promise.all(work)
  expect(begun.lastIndexOf('again')).toBeLessThanOrEqual(1 + 5 + 1)
})

test('if too many keys wait, the one that had its turn last gives way, with all that waits', async () => {
  const { begun, running, submit, load } = heldQueue({ keysMax: 4 })
  const outcomes: string[] = []
  const begin = (key: string) =>
    submit(key).then(
      () => outcomes.push(`${key} done`),
      () => outcomes.push(`${key} refused`),
    )
  for (const key of ['a', 'b', 'c']) {
    const work = begin(key)
    await until(() => begun.includes(key))
    running.shift()?.end()
    await work
  }
  const work = [begin('x'), begin('a'), begin('b'), begin('b')]
  for (const [key, refused] of [
    ['c', []],
    ['y', ['c']],
    ['c', ['c']],
    ['z', ['b', 'b']],
    ['b', ['b']],
  ] as const) {
    outcomes.length = 0
    work.push(begin(key))
    await Bun.sleep(0)
    expect(outcomes).toStrictEqual(refused.map((one) => `${one} refused`))
  }
  expect(load()).toMatchObject({ running: 1, waiting: 3 })
  while (load().running > 0) {
    running.shift()?.end()
    await Bun.sleep(0)
  }
  await Promise.all(work)
  expect(begun.slice(3)).toStrictEqual(['x', 'y', 'z', 'a'])
})

test('a new key has the next turn, however many keys come again and again, with however much', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 2, max: 20 }),
      fc
        .integer({ min: 0, max: 60 })
        .chain((others) =>
          fc.array(fc.integer({ min: 0, max: others }), { minLength: 30, maxLength: 200 }),
        ),
      async (concurrency, waitingMax, arrivals) => {
        const queue = heldQueue({ concurrency, keysMax: concurrency + waitingMax })
        const { begun, running, submit, load } = queue
        const all: Promise<unknown>[] = []
        const begin = (key: string) => {
          const work = submit(key)
          all.push(work.catch(() => undefined))
          return work
        }
        // Everyone has had a turn before.
        for (const key of new Set(arrivals)) {
          const work = begin(`again ${key}`)
          await Bun.sleep(0)
          running.shift()?.end()
          await work
        }
        for (const key of arrivals) void begin(`again ${key}`).catch(() => undefined)
        await Bun.sleep(0)
        const before = begun.length
        const isFull = load().running === concurrency
        const stranger = begin('new')
        for (const key of arrivals) void begin(`again ${key}`).catch(() => undefined)
        if (isFull) running.shift()?.end()
        await Bun.sleep(0)
        expect(begun[before]).toBe('new')
        while (load().running > 0) {
          running.shift()?.end()
          await Bun.sleep(0)
        }
        await stranger
        await Promise.all(all)
      },
    ),
    { numRuns: 50 },
  )
})

test('the bounds hold whatever comes when, no free place waits for work, and every piece of work ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        concurrency: fc.integer({ min: 1, max: 4 }),
        concurrencyPerKey: fc.integer({ min: 1, max: 3 }),
        keysMax: fc.integer({ min: 1, max: 8 }),
        workPerKeyMax: fc.integer({ min: 1, max: 6 }),
        turnsMax: fc.integer({ min: 1, max: 12 }),
      }),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('end' as const)), {
        maxLength: 100,
      }),
      async (bounds, steps) => {
        const { running, submit, load } = heldQueue(bounds)
        let [begun, ended, refused] = [0, 0, 0]
        const open = new Map<number, number>()
        const count = (key: number, by: number) => open.set(key, (open.get(key) ?? 0) + by)
        const check = () => {
          const now = load()
          expect(now.running).toBe(running.length)
          expect(now.running).toBeLessThanOrEqual(bounds.concurrency)
          expect(now.running + now.waiting).toBe(begun - ended - refused)
          expect([...open.values()].filter((size) => size > 0).length).toBeLessThanOrEqual(
            bounds.keysMax,
          )
          expect(now.refused).toBe(refused)
          const ofKey = (key: number) => running.filter((one) => one.key === String(key)).length
          for (const [key, size] of open) {
            expect(size).toBeLessThanOrEqual(bounds.workPerKeyMax)
            expect(ofKey(key)).toBeLessThanOrEqual(bounds.concurrencyPerKey)
            if (now.running < bounds.concurrency && size > ofKey(key))
              expect(ofKey(key)).toBe(bounds.concurrencyPerKey)
          }
        }
        const finish = () => running.splice(Math.floor(running.length / 2), 1)[0]?.end()
        for (const step of steps) {
          if (step === 'end') finish()
          else {
            begun += 1
            count(step, 1)
            submit(String(step))
              .then(
                () => (ended += 1),
                () => (refused += 1),
              )
              .finally(() => count(step, -1))
          }
          await Bun.sleep(0)
          check()
        }
        while (load().running > 0) {
          finish()
          await Bun.sleep(0)
          check()
        }
        expect(ended + refused).toBe(begun)
      },
    ),
    { numRuns: 200 },
  )
})

test('work that fails frees its place', async () => {
  const { run, load } = heldQueue()
  expect(run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await run('a', () => Promise.resolve('yes'))).toBe('yes')
  expect(load()).toStrictEqual({ running: 0, waiting: 0, refused: 0 })
})
