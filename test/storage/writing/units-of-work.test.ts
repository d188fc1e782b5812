import { expect, test } from 'bun:test'
import { Database as Sqlite } from 'bun:sqlite'
import { databaseOn } from '../../../src/storage/open.ts'
import type { Program } from '../../../src/storage/writing/writer.ts'

const opened = async (program?: Program) => {
  const db = databaseOn(new Sqlite(':memory:', { strict: true }), program ? { program } : {})
  await db.run('CREATE TABLE t (n INTEGER)')
  return db
}

const inputOf = (n: number) => ({ input: () => n, size: 1, account: 'ada' })

test('a unit of work that waits for something else is rolled back after a second, and writes no more', async () => {
  const db = await opened()
  const something = Promise.withResolvers<void>()
  const stalling = db.transaction(async (tx) => {
    await tx.run('INSERT INTO t VALUES (1)')
    await something.promise
    await tx.run('INSERT INTO t VALUES (2)')
  })
  const behind = db.run('INSERT INTO t VALUES (3)')
  expect(stalling).rejects.toThrow('waited for something other than its statements')
  expect(await behind).toBe(1)
  something.resolve()
  await Bun.sleep(10)
  expect(await db.all('SELECT n FROM t')).toStrictEqual([{ n: 3 }])
})

test('a program whose condition no longer holds is undone, and runs again', async () => {
  let runs = 0
  const db = await opened(async (tx, inputs) => {
    runs += 1
    await tx.run('INSERT INTO t VALUES (?)', runs)
    return runs < 3 ? undefined : { outcomes: inputs.map((input) => `${String(input)} in ${runs}`) }
  })
  expect(await db.append(inputOf(7))).toBe('7 in 3')
  expect(await db.all('SELECT n FROM t')).toStrictEqual([{ n: 3 }])
})

test('a program whose condition never holds is refused, and the units of work in its group are kept', async () => {
  const db = await opened(async (tx) => {
    await tx.run('INSERT INTO t VALUES (1)')
    return undefined
  })
  const [work, appended] = await Promise.allSettled([
    db.run('INSERT INTO t VALUES (2)'),
    db.append(inputOf(7)),
  ])
  expect(work.status).toBe('fulfilled')
  expect(appended).toMatchObject({ reason: { code: 'unavailable' } })
  expect(await db.all('SELECT n FROM t')).toStrictEqual([{ n: 2 }])
})

test('a transaction that ends too early fails its whole group, even if a unit of work ignores the error', async () => {
  const db = await opened()
  const outcomes = await Promise.allSettled([
    db.run('INSERT INTO t VALUES (1)'),
    // As SQLite itself does after some disk errors.
    db.transaction(async (tx) => {
      await tx.run('ROLLBACK')
      await tx.run('INSERT INTO t VALUES (2)').catch(() => {})
    }),
  ])
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'unavailable' } })
  expect(await db.all('SELECT n FROM t')).toStrictEqual([])
  expect(await db.run('INSERT INTO t VALUES (3)')).toBe(1)
})

const leafOf = (n: number, seen: unknown[]) => ({
  input: () => n,
  onCommit: (outcome: unknown) => void seen.push(outcome),
})

test('what a unit of work appends comes before other appends, in the same COMMIT, and its outcome after it', async () => {
  const db = await opened(async (_, inputs) => ({
    outcomes: inputs.map((input, at) => `${String(input)} at ${at}`),
  }))
  const seen: unknown[] = []
  const [appended] = await Promise.all([
    db.append(inputOf(1)),
    db.transaction(async (tx) => tx.append(leafOf(2, seen))),
    db.transaction(async (tx) => tx.append(leafOf(3, seen))),
  ])
  expect(seen).toStrictEqual(['2 at 0', '3 at 1'])
  expect(appended).toBe('1 at 2')
})

test('a unit of work that fails appends nothing', async () => {
  const db = await opened(async (_, inputs) => ({ outcomes: inputs }))
  const seen: unknown[] = []
  const [failed, appended] = await Promise.allSettled([
    db.transaction(async (tx) => {
      tx.append(leafOf(2, seen))
      throw new Error('no such grant')
    }),
    db.append(inputOf(1)),
  ])
  expect(failed).toMatchObject({ reason: { message: 'no such grant' } })
  expect(appended).toMatchObject({ value: 1 })
  expect(seen).toStrictEqual([])
})

test('a unit of work whose leaf cannot be appended is undone', async () => {
  const db = await opened(async () => {
    throw new Error('the log is stopped')
  })
  const seen: unknown[] = []
  const [work] = await Promise.allSettled([
    db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      tx.append(leafOf(2, seen))
    }),
  ])
  expect(work).toMatchObject({ reason: { message: 'the log is stopped' } })
  expect(seen).toStrictEqual([])
  expect(await db.all('SELECT n FROM t')).toStrictEqual([])
})
