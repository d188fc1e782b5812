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
  const taken = [submit('a'), submit('a'), submit('b')]
  const refusal = { code: 'unavailable', message: 'Server busy, try again' }
  expect(submit('a')).rejects.toMatchObject(refusal)
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
  const { begun, running, submit, load } = heldQueue({ keysMax: 5 })
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

test('work that fails frees its place', async () => {
  const { run, load } = heldQueue()
  expect(run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await run('a', () => Promise.resolve('yes'))).toBe('yes')
  expect(load()).toStrictEqual({ running: 0, waiting: 0, refused: 0 })
})
