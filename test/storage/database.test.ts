import { Database as Sqlite } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version as serverVersion } from '../../package.json'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { makePrivateFolder, secretFile } from '../../src/storage/files/private-files.ts'
import { temporaryFolder } from '../support/binary.ts'

const inFolder = async (work: (folder: string) => Promise<void> | void): Promise<void> => {
  const folder = temporaryFolder()
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('transactions', () => {
  test('work that fails leaves nothing behind', () =>
    inFolder(async (folder) => {
      const db = openDatabase(join(folder, 'a.db'))
      await db.run('CREATE TABLE t (n INTEGER)')
      const failing = db.transaction(async (tx) => {
        await tx.run('INSERT INTO t VALUES (1)')
        throw new Error('no')
      })
      expect(failing).rejects.toThrow('no')
      expect(await db.all('SELECT * FROM t')).toStrictEqual([])
      await db.run('INSERT INTO t VALUES (2)')
      expect(await db.all<{ n: number }>('SELECT n FROM t')).toStrictEqual([{ n: 2 }])
      await db.close()
    }))

  test('that arrive together share a COMMIT, and a failing one rolls back only its own writes', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (n INTEGER UNIQUE)')
      using other = new Sqlite(path)
      const stored = other.query<{ n: number }, []>('SELECT count(*) AS n FROM t')
      const add = async (n: number) => {
        await db.transaction(async (tx) => {
          await tx.run('INSERT INTO t VALUES (?)', -n)
          await tx.run('INSERT INTO t VALUES (?)', n % 3)
        })
        return stored.get()?.n
      }
      const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(add))
      // The fourth to sixth violate the unique constraint.
      expect(
        outcomes.map((one) => (one.status === 'fulfilled' ? one.value : 'failed')),
      ).toStrictEqual([6, 6, 6, 'failed', 'failed', 'failed'])
      const rows = await db.all<{ n: number }>('SELECT n FROM t ORDER BY n')
      expect(rows.map(({ n }) => n)).toStrictEqual([-3, -2, -1, 0, 1, 2])
      await db.close()
    }))

  test('run one after another, and nobody sees them half-done', () =>
    inFolder(async (folder) => {
      const db = openDatabase(join(folder, 'a.db'))
      await db.run('CREATE TABLE t (n INTEGER)')
      const pair = async () =>
        db.transaction(async (tx) => {
          await tx.run('INSERT INTO t VALUES (1)')
          await Bun.sleep(1)
          await tx.run('INSERT INTO t VALUES (2)')
        })
      const done = Promise.all(Array.from({ length: 10 }, pair))
      for (let look = 0; look < 20; look++) {
        const row = await db.get<{ n: number }>('SELECT count(*) AS n FROM t')
        expect((row?.n ?? 1) % 2).toBe(0)
        await Bun.sleep(1)
      }
      await done
      const all = await db.all<{ n: number }>('SELECT n FROM t ORDER BY rowid')
      expect(all.map(({ n }) => n)).toStrictEqual(
        Array.from({ length: 20 }, (_, at) => (at % 2) + 1),
      )
      await db.close()
    }))

  test('[D4] wait for another program’s lock without stopping reads, then say so', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (n INTEGER)')
      const other = new Sqlite(path)
      other.run('BEGIN IMMEDIATE')
      const write = db.run('INSERT INTO t VALUES (1)')
      expect(await db.all('SELECT * FROM t')).toStrictEqual([])
      await Bun.sleep(100)
      other.run('COMMIT')
      expect(await write).toBe(1)
      other.close()
      await db.close()
    }))

  test('[D4] are refused after three seconds if another program keeps its lock', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (n INTEGER)')
      using other = new Sqlite(path)
      other.run('BEGIN IMMEDIATE')
      const begunMs = performance.now()
      const refused = async (n: number) => {
        const [outcome] = await Promise.allSettled([db.run('INSERT INTO t VALUES (?)', n)])
        expect(performance.now() - begunMs).toBeGreaterThanOrEqual(3000)
        return outcome
      }
      const first = refused(1)
      // The first is being written by now, and this one waits in the queue.
      await Bun.sleep(1)
      for (const outcome of await Promise.all([first, refused(2)]))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
      other.run('COMMIT')
      expect(await db.run('INSERT INTO t VALUES (3)')).toBe(1)
      expect(await db.all('SELECT n FROM t')).toStrictEqual([{ n: 3 }])
      await db.close()
    }))

  test('reads see what was written before them, and what another program wrote by the next turn', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      const db = openDatabase(path)
      const rows = async () => (await db.all('SELECT * FROM t')).length
      await db.run('CREATE TABLE t (n INTEGER)')
      expect(await rows()).toBe(0)
      await db.run('INSERT INTO t VALUES (1)')
      expect(await rows()).toBe(1)
      using other = new Sqlite(path)
      other.run('INSERT INTO t VALUES (2)')
      await new Promise((turn) => setImmediate(turn))
      expect(await rows()).toBe(2)
      expect(db.all('SELECT * FROM absent')).rejects.toThrow('no such table')
      await new Promise((turn) => setImmediate(turn))
      expect(await rows()).toBe(2)
      other.close()
      await db.close()
    }))

  test('a reader does not prevent a WAL checkpoint', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (bytes BLOB)')
      for (let row = 0; row < 50; row += 1) {
        await db.get('SELECT count(*) FROM t')
        await db.run('INSERT INTO t VALUES (zeroblob(400000))')
      }
      // Some 5000 pages were written; a WAL that is reset from time to time stays near 1000.
      expect(statSync(`${path}-wal`).size).toBeLessThan(2500 * 4096)
      await db.close()
    }))

  test('closing leaves neither a WAL nor any other file', () =>
    inFolder(async (folder) => {
      const db = openDatabase(join(folder, 'a.db'))
      await db.run('CREATE TABLE t (n INTEGER)')
      await db.all('SELECT * FROM t')
      await db.close()
      expect([...new Bun.Glob('*').scanSync(folder)]).toStrictEqual(['a.db'])
    }))
})

describe('opening a database', () => {
  const refusal = (path: string): string => {
    try {
      void openDatabase(path).close()
      return 'opened'
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }

  test('the file has mode 0600, and loses the rights of others', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      await openDatabase(path).close()
      expect(statSync(path).mode & 0o777).toBe(0o600)
      chmodSync(path, 0o644)
      await openDatabase(path).close()
      expect(statSync(path).mode & 0o777).toBe(0o600)
    }))

  test('[D2] pragmas are as chosen, on the writing connection', () =>
    inFolder(async (folder) => {
      const db = openDatabase(join(folder, 'a.db'))
      await db.transaction(async (tx) => {
        expect(await tx.get('PRAGMA journal_mode')).toStrictEqual({ journal_mode: 'wal' })
        expect(await tx.get('PRAGMA synchronous')).toStrictEqual({ synchronous: 2 })
        expect(await tx.get('PRAGMA foreign_keys')).toStrictEqual({ foreign_keys: 1 })
        expect(await tx.get('PRAGMA busy_timeout')).toStrictEqual({ timeout: 20 })
        expect(await tx.get('PRAGMA secure_delete')).toStrictEqual({ secure_delete: 1 })
        const version = await tx.get<{ v: string }>('SELECT sqlite_version() AS v')
        expect(Bun.semver.order(version?.v ?? '', '3.51.3')).toBeGreaterThanOrEqual(0)
      })
      await db.close()
    }))

  test('[D5] a newer schema, another program’s file and garbage are refused and left as they are', () =>
    inFolder(async (folder) => {
      const newer = join(folder, 'newer.db')
      await openDatabase(newer).close()
      new Sqlite(newer).run('PRAGMA user_version = 99')
      expect(refusal(newer)).toContain(
        `schema version 99 is newer than ${MIGRATIONS.length}, the newest that version ${serverVersion} knows; upgrade the server`,
      )
      new Sqlite(newer).run("INSERT INTO schema_change VALUES (99, '7.1.0', 0)")
      expect(refusal(newer)).toContain(
        'use version 7.1.0 of the server, which wrote it, or a later one',
      )
      expect(refusal(newer)).not.toContain('the copy')
      await openDatabase(`${newer}.before-schema-99`).close()
      expect(refusal(newer)).toEndWith(
        `the copy from before it was upgraded, which this version reads, is ${newer}.before-schema-99`,
      )
      expect(new Sqlite(newer).query('PRAGMA user_version').get()).toStrictEqual({
        user_version: 99,
      })

      const foreign = join(folder, 'foreign.db')
      new Sqlite(foreign).run('CREATE TABLE user (id INTEGER)')
      expect(refusal(foreign)).toContain('the database of another program')
      expect(new Sqlite(foreign).query('SELECT name FROM sqlite_schema').all()).toHaveLength(1)

      const garbage = join(folder, 'garbage.db')
      writeFileSync(garbage, 'not a database at all '.repeat(500))
      expect(refusal(garbage)).toContain('damaged')
      expect(statSync(garbage).size).toBe(11_000)
      expect(refusal(folder)).toStartWith(`Cannot open database ${folder}`)
    }))

  test('[D4] a damaged page is detected at the start', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.db')
      const db = openDatabase(path)
      await db.run('CREATE TABLE t (text TEXT)')
      for (let row = 0; row < 200; row++) await db.run('INSERT INTO t VALUES (?)', 'x'.repeat(500))
      await db.close()
      const bytes = Buffer.from(await Bun.file(path).arrayBuffer())
      bytes.fill(0xa5, bytes.length - 3 * 4096, bytes.length - 4096)
      writeFileSync(path, bytes)
      expect(refusal(path)).toContain('damaged')
    }))

  test('[D5] every prefix of the migrations leads to the same schema', () => {
    const schema = (db: Sqlite) =>
      db.query('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all()
    const whole = new Sqlite(':memory:')
    migrate(whole)
    for (let prefix = 0; prefix <= MIGRATIONS.length; prefix++) {
      const db = new Sqlite(':memory:')
      migrate(db, MIGRATIONS.slice(0, prefix))
      migrate(db)
      expect(schema(db)).toStrictEqual(schema(whole))
    }
    expect(schema(whole)).toMatchSnapshot()
  })

  test('[D5] a step that fails half-way leaves the version and the tables before it', () => {
    const db = new Sqlite(':memory:')
    migrate(db)
    const broken = [
      ...MIGRATIONS,
      'CREATE TABLE half (n INTEGER); CREATE TABLE account (n INTEGER)',
    ]
    expect(() => migrate(db, broken)).toThrow('already exists')
    expect(db.query('PRAGMA user_version').get()).toStrictEqual({ user_version: MIGRATIONS.length })
    expect(db.query("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get()).toBeNull()
  })
})

describe('the secret file', () => {
  test('[T2] is created once, random, mode 0600, and reused', () =>
    inFolder((folder) => {
      const path = join(folder, 'secret')
      const made = secretFile(path)
      expect(Buffer.from(made, 'base64url')).toHaveLength(48)
      expect(secretFile(path)).toBe(made)
      expect(secretFile(join(folder, 'other'))).not.toBe(made)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect([...new Bun.Glob('*').scanSync(folder)].toSorted()).toStrictEqual(['other', 'secret'])
    }))

  test('links, other people’s files and shared folders are refused, and left as they are', () =>
    inFolder((folder) => {
      const target = join(folder, 'target')
      writeFileSync(target, 'a'.repeat(64), { mode: 0o644 })
      symlinkSync(target, join(folder, 'a.db'))
      expect(() => openDatabase(join(folder, 'a.db'))).toThrow('not a regular file')
      expect(statSync(target).mode & 0o777).toBe(0o644)
      const shared = join(folder, 'shared')
      mkdirSync(shared)
      chmodSync(shared, 0o1777)
      expect(() => makePrivateFolder(shared)).toThrow('shared with others')
      expect(statSync(shared).mode & 0o7777).toBe(0o1777)
    }))

  test('one that is cut short or not a regular file is refused, not replaced', () =>
    inFolder((folder) => {
      writeFileSync(join(folder, 'short'), 'abc')
      expect(() => secretFile(join(folder, 'short'))).toThrow('cut short')
      mkdirSync(join(folder, 'folder'))
      expect(() => secretFile(join(folder, 'folder'))).toThrow('not a regular file')
      expect(() => secretFile(join(folder, 'absent/secret'))).toThrow('Cannot use the secret')
    }))
})
