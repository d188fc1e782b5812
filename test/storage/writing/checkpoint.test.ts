import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase, openWriter } from '../../../src/storage/open.ts'
import { temporaryFolder } from '../../support/binary.ts'

/** After as many pages, SQLite makes a checkpoint by itself, unless it is told otherwise. */
const SQLITE_PAGES = 1000
const PAGE_BYTES = 4096
const COMMITS = 50
/** More than the pages above, all commits together. */
const EACH_BYTES = (2 * SQLITE_PAGES * PAGE_BYTES) / COMMITS

test('[D1] no COMMIT makes a checkpoint, however long the WAL is: the file changes only between them', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'a.db')
  await openDatabase(path).close()
  const inFile = () => Bun.hash(readFileSync(path))
  const program = () => Promise.resolve({ outcomes: [] })
  const writer = openWriter(path, program)
  const commit = () => writer.commit([], { waitMs: undefined, isWhole: true })
  await writer.begin(0)
  await writer.query('run', 'CREATE TABLE filler (bytes BLOB)', [])
  await commit()
  const before = inFile()
  for (let done = 0; done < COMMITS; done += 1) {
    await writer.begin(0)
    await writer.query('run', 'INSERT INTO filler VALUES (randomblob(?))', [EACH_BYTES])
    await commit()
    expect(inFile()).toBe(before)
  }
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(SQLITE_PAGES * PAGE_BYTES)
  expect(await writer.writeWalBack()).toBe(0)
  expect(inFile()).not.toBe(before)
  await writer.close(false)
  rmSync(folder, { recursive: true })
})

describe('between two groups there is a checkpoint', () => {
  /** Returns true if the file changes between a group that fills so many pages of the WAL and the next group. */
  const isBetween = async (pages: number, isUrgent: boolean): Promise<boolean> => {
    const folder = temporaryFolder()
    const path = join(folder, 'a.db')
    await openDatabase(path).close()
    const inFile = () => Bun.hash(readFileSync(path))
    let [filled, next] = [0n, 0n] as (number | bigint)[]
    const program = async (_: unknown, inputs: readonly unknown[]) => {
      next = inFile()
      return { outcomes: inputs }
    }
    const db = openDatabase(path, { program })
    let appended: Promise<unknown> | undefined
    await db.transaction(async (tx) => {
      await tx.run('CREATE TABLE filler (bytes BLOB)')
      await tx.run('INSERT INTO filler VALUES (randomblob(?))', pages * PAGE_BYTES)
      appended = db.append({ input: () => 'a', size: 1, account: 'ada', isUrgent })
      filled = inFile()
    })
    await appended
    await db.close()
    rmSync(folder, { recursive: true })
    return filled !== next
  }

  test('unless something urgent waits', async () => {
    expect(await isBetween(SQLITE_PAGES + 100, false)).toBe(true)
    expect(await isBetween(SQLITE_PAGES + 100, true)).toBe(false)
  })

  test('even if something urgent waits, once the WAL is twice as long', async () => {
    expect(await isBetween(2 * SQLITE_PAGES + 100, true)).toBe(true)
  })
})
