import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { version } from '../../package.json'
import { lockDataDir } from '../../src/storage/data-dir-lock.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { PEOPLE, oldDataFolder } from '../support/old-schema.ts'

const NEWEST = MIGRATIONS.length
const EVENTS = 20

const schemaOf = (path: string): number => {
  using db = new Database(path, { readonly: true })
  return Number(db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version)
}

const inFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = temporaryFolder()
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('an upgrade, by the compiled file', () => {
  for (let schema = 1; schema < NEWEST; schema += 1)
    test(`[D5] from schema ${schema}, with people and a log in it, loses nothing`, () =>
      inFolder(async (folder) => {
        const { dataDir, database } = await oldDataFolder(folder, { schema, events: EVENTS })
        {
          await using service = await startService({ folder, env: UNLIMITED })
          for (const username of PEOPLE) {
            const answer = await clientOf(service.url).post('/login', {
              username,
              password: PASSWORD,
            })
            expect(answer.status).toBe(200)
          }
          expect(await service.stop()).toBe(0)
        }
        const { out, words } = await runCommand(['log', 'verify'], { folder })
        // With the records of its first lock and grant.
        expect(`${out}${words}`).toBe(`The log is intact: ${EVENTS + 2} events\n`)
        expect((await runCommand(['user', 'list', '--json'], { folder })).out).toMatch(
          /"account-of-oli","username":"oli","role":"owner".*\n.*"ada".*\n.*"grace".*\n/,
        )
        expect(schemaOf(database)).toBe(NEWEST)

        const copy = `${database}.before-schema-${NEWEST}`
        expect(readdirSync(dataDir).filter((name) => name.includes('before-schema'))).toStrictEqual(
          [`secure-lock.db.before-schema-${NEWEST}`],
        )
        expect(statSync(copy).mode & 0o777).toBe(0o600)
        expect(schemaOf(copy)).toBe(schema)
        using before = new Database(copy, { readonly: true })
        expect(before.query('PRAGMA integrity_check').get()).toStrictEqual({
          integrity_check: 'ok',
        })
        const table = schema < 8 ? 'unlock' : 'unlock_event'
        expect(before.query(`SELECT count(*) AS n FROM ${table}`).get()).toStrictEqual({
          n: EVENTS,
        })
        using after = new Database(database, { readonly: true })
        expect(
          after
            .query('SELECT server_version FROM schema_change WHERE schema_version = ?')
            .get(NEWEST),
        ).toStrictEqual({ server_version: version })
        // Each unlock still has its account and its method, and happened when it was received.
        expect(
          after
            .query(
              `SELECT count(*) AS n
               FROM unlock_event
               JOIN unlock_account ON unlock_account.number = account_number
               JOIN unlock_method ON unlock_method.number = method_number
               WHERE unlock_account.public_id = 'account-of-' || username
                 AND unlock_method.folded = method
                 AND happened_at_ms = received_at_ms`,
            )
            .get(),
        ).toStrictEqual({ n: EVENTS })
        expect(
          after.query('SELECT count(*) AS n FROM account WHERE admitted_at_ms IS NOT NULL').get(),
        ).toStrictEqual({ n: PEOPLE.length })
        expect(
          after
            .query(
              `SELECT label, name, state, holder, closed_at_ms = 9223372036854775807 AS is_open
               FROM lock
               JOIN access_grant_lock ON lock_id = lock.id`,
            )
            .all(),
        ).toStrictEqual([
          {
            label: 'front-door',
            name: 'Front door',
            state: 'enabled',
            holder: 'role:member',
            is_open: 1,
          },
        ])
      }))

  test('[D5] is not started by a command while a service still uses the old schema', () =>
    inFolder(async (folder) => {
      const { dataDir, database } = await oldDataFolder(folder)
      const release = lockDataDir(dataDir, 'service')
      const { status, words } = await runCommand(['user', 'list'], { folder })
      expect(status).toBe(1)
      expect(words).toContain(
        'has not upgraded the database yet: try again, or restart the service if it is an older version',
      )
      expect(schemaOf(database)).toBe(1)
      release()
      expect((await runCommand(['user', 'list'], { folder })).status).toBe(0)
      expect(schemaOf(database)).toBe(NEWEST)
    }))

  test('a command that runs while the service starts waits for it', () =>
    inFolder(async (folder) => {
      const { dataDir, database } = await oldDataFolder(folder)
      const release = lockDataDir(dataDir, 'service')
      const command = runCommand(['user', 'list'], { folder })
      await Bun.sleep(300)
      await openDatabase(database).close()
      expect(await command).toMatchObject({ status: 0, words: '' })
      release()
    }))

  test('a command waits for another process that is creating the database', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'data/secure-lock.db')
      mkdirSync(join(folder, 'data'), { mode: 0o700 })
      const creating = databaseFile(path)
      creating.run('BEGIN EXCLUSIVE')
      const command = runCommand(['user', 'list'], { folder })
      await Bun.sleep(300)
      creating.run('ROLLBACK')
      expect(await command).toMatchObject({ status: 0, words: '' })
      creating.close()
    }))

  test('keeps the copies of two upgrades, and never a half-written one', () =>
    inFolder(async (folder) => {
      const { dataDir, database } = await oldDataFolder(folder)
      for (const schema of [NEWEST, NEWEST + 1])
        await Bun.write(`${database}.before-schema-${schema}`, 'older')
      await Bun.write(`${database}.before-schema-${NEWEST}`, 'of an earlier try')
      await Bun.write(`${database}.before-schema-${NEWEST}.part`, 'half')
      await Bun.write(join(dataDir, 'other.db.before-schema-1'), 'not ours')
      expect((await runCommand(['user', 'list'], { folder })).status).toBe(0)
      expect(schemaOf(`${database}.before-schema-${NEWEST}`)).toBe(1)
      expect(
        readdirSync(dataDir)
          .filter((name) => name.includes('before'))
          .toSorted(),
      ).toStrictEqual(
        [
          'other.db.before-schema-1',
          `secure-lock.db.before-schema-${NEWEST}`,
          `secure-lock.db.before-schema-${NEWEST + 1}`,
        ].toSorted(),
      )
    }))

  test('a new database needs no copy', () =>
    inFolder(async (folder) => {
      await addAccount('ada', { folder })
      expect(
        readdirSync(join(folder, 'data')).filter((name) => name.includes('before')),
      ).toBeEmpty()
    }))
})

test('the rebuild of the unlock log numbers methods as people compare them, and tells when each unlock happened', () => {
  using db = new Database(':memory:', { strict: true })
  migrate(db, MIGRATIONS.slice(0, 13))
  const add = db.prepare(
    `INSERT INTO unlock_event (seq, id, account_public_id, username, method, salt, person_hash, lock,
       result, source, occurred_at_ms, received_at_ms, is_late, is_time_uncertain, leaf_hash)
     VALUES (?1, ?1, ?2, 'ada', ?3, x'00', x'00', 'front-door', 'unlocked', ?4, ?5, ?6, 0, ?7, x'00')`,
  )
  const day = 86_400_000
  const noon = Date.UTC(2026, 5, 10, 12)
  const rows = [
    ['a', 'PIN', 'claimed', null, noon, 0],
    ['a', ' pin', 'claimed', noon - 1, noon + 1, 0],
    ['b', 'card', 'claimed', noon + 3, noon + 2, 0],
    ['', 'card', 'imported', noon - 4000 * day, noon + 3, 0],
    ['b', 'card', 'claimed', noon + 4 - 90 * day, noon + 4, 0],
    ['b', 'card', 'claimed', noon + 4 - 90 * day, noon + 5, 0],
    // The clock started in 1970, without and with a time of the phone, and then was a day ahead.
    [null, null, 'claimed', null, 7, 1],
    ['a', 'card', 'claimed', noon + 1, 8, 1],
    ['a', 'card', 'claimed', null, noon + day, 1],
    ['a', 'card', 'claimed', null, noon + 6, 0],
  ] as const
  for (const [seq, row] of rows.entries()) add.run(seq, ...row)
  migrate(db)
  const found = db
    .query(
      `SELECT public_id, folded, happened_at_ms
       FROM unlock_event
       LEFT JOIN unlock_account ON unlock_account.number = account_number
       LEFT JOIN unlock_method ON unlock_method.number = method_number
       ORDER BY seq`,
    )
    .values()
  expect(found).toStrictEqual([
    ['a', 'pin', noon],
    ['a', 'pin', noon - 1],
    ['b', 'card', noon + 2],
    ['', 'card', noon - 4000 * day],
    ['b', 'card', noon + 4 - 90 * day],
    ['b', 'card', noon + 5],
    [null, null, noon + 5],
    ['a', 'card', noon + 1],
    ['a', 'card', noon + day],
    ['a', 'card', noon + 6],
  ])
  expect(db.query('SELECT count(*) AS n FROM unlock_method').get()).toStrictEqual({ n: 2 })
  expect(db.query("SELECT name FROM sqlite_temp_schema WHERE type = 'table'").all()).toBeEmpty()
})
