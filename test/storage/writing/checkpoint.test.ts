import { expect, test } from 'bun:test'
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
