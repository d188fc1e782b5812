import { Database as Sqlite } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyPages } from '../../../src/storage/backup/page-copy.ts'
import { openDatabase } from '../../../src/storage/open.ts'
import { temporaryFolder } from '../../support/binary.ts'

const ROUNDS = 20

/** Adds pairs of rows in one transaction each until it is killed. */
const WRITER = `
  import { Database } from 'bun:sqlite'
  const db = new Database(process.argv[1], { strict: true })
  db.run('PRAGMA busy_timeout = 5000')
  db.run('PRAGMA synchronous = 0')
  db.run('PRAGMA wal_autocheckpoint = 50')
  const add = db.transaction((n) => {
    db.run('INSERT INTO one VALUES (?, randomblob(900))', [n])
    db.run('UPDATE other SET n = ?', [n])
  })
  for (let n = 1; ; n += 1) add.immediate(n)`

test('[D3] a copy of the pages is of one moment, however fast another process writes and makes checkpoints', async () => {
  const folder = temporaryFolder()
  const [path, copy] = [join(folder, 'a.db'), join(folder, 'copy.db')]
  const db = openDatabase(path)
  await db.run('CREATE TABLE one (n INTEGER PRIMARY KEY, bytes BLOB)')
  await db.run('CREATE TABLE other (n INTEGER)')
  await db.run('INSERT INTO other VALUES (0)')
  const writer = Bun.spawn([process.execPath, '-e', WRITER, path], { stdin: 'ignore' })
  try {
    let last = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      do await Bun.sleep(1)
      while (((await db.get<{ n: number }>('SELECT n FROM other'))?.n ?? 0) <= last)
      // In a later turn, because in this one the process still reads from the WAL.
      await Bun.sleep(1)
      writeFileSync(copy, '')
      expect(copyPages(path, copy)).toBe(true)
      using copied = new Sqlite(copy, { strict: true })
      const verdict = copied.query('PRAGMA integrity_check(1)').get()
      expect(verdict).toStrictEqual({ integrity_check: 'ok' })
      const rows = copied
        .query<{ rows: number; last: number; other: number }, []>(
          `SELECT count(*) AS rows, max(n) AS last, (SELECT n FROM other) AS other FROM one`,
        )
        .get()
      expect(rows?.other).toBeGreaterThan(last)
      last = rows?.other ?? 0
      expect(rows).toStrictEqual({ rows: last, last, other: last })
      expect(copied.query('PRAGMA journal_mode').get()).toStrictEqual({ journal_mode: 'delete' })
    }
  } finally {
    writer.kill()
    await writer.exited
    await db.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('[D3] while another process reads from the WAL, no pages are copied', async () => {
  const folder = temporaryFolder()
  const [path, copy] = [join(folder, 'a.db'), join(folder, 'copy.db')]
  const db = openDatabase(path)
  await db.run('CREATE TABLE t (n INTEGER)')
  const other = new Sqlite(path, { strict: true })
  other.run('BEGIN')
  other.query('SELECT * FROM t').all()
  await db.run('INSERT INTO t VALUES (1)')
  writeFileSync(copy, '')
  expect(copyPages(path, copy)).toBe(false)
  other.run('COMMIT')
  other.close(true)
  expect(copyPages(path, copy)).toBe(true)
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})
