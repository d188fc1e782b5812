import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../package.json'
import { lockDataDir } from '../../src/storage/data-dir-lock.ts'
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
        expect(`${out}${words}`).toBe(`The log is intact: ${EVENTS} events\n`)
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
        expect(
          after.query('SELECT count(*) AS n FROM account WHERE admitted_at_ms IS NOT NULL').get(),
        ).toStrictEqual({ n: PEOPLE.length })
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
      const creating = new Database(path)
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
