import { Database as Sqlite } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  copyDatabaseFile,
  databaseFileBytes,
  requireIntegrity,
} from '../../src/storage/database-copy.ts'
import { openDatabase, openReadOnly } from '../../src/storage/open.ts'
import { temporaryFolder } from '../support/binary.ts'

const inFolder = async (work: (folder: string) => Promise<void> | void): Promise<void> => {
  const folder = temporaryFolder()
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const fault = (work: () => void): string => {
  try {
    work()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

describe('a copy of a database', () => {
  test('[D3] is of one moment, includes what is only in the WAL, and nothing that was erased', () =>
    inFolder(async (folder) => {
      const [path, copy] = [join(folder, 'a.db'), join(folder, 'copy.db')]
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (text TEXT)')
      for (let row = 0; row < 200; row += 1)
        await db.run('INSERT INTO t VALUES (?)', `secret ${row}`)
      await db.run('DELETE FROM t WHERE rowid <= 100')
      writeFileSync(copy, 'what an earlier one left')
      copyDatabaseFile(path, copy)
      await db.run('DELETE FROM t')
      expect(statSync(copy).mode & 0o777).toBe(0o600)
      expect(databaseFileBytes(copy)).toBe(statSync(copy).size)
      const read = openReadOnly(copy)
      expect(await read.get('SELECT count(*) AS n, min(rowid) AS first FROM t')).toStrictEqual({
        n: 100,
        first: 101,
      })
      expect(read.schemaVersion).toBeGreaterThan(0)
      read.close()
      expect(readFileSync(copy).includes('secret 50')).toBe(false)
      await db.close()
    }))

  test('[D3, D4] of a damaged database is not created, and a damaged copy is detected', () =>
    inFolder(async (folder) => {
      const [path, copy] = [join(folder, 'a.db'), join(folder, 'copy.db')]
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (text TEXT)')
      for (let row = 0; row < 200; row += 1)
        await db.run('INSERT INTO t VALUES (?)', 'x'.repeat(500))
      await db.close()
      requireIntegrity(path)
      const bytes = readFileSync(path)
      bytes.fill(0xa5, bytes.length - 3 * 4096, bytes.length - 4096)
      writeFileSync(path, bytes)
      expect(fault(() => copyDatabaseFile(path, copy))).toContain('damaged')
      expect(existsSync(copy)).toBe(false)
      expect(fault(() => requireIntegrity(path))).toContain('damaged')
    }))

  test('says what is wrong with its source', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      expect(fault(() => copyDatabaseFile(path, join(folder, 'b.db')))).toContain(
        'cannot be opened',
      )
      writeFileSync(path, 'no database '.repeat(100))
      expect(fault(() => requireIntegrity(path))).toContain('damaged')
      expect(fault(() => openReadOnly(path).close())).toContain('damaged')
      rmSync(path)
      new Sqlite(path).run('CREATE TABLE t (n INTEGER)')
      expect(fault(() => openReadOnly(path).close())).toContain('the database of another program')
      await openDatabase(join(folder, 'c.db')).close()
      new Sqlite(join(folder, 'c.db')).run('PRAGMA user_version = 99')
      expect(fault(() => openReadOnly(join(folder, 'c.db')).close())).toContain('is newer than')
    }))
})
