import { describe, expect, test } from 'bun:test'
import { Database as Sqlite } from 'bun:sqlite'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import { Username } from '../../../src/accounts/core/schema.ts'
import { insertAccount } from '../../../src/accounts/core/store.ts'
import {
  isReadableName,
  isReservedName,
  usernameKeyOf,
} from '../../../src/accounts/core/username.ts'
import { MIGRATIONS } from '../../../src/storage/migrations.ts'
import { migrate } from '../../../src/storage/migrate.ts'
import { PASSWORD, startApp } from '../../support/app.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

/** Signs that show nothing, or that no font has. */
const UNSEEN =
  /[\u{16fe4}\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}\u{13441}\u{13442}]/u

/** What a name must be besides being free; control characters and lone surrogates are no plain text. */
const isAccepted = (name: string): boolean =>
  isReadableName(name) &&
  Value.Check(Username, name) &&
  usernameKeyOf(name) !== '' &&
  !isReservedName(usernameKeyOf(name))

const UNREADABLE_SIGNS = Array.from(
  '\ue000\u{f0000}\u0378\ufdd0\u{1fffe}\u{e0fff}\ufffc\u2800\u3164\u115f\uffa0\u034f\ufe0f\u{e0041}' +
    '\u{e0100}\u200b\u200d\u2028\u202e\u2067\u061c\u180e\u17b4\ufff9\u{1d159}\u{16fe4}\u{13430}' +
    '\u{13441}\u{1bca0}\u0000\u0085\u00ad\u2d7f',
)

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

  test('[G12] made of a name and any sign that shows nothing are refused or count as that name', () => {
    const accepted: string[] = []
    for (let code = 0; code <= 0x10_ffff; code += 1) {
      const sign = String.fromCodePoint(code)
      if (!UNSEEN.test(sign)) continue
      for (const name of [`owner${sign}`, `${sign}owner`, `ow${sign}ner`, `owner${sign}${sign}`])
        if (isAccepted(name) && usernameKeyOf(name) !== 'owner') accepted.push(name)
    }
    expect(accepted).toStrictEqual(['ow ner', 'ow\u00a0ner', 'ow\u3000ner'])
  })

  test('[G12] with unreadable characters are refused, and readable ones are not', async () => {
    await using app = await startApp()
    const messageFor = async (username: string) =>
      ((await (await app.post('/register', { ...PERSON, username })).json()) as { msg: string }).msg
    expect(await messageFor('owner')).toBe('User registered successfully')
    for (const sign of UNREADABLE_SIGNS)
      for (const name of [`owner${sign}`, `${sign}owner`, `ow${sign}ner`, sign]) {
        const told = [name, await messageFor(name)]
        const taken = ['User already exists', 'Invalid username', 'Invalid phone, address']
        expect(taken.map((msg) => [name, msg])).toContainEqual(told)
      }
    expect(await messageFor(`o${'\u0301'.repeat(40)}wner`)).toBe('Invalid username')
    for (const name of [
      'José',
      'Nguyễn',
      '山田\u3000太郎',
      'हिन्दी',
      'שָׁלוֹם',
      'Grace ❤️',
      '👩‍👩‍👧',
      'علی‌رضا',
    ])
      expect([name, await messageFor(name)]).toStrictEqual([name, 'User registered successfully'])
  })

  test('[G12] that a list could take for its own words cannot be registered, and their like can', async () => {
    await using app = await startApp()
    const messageFor = async (username: string) =>
      ((await (await app.post('/register', { ...PERSON, username })).json()) as { msg: string }).msg
    for (const name of [
      '(erased)',
      '\uff08erased)',
      ' (denied)',
      '[ada]',
      '\u2768erased\u2769',
      'Erased person',
      'the  Gateway',
      'Somebody at the gateway',
      'uid:0',
      'UID:1000',
      'u\u200bid:0',
      'uid\uff1a0',
      'uid\u22360',
      '-',
      '\u2014',
      '\u2212',
      '...',
      '_',
      '?',
    ])
      expect([name, await messageFor(name)]).toStrictEqual([name, 'Invalid username'])
    for (const name of [
      'uida',
      'uid 7',
      'Ada (guest)',
      '7',
      '\u{1F512}',
      '\u{1F1E9}\u{1F1EA}',
      '-ada-',
      "' OR 1=1 --",
    ])
      expect([name, await messageFor(name)]).toStrictEqual([name, 'User registered successfully'])
  })

  test('[G12] that are refused today still log in if the account exists', async () => {
    await using app = await startApp()
    for (const username of ['ada\ue000', 'owner\u{16fe4}', '\u{1d159}', '(erased)', 'uid:0', '-']) {
      const passwordHash = await Bun.password.hash(PASSWORD, {
        algorithm: 'argon2id',
        memoryCost: 8,
        timeCost: 1,
      })
      const known = {
        username,
        usernameKey: usernameKeyOf(username),
        passwordHash,
        email: undefined,
      }
      const account = {
        ...known,
        phone: '1',
        address: 'x',
        role: 'member',
        admitted: true,
      } as const
      await app.db.transaction((tx) => insertAccount(tx, account, app.clock.nowMs))
      expect((await app.post('/login', { username, password: PASSWORD })).status).toBe(200)
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
