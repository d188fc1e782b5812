import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packTar, unpackTar } from 'modern-tar'
import { databaseFile } from '../../support/database-file.ts'
import { schemaFaults } from '../../../src/storage/sqlite/schema-check.ts'
import { migrate } from '../../../src/storage/migrate.ts'
import { MIGRATIONS } from '../../../src/storage/migrations.ts'
import { addAccount } from '../../support/accounts.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { oldDataFolder } from '../../support/old-schema.ts'

const PLANTED = `CREATE TRIGGER "z\u202e" AFTER INSERT ON refresh_token
  BEGIN UPDATE account SET role = 'owner' WHERE username = 'mia'; END`

const changed = (sql: string, version = MIGRATIONS.length): readonly string[] => {
  using db = new Database(':memory:')
  migrate(db, MIGRATIONS.slice(0, version))
  db.run(sql)
  return schemaFaults(db)
}

describe('the schema of a database', () => {
  test('[G12] is ours after each migration', () => {
    for (let version = 1; version <= MIGRATIONS.length; version += 1)
      expect(changed('SELECT 1', version)).toStrictEqual([])
  })

  const FAULTS: readonly (readonly [fault: string, sql: string])[] = [
    ['foreign trigger "z\u202e" on "refresh_token"', PLANTED],
    ['foreign view "v"', 'CREATE VIEW v AS SELECT 1'],
    ['foreign table "t"', 'CREATE TABLE t (x)'],
    ['foreign table "sqlite\u200bstat1"', 'CREATE TABLE "sqlite\u200bstat1" (x)'],
    ['foreign table "f"', 'CREATE VIRTUAL TABLE f USING fts5 (x)'],
    ['foreign index "i" on "account"', 'CREATE UNIQUE INDEX i ON account (phone)'],
    ['foreign index "i" on "account"', 'CREATE INDEX i ON account (json(phone))'],
    [
      'missing trigger "audit_event_is_not_deleted" on "audit_event"',
      'DROP TRIGGER audit_event_is_not_deleted',
    ],
    ['missing index "account_owner" on "account"', 'DROP INDEX account_owner'],
    ['missing table "setting"', 'DROP TABLE setting'],
    ['altered table "account"', 'ALTER TABLE account ADD COLUMN extra TEXT'],
    ['altered table "account"', "ALTER TABLE account ADD COLUMN x TEXT AS ('owner') VIRTUAL"],
    [
      'altered trigger "account_number_is_given_once" on "account"',
      `DROP TRIGGER account_number_is_given_once;
       CREATE TRIGGER account_number_is_given_once AFTER DELETE ON account BEGIN SELECT 1; END`,
    ],
    ['foreign view "account"', 'DROP TABLE account; CREATE VIEW account AS SELECT 1'],
  ]

  for (const [fault, sql] of FAULTS)
    test(`[G12] is not ours with ${fault}`, () => expect(changed(sql)).toContain(fault))

  test('[G12] is ours with an index for somebody’s queries, statistics, and written in other ways', () => {
    expect(changed('CREATE INDEX mine ON account (phone, address); ANALYZE')).toStrictEqual([])
    const rewritten = `DROP TABLE setting; CREATE TABLE "setting" ( -- what owners chose
      "name" TEXT PRIMARY KEY, /* once */ value TEXT NOT NULL ) STRICT, WITHOUT ROWID`
    expect(changed(rewritten)).toStrictEqual([])
    const literal = `DROP TABLE setting; CREATE TABLE setting (
      name TEXT PRIMARY KEY, value TEXT NOT NULL DEFAULT ' -- ') STRICT, WITHOUT ROWID`
    expect(changed(literal)).toStrictEqual(['altered table "setting"'])
  })
})

const plant = (path: string, sql: string): void => {
  using db = databaseFile(path)
  db.run(sql)
  db.run('PRAGMA wal_checkpoint(TRUNCATE)')
}

/** A gateway with an owner and a member. */
const gateway = async (): Promise<string> => {
  const folder = temporaryFolder()
  await addAccount('oli', { folder, role: 'owner', env: UNLIMITED })
  await addAccount('mia', { folder, env: UNLIMITED })
  return folder
}

/** Changes the database in a backup, and its manifest to match. */
const tampered = async (file: string, sql: string): Promise<void> => {
  const entries = await unpackTar(readFileSync(file))
  const copy = `${file}.db`
  const [first] = entries
  const manifest = JSON.parse(Buffer.from(first?.data ?? []).toString()) as {
    files: { name: string; bytes: number; sha256: string }[]
  }
  const packed = entries.map(({ header, data }) => {
    if (header.name !== 'secure-lock.db') return { header, body: data ?? new Uint8Array() }
    writeFileSync(copy, data ?? new Uint8Array())
    plant(copy, sql)
    const body = new Uint8Array(readFileSync(copy))
    const listed = manifest.files.find(({ name }) => name === header.name)
    if (!listed) throw new Error('the manifest does not list the database')
    listed.bytes = body.length
    listed.sha256 = new Bun.CryptoHasher('sha256').update(body).digest('hex')
    return { header: { ...header, size: body.length }, body }
  })
  const body = new TextEncoder().encode(JSON.stringify(manifest))
  const [head, ...rest] = packed
  if (!head) throw new Error('the backup is empty')
  writeFileSync(
    file,
    await packTar([{ header: { ...head.header, size: body.length }, body }, ...rest]),
  )
}

describe('a planted trigger, at the compiled file', () => {
  test('[G12, D3] makes a restore and its check refuse a backup, and leaves the data as it was', async () => {
    const folder = await gateway()
    const run = (...args: string[]) => runCommand(args, { folder, env: UNLIMITED })
    expect((await run('backup', 'b.tar')).status).toBe(0)
    await tampered(join(folder, 'b.tar'), PLANTED)
    for (const args of [['--check'], ['--yes']]) {
      const { status, words, out } = await run('restore', ...args, 'b.tar')
      expect([status, out]).toStrictEqual([1, ''])
      expect(words).toContain('foreign trigger "z\\u202e" on "refresh_token"')
    }
    expect((await run('user', 'list')).out).toMatch(/member.*mia/)
    rmSync(folder, { recursive: true })
  })

  test('[G12] makes a start and every command refuse the database, and doctor report it', async () => {
    const folder = await gateway()
    plant(join(folder, 'data/secure-lock.db'), PLANTED)
    for (const args of [['serve'], ['user', 'list'], ['backup', 'b.tar']]) {
      const env = { ...UNLIMITED, HOST: '127.0.0.1', PORT: '1' }
      const { status, words } = await runCommand(args, { folder, env })
      expect([args, status]).toStrictEqual([args, 1])
      expect(words).toContain('foreign trigger "z\\u202e" on "refresh_token"')
      expect(words.trim().split('\n')).toHaveLength(1)
    }
    const { status, out } = await runCommand(['doctor', '--json'], { folder, env: UNLIMITED })
    expect(status).toBe(1)
    const { findings } = JSON.parse(out) as { findings: { check: string }[] }
    expect(findings.find(({ check }) => check === 'schema')).toMatchObject({
      state: 'fault',
      says: expect.stringContaining('foreign trigger'),
    })
    plant(join(folder, 'data/secure-lock.db'), 'DROP TRIGGER "z\u202e"')
    await using service = await startService({ folder, env: UNLIMITED })
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('[G12, D5] in a database of an older schema does not run with its migration', async () => {
    const folder = temporaryFolder()
    const { database } = await oldDataFolder(folder, { schema: 6 })
    plant(
      database,
      "CREATE TRIGGER z AFTER UPDATE ON account BEGIN UPDATE account SET role = 'owner'; END",
    )
    const { status, words } = await runCommand(['user', 'list'], { folder, env: UNLIMITED })
    expect(status).toBe(1)
    expect(words).toContain('foreign trigger "z" on "account"')
    using db = databaseFile(database)
    expect(db.query('PRAGMA user_version').get()).toStrictEqual({ user_version: 6 })
    rmSync(folder, { recursive: true })
  })

  test('[G12] a schema version below zero is refused', async () => {
    const folder = await gateway()
    plant(join(folder, 'data/secure-lock.db'), 'PRAGMA user_version = -1')
    const { status, words } = await runCommand(['user', 'list'], { folder, env: UNLIMITED })
    expect([status, words]).toStrictEqual([1, expect.stringContaining('version -1 does not exist')])
    rmSync(folder, { recursive: true })
  })
})
