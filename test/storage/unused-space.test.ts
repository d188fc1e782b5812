import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { copyDatabaseFile } from '../../src/storage/database-copy.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { returnUnusedSpace, unusedBytes } from '../../src/storage/unused-space.ts'
import { temporaryFolder } from '../support/binary.ts'

const MIB = 1024 ** 2

const inFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = temporaryFolder()
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes and deletes four mebibytes; returns the bytes of the file after that, and after its space
 * was returned. */
const bytesAround = async (path: string) => {
  const db = openDatabase(path)
  await db.run('CREATE TABLE filler (bytes BLOB)')
  await db.run('INSERT INTO filler VALUES (zeroblob(?))', 4 * MIB)
  await db.run('DELETE FROM filler')
  await db.checkpointWal()
  const before = statSync(path).size
  await returnUnusedSpace(db)
  await db.checkpointWal()
  const after = statSync(path).size
  const unused = await unusedBytes(db)
  // It still accepts writes: the file that became shorter is not taken for one that was cut.
  await db.run('INSERT INTO filler VALUES (zeroblob(1))')
  await db.close()
  return { before, after, unused }
}

describe('space that is no longer used', () => {
  test('[G3] goes back to the disk, and the database keeps working', () =>
    inFolder(async (folder) => {
      const { before, after, unused } = await bytesAround(join(folder, 'new.db'))
      expect(before).toBeGreaterThan(4 * MIB)
      expect(after).toBeLessThan(MIB)
      expect(unused).toBe(0)
    }))

  test('[G3] also in a database that an earlier version created, after its upgrade', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'old.db')
      const old = new Database(path)
      migrate(old, MIGRATIONS.slice(0, 8))
      old.close()
      expect((await bytesAround(path)).after).toBeLessThan(MIB)
    }))

  test('[G3] and in a copy, as a restored backup is one; without it, it is used for new data', () =>
    inFolder(async (folder) => {
      const [path, copy] = [join(folder, 'large.db'), join(folder, 'copy.db')]
      const large = new Database(path)
      migrate(large)
      large.close()
      const { before, after, unused } = await bytesAround(path)
      expect(after).toBe(before)
      expect(unused).toBeGreaterThan(4 * MIB)
      copyDatabaseFile(path, copy)
      using copied = new Database(copy)
      expect(copied.query('PRAGMA auto_vacuum').get()).toStrictEqual({ auto_vacuum: 2 })
      expect(statSync(copy).size).toBeLessThan(MIB)
    }))
})
