import { describe, expect, test } from 'bun:test'
import { Database as Sqlite } from 'bun:sqlite'
import fc from 'fast-check'
import { usernameKeyOf } from '../../../src/accounts/core/username.ts'
import { MIGRATIONS } from '../../../src/storage/migrations.ts'
import { migrate } from '../../../src/storage/migrate.ts'
import { PASSWORD, startApp } from '../../support/app.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

/** The migration that removes invisible characters from existing names. */
const STEP = 3

describe('usernames', () => {
  test('[I2] that differ only in invisible characters count as one', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    await app.post('/register', { ...PERSON, username: '\u00e9' })
    for (const username of [
      'ada\ufe0f',
      'a\u034fda',
      '\u115fada',
      'ada\u3164',
      'ada\u2800',
      'ad\u{e0100}a',
      'e\u200b\u0301',
    ]) {
      const answer = await app.post('/register', { ...PERSON, username })
      const { msg } = (await answer.json()) as { msg: string }
      expect(`${username}: ${msg}`).toBe(`${username}: User already exists`)
      expect((await app.post('/login', { ...PERSON, username })).status).toBe(200)
    }
  })

  test('[I2] that reorder their letters when shown are refused', async () => {
    await using app = await startApp()
    for (const username of ['\u202eilo', 'x\u2066ada', 'oli\u202d']) {
      const answer = await app.post('/register', { ...PERSON, username })
      expect(await answer.json()).toStrictEqual({ msg: 'Invalid username' })
    }
  })

  test('have a key whose key is itself', () => {
    const anyName = fc.string({ unit: 'binary', maxLength: 50 })
    fc.assert(
      fc.property(anyName, (name) => usernameKeyOf(usernameKeyOf(name)) === usernameKeyOf(name)),
    )
  })

  test('registered earlier with invisible characters still log in, and the later of two lookalikes keeps its own key', () => {
    const db = new Sqlite(':memory:')
    migrate(db, MIGRATIONS.slice(0, STEP))
    const names = ['ada', 'Grace \u2764\ufe0f', 'ada\ufe0f', 'bob']
    for (const name of names)
      db.run(
        `INSERT INTO account (public_id, username, username_key, password_hash, role, phone,
           address, created_at_ms)
         VALUES (?1, ?1, ?1, 'h', 'member', '', '', 0)`,
        [name],
      )
    migrate(db)
    const keys = db.query('SELECT username_key FROM account ORDER BY id').values().flat()
    expect(keys).toStrictEqual([
      usernameKeyOf('ada'),
      usernameKeyOf('Grace \u2764\ufe0f'),
      'ada\ufe0f',
      'bob',
    ])
    db.run('DELETE FROM account WHERE id = 4')
    expect(db.query('SELECT newest FROM account_number').get()).toStrictEqual({ newest: 4 })
  })
})
