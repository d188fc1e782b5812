import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { hashes } from '../accounts/passwords/werkzeug-hashes.json'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf } from '../support/app.ts'
import {
  BINARY,
  OWN_FOLDER,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
  withHome,
} from '../support/binary.ts'
import { homeDatabase } from '../support/home-database.ts'
import {
  eventIds,
  folderIn,
  idOf,
  importing,
  olderFile,
  olderHashOf,
  tokenOf,
  unlocksOf,
  user,
} from '../support/older-server.ts'

const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true, force: true }))

const newFolder = (): string => folderIn(root)

describe('importing from the legacy server', () => {
  test('people log in with their old passwords, which are rehashed, and the log proves the imported unlocks [P1]', async () => {
    const folder = newFolder()
    const kinds = hashes.filter(
      ({ hash }, at) =>
        hashes.findIndex((other) => other.hash.slice(0, 14) === hash.slice(0, 14)) === at,
    )
    const path = olderFile(join(folder, 'older/old.db'), {
      users: kinds.map(({ hash }, at) => user(at + 1, `person ${at}`, hash)),
      unlocks: unlocksOf(['person 1', 'person 0', 'gone'], 30),
    })
    const before = [readFileSync(path), statSync(path).mtimeMs, readdirSync(join(folder, 'older'))]
    const first = await importing(folder)
    expect(first).toMatchObject({
      status: 0,
      reported: [],
      counts: [`accounts ${kinds.length} 0 0`, 'unlocks 30 0 0'],
    })
    expect([
      readFileSync(path),
      statSync(path).mtimeMs,
      readdirSync(join(folder, 'older')),
    ]).toStrictEqual(before)
    expect(await importing(folder)).toMatchObject({
      status: 0,
      counts: [`accounts 0 ${kinds.length} 0`, 'unlocks 0 30 0'],
    })

    await using db = await homeDatabase(folder)
    const stored = () =>
      db.all<{ role: string; password_hash: string }>(
        'SELECT role, password_hash FROM account ORDER BY id',
      )
    for (const { role, password_hash: hash } of await stored())
      expect([role, hash]).toStrictEqual([
        'member',
        expect.stringMatching(/^(sha256|pbkdf2:|scrypt:).*\$argon2id\$/),
      ])
    await addAccount('oli', { role: 'owner', folder })
    await using service = await startService({ folder, env: UNLIMITED })
    const { post, get } = clientOf(service.url)
    for (const [at, { password }] of kinds.entries()) {
      const logIn = async (typed: string) =>
        post('/login', { username: `person ${at}`, password: typed })
      expect((await logIn(`${password}x`)).status).toBe(401)
      const token = await tokenOf(logIn(password))
      const claims = JSON.parse(atob(token.split('.')[1] ?? '')) as { sub: string }
      expect(claims.sub).toBe(idOf(at + 1))
      expect(
        (await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status,
      ).toBe(200)
      expect((await logIn(password)).status).toBe(200)
    }
    for (const { password_hash: hash } of await stored()) expect(hash).toStartWith('$argon2id$')

    const owner = basic('oli', PASSWORD)
    const logs = (await (await get('/getLogs', owner)).json()) as Record<string, object>
    expect(Object.keys(logs)).toHaveLength(30 + kinds.length)
    expect(logs['1']).toStrictEqual({
      id: 1,
      username: 'person 1',
      unlocking_method: 'fingerprint',
      date_time: '2021-03-04T05:06:07.123Z',
    })
    expect(logs['3']).toStrictEqual({
      id: 3,
      username: 'gone',
      unlocking_method: 'fingerprint',
      date_time: '2021-03-04T05:08:07.123Z',
    })
    const token = await tokenOf(post('/login', { username: 'oli', password: PASSWORD }))
    const answer = await get(
      '/v1/unlocks?from=2021-03-04T05:07:00Z&to=2021-03-04T05:08:30Z',
      bearer(token),
    )
    const imported = { source: 'imported', result: 'unlocked', late: true, method: 'fingerprint' }
    expect(((await answer.json()) as { unlocks: unknown[] }).unlocks).toMatchObject([
      {
        ...imported,
        seq: 2,
        account: null,
        username: 'gone',
        occurred_at: '2021-03-04T05:08:07.123Z',
      },
      {
        ...imported,
        seq: 1,
        account: idOf(1),
        username: 'person 0',
        occurred_at: '2021-03-04T05:07:07.123Z',
      },
    ])
    const receipt = await get(`/v1/unlocks/${(await eventIds(db))[1]}/receipt`, bearer(token))
    writeFileSync(join(folder, 'receipt'), await receipt.text())
    const { out: key } = await runCommand(['log', 'key'], { folder })
    const proven = await runCommand(
      ['log', 'verify', '--receipt', 'receipt', '--key', key.trim()],
      { folder },
    )
    expect(proven.out).toContain('recorded it at 2021-03-04T05:07:07.123Z')
    expect((await runCommand(['log', 'export', '--out', 'bundle'], { folder })).status).toBe(0)
    expect(
      await runCommand(['log', 'verify', '--bundle', 'bundle', '--key', key.trim()], { folder }),
    ).toMatchObject({ status: 0 })
    expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({
      status: 0,
      // The first lock and who may open it, which the first start records, are events too.
      out: `The log is intact: ${30 + kinds.length + 2} events\n`,
    })
  }, 240_000)

  test('every import is recorded with its counts, and so is each account [O3]', async () => {
    const folder = newFolder()
    olderFile(join(folder, 'older/old.db'), {
      users: [user(1, 'ada'), [2, idOf(2), null, null, null, null]],
      unlocks: unlocksOf(['ada'], 3),
    })
    await importing(folder)
    const { out } = await runCommand(['audit', '--json'], { folder })
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      {
        action: 'account.import',
        result: 'success',
        subject: { id: idOf(1), name: 'ada' },
        address: 'command line',
      },
      {
        action: 'import',
        result: 'success',
        detail: {
          accounts_taken: 1,
          accounts_there_before: 0,
          accounts_not_taken: 1,
          unlocks_taken: 3,
          unlocks_there_before: 0,
          unlocks_not_taken: 0,
        },
      },
    ])
  })

  test('rows that cannot be imported are listed with the reason, and never a password or hash', async () => {
    const folder = newFolder()
    const canary = 'kanarienvogel-password'
    await addAccount('taken', { folder })
    const long = 'x'.repeat(201)
    const upper = idOf(13).toUpperCase().replaceAll('-', '')
    olderFile(join(folder, 'older/old.db'), {
      users: [
        user(1, 'ada'),
        user(2, ' ada'),
        user(3, 'taken'),
        user(4, 'y'.repeat(51)),
        user(5, 'a\u001b[31mb'),
        user(6, ''),
        [7, idOf(7), null, null, null, null],
        [8, idOf(1), 'bob', olderHashOf(PASSWORD), '1', 'x'],
        [9, '', 'cy', `plain$$${canary}`, null, long],
        [10, 'not a uuid', 'dee', `md5$salt$${canary}`, long, null],
        [
          11,
          idOf(11),
          'eve',
          `pbkdf2:sha256:90000000$salt$${'a'.repeat(64)}`,
          123,
          new Uint8Array([255]),
        ],
        [12, idOf(12), new Uint8Array([0xc3]), canary, '1', 'x'],
        [13, upper, 'fay', olderHashOf(PASSWORD), '1', 'two\nlines'],
        user(14, '\u2064\u2064'),
      ],
      unlocks: [
        [1, 'ada', 'pin', '2021-03-04 05:06:07'],
        [2, null, 'pin', '2021-03-04 05:06:07'],
        [3, 'ada', '', '2021-03-04 05:06:07'],
        [4, 'ada', 'x'.repeat(81), '2021-03-04 05:06:07'],
        [5, 'ada', 'pin', 'sometime'],
        [6, 'ada', 'pin', null],
        [7, 'ada', 'pin', 1614834367],
        [8, 'taken', 'pin', '2021-03-04T05:06:07+01:00'],
        [9, 'nobody\n', 'pin', '2021-03-04 05:06:07'],
        [10, 'z'.repeat(51), 'pin', '2021-03-04 05:06:07'],
        [11, 'ada', 4711, '1604-02-30 05:06:07'],
        [12, 'ada', 4711, '2021-03-04 05:06:08'],
      ],
    })
    const { status, out, words, reported, counts } = await importing(folder)
    expect(reported).toMatchInlineSnapshot(`
      [
        "user 2: not imported, another account here has this name",
        "user 3: not imported, another account here has this name",
        "user 4: not imported, its username is missing, over 50 characters, or not plain text",
        "user 5: not imported, its username is missing, over 50 characters, or not plain text",
        "user 6: not imported, its username is missing, over 50 characters, or not plain text",
        "user 7: not imported, its username is missing, over 50 characters, or not plain text",
        "user 8: not imported, another account here has this public id",
        "user 9 (cy): imported, with a new public id, since its own is not a UUID",
        "user 9 (cy): imported, without its password, whose hash this server cannot read; see user reset",
        "user 9 (cy): imported, without its address, over 200 characters or not plain text",
        "user 10 (dee): imported, with a new public id, since its own is not a UUID",
        "user 10 (dee): imported, without its password, whose hash this server cannot read; see user reset",
        "user 10 (dee): imported, without its phone, over 32 characters or not plain text",
        "user 11 (eve): imported, without its password, whose hash this server cannot read; see user reset",
        "user 11 (eve): imported, without its address, over 200 characters or not plain text",
        "user 12: not imported, its username is missing, over 50 characters, or not plain text",
        "user 14: not imported, its username has no visible character",
        "log 2: not imported, its username is missing, over 50 characters, or not plain text",
        "log 3: not imported, its unlocking_method is missing, over 80 characters, or not plain text",
        "log 4: not imported, its unlocking_method is missing, over 80 characters, or not plain text",
        "log 5: not imported, its date_time is not a date and time",
        "log 6: not imported, its date_time is not a date and time",
        "log 7: not imported, its date_time is not a date and time",
        "log 9: not imported, its username is missing, over 50 characters, or not plain text",
        "log 10: not imported, its username is missing, over 50 characters, or not plain text",
        "log 11: not imported, its date_time is not a date and time",
      ]
    `)
    expect([status, counts]).toStrictEqual([1, ['accounts 5 0 9', 'unlocks 3 0 9']])
    expect(out + words).not.toMatch(/kanarienvogel|[$]|[0-9a-f]{64}|\p{Cc}(?<!\n)/u)
    await using db = await homeDatabase(folder)
    const rows = await db.all(
      `SELECT public_id AS account, username, method
         FROM unlock_event
         LEFT JOIN unlock_account ON number = account_number
         ORDER BY seq`,
    )
    expect(rows).toStrictEqual([
      { account: idOf(1), username: 'ada', method: 'pin' },
      // The person with this name here may be someone else than on the legacy server.
      { account: '', username: 'taken', method: 'pin' },
      { account: idOf(1), username: 'ada', method: '4711' },
    ])
    const people = await db.all(
      "SELECT username, public_id, phone, address FROM account WHERE username IN ('cy', 'eve', 'fay') ORDER BY id",
    )
    expect(people).toStrictEqual([
      {
        username: 'cy',
        public_id: expect.stringMatching(
          /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        ) as string,
        phone: '',
        address: '',
      },
      { username: 'eve', public_id: idOf(11), phone: '123', address: '' },
      { username: 'fay', public_id: idOf(13), phone: '1', address: 'two\nlines' },
    ])
    expect(await importing(folder)).toMatchObject({
      status: 1,
      counts: ['accounts 0 5 9', 'unlocks 0 3 9'],
    })
    // An account imported without its password gets in with a one-time code.
    const { out: code } = await runCommand(['user', 'reset', 'cy'], { folder })
    await using service = await startService({ folder, env: UNLIMITED })
    const body = { username: 'cy', code: code.trim(), new_password: 'nine quiet green keys' }
    expect((await clientOf(service.url).post('/v1/password-reset', body)).status).toBe(200)
  })

  test('anything but a database of the legacy server is refused, and no data folder is created', async () => {
    const folder = newFolder()
    const refused = async (make: (path: string) => void, args: readonly string[] = []) => {
      rmSync(join(folder, 'older'), { recursive: true })
      mkdirSync(join(folder, 'older'))
      make(join(folder, 'older/old.db'))
      const { status, out, words } = await importing(folder, args)
      expect([out, readdirSync(folder)]).toStrictEqual(['', ['older']])
      return `${status} ${words.split('\n')[0]}`
    }
    const table = (sql: string) => (path: string) => {
      using db = databaseFile(path)
      db.run(sql)
    }
    const cannot = '1 Cannot read older/old.db: '
    expect(await refused(() => {})).toBe(`${cannot}there is no such file`)
    expect(await refused((path) => mkdirSync(path))).toBe(`${cannot}it is not a regular file`)
    expect(await refused((path) => writeFileSync(path, ''))).toBe(`${cannot}it has no table "user"`)
    expect(await refused((path) => writeFileSync(path, 'nonsense '.repeat(500)))).toBe(
      `${cannot}it is not a SQLite database`,
    )
    expect(
      await refused(table('CREATE TABLE user (id, public_id, username, password, phone, address)')),
    ).toBe(`${cannot}it has no table "log"`)
    expect(await refused(table('CREATE TABLE user (id, username, password, phone)'))).toBe(
      `${cannot}its table "user" has no column public_id, address`,
    )
    // A view that never ends, with an escape sequence in it.
    const endless = `CREATE VIEW user AS
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
      SELECT i AS id, '' AS public_id, i AS username, '' AS password, '' AS phone, '' AS address
      FROM n, "\u001b[31m"`
    expect(await refused(table(endless))).toBe(`${cannot}its "user" is not a table`)
    const good = (path: string) => void olderFile(path, { users: [] })
    expect(await refused(good, ['--zone', 'Nowhere/City'])).toBe(
      '2 --zone must be a name of the IANA time zone database, or UTC',
    )
    expect(await refused(good, ['another.db'])).toBe('2 import needs one FILE')
    expect(await refused(good, ['--force'])).toBe('2 There is no option "--force"')
    expect(await runCommand(['import'], { folder })).toMatchObject({ status: 2 })
  })

  test('ids too large to tell apart are reported and not imported', async () => {
    const folder = newFolder()
    const path = olderFile(join(folder, 'older/old.db'), { users: [user(1, 'ada')] })
    {
      using db = databaseFile(path)
      const unlock = db.prepare("INSERT INTO log VALUES (?, 'ada', 'pin', '2021-03-04 05:06:07')")
      for (const id of [2n ** 53n, 2n ** 53n + 1n]) unlock.run(id)
    }
    const { reported, counts } = await importing(folder)
    expect(reported).toHaveLength(2)
    expect(reported[0]).toEndWith('not imported, its id is not a whole number')
    expect(counts[1]).toBe('unlocks 0 0 2')
  })

  test('a damaged file is imported in batches up to the damage, and the damage is reported', async () => {
    const folder = newFolder()
    const path = olderFile(join(folder, 'older/old.db'), {
      users: [user(1, 'ada')],
      unlocks: unlocksOf(['ada'], 20_000),
    })
    const bytes = readFileSync(path)
    bytes.fill(0xff, bytes.length - 200_000, bytes.length - 100_000)
    writeFileSync(path, bytes)
    const { status, words, counts } = await importing(folder)
    expect([status, words.split('\n')[1]]).toStrictEqual([
      1,
      'Cannot read older/old.db: the file is damaged',
    ])
    expect(counts[0]).toBe('accounts 1 0 0')
    const taken = Number(/^unlocks (\d+) 0 0$/.exec(counts[1] ?? '')?.[1])
    expect(taken).toBeWithin(10_000, 20_000)
    const { out } = await runCommand(['audit', '--json', '--limit', '1'], { folder })
    expect(JSON.parse(out)).toMatchObject({
      action: 'import',
      result: 'failure',
      detail: { unlocks_taken: taken },
    })
    const verified = await runCommand(['log', 'verify'], { folder })
    expect(verified.out).toBe(`The log is intact: ${taken} events\n`)
  })

  test('times without an offset use the given zone, and importing again changes none', async () => {
    const folder = newFolder()
    olderFile(join(folder, 'older/old.db'), {
      users: [],
      unlocks: [
        [7, 'ada', 'pin', '2021-07-04 05:06:07'],
        [9, 'ada', 'pin', '2021-07-04 05:06:07Z'],
      ],
    })
    expect(await importing(folder, ['--zone', 'Europe/Berlin'])).toMatchObject({ status: 0 })
    expect(await importing(folder)).toMatchObject({
      status: 0,
      counts: ['accounts 0 0 0', 'unlocks 0 2 0'],
    })
    await using db = await homeDatabase(folder)
    const times = await db.all<{ ms: number }>(
      'SELECT occurred_at_ms AS ms FROM unlock_event ORDER BY seq',
    )
    expect(times.map(({ ms }) => new Date(ms).toISOString())).toStrictEqual([
      '2021-07-04T03:06:07.000Z',
      '2021-07-04T05:06:07.000Z',
    ])
  })

  test('an import killed half-way, while the service runs, is finished by the next one', async () => {
    const folder = newFolder()
    const people = Array.from({ length: 40 }, (_, n) => `person ${n}`)
    const total = 30_000
    olderFile(join(folder, 'older/old.db'), {
      users: people.map((name, n) => user(n + 1, name)),
      unlocks: unlocksOf([...people, 'gone'], total),
    })
    await using service = await startService({ folder, env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', { username: 'eve', password: PASSWORD, phone: '1', address: 'x' })
    const token = await tokenOf(post('/login', { username: 'eve', password: PASSWORD }))
    await using db = await homeDatabase(folder)
    const imported = async (): Promise<number> => {
      const row = await db.get<{ n: number }>(
        "SELECT count(*) AS n FROM unlock_event WHERE source = 'imported'",
      )
      return row?.n ?? 0
    }
    const running = Bun.spawn([BINARY, 'import', 'older/old.db'], {
      cwd: folder,
      env: await withHome({ env: OWN_FOLDER }, folder),
      stdout: 'ignore',
      stderr: 'ignore',
    })
    let own = 0
    const unlock = async () => {
      expect(
        (await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status,
      ).toBe(200)
      own += 1
    }
    while ((await imported()) < total / 3 && running.exitCode === null) await unlock()
    running.kill('SIGKILL')
    expect(await running.exited).not.toBe(0)
    const half = await imported()
    expect(half).toBeWithin(total / 3, total)
    const finishing = importing(folder)
    for (let n = 0; n < 20; n += 1) await unlock()
    expect(await finishing).toMatchObject({
      status: 0,
      counts: ['accounts 0 40 0', `unlocks ${total - half} ${half} 0`],
    })
    expect(own).toBeGreaterThan(20)
    const rows = await db.all<{ ms: number }>(
      "SELECT occurred_at_ms AS ms FROM unlock_event WHERE source = 'imported' ORDER BY seq",
    )
    const order = rows.map(({ ms }) => ms)
    expect(new Set(order).size).toBe(total)
    expect(order).toStrictEqual(order.toSorted((one, other) => one - other))
    expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({
      status: 0,
      out: `The log is intact: ${total + own} events\n`,
    })
    expect((await post('/login', { username: 'person 7', password: PASSWORD })).status).toBe(200)
  }, 240_000)

  describe('an import takes no more memory', () => {
    const peakMiB = async (rows: Parameters<typeof olderFile>[1], sql = '') => {
      const folder = newFolder()
      const path = olderFile(join(folder, 'older/old.db'), rows)
      // In another process, because the memory of this one would count as the child's.
      const make = `new (require('bun:sqlite').Database)(${JSON.stringify(path)}).run(${JSON.stringify(sql)})`
      if (sql) expect(Bun.spawnSync([process.execPath, '-e', make]).exitCode).toBe(0)
      const run = Bun.spawn([BINARY, 'import', 'older/old.db'], {
        cwd: folder,
        env: await withHome({ env: OWN_FOLDER }, folder),
        stdout: 'ignore',
        stderr: 'ignore',
      })
      expect(await run.exited).toBe(sql === '' ? 0 : 1)
      return (run.resourceUsage()?.maxRSS ?? Number.NaN) / 1024 ** 2
    }
    const users = [user(1, 'ada')]
    const rowsOf = (count: number) => ({ users, unlocks: unlocksOf(['ada', 'gone'], count) })

    test('for many rows than for few', async () => {
      const few = await peakMiB(rowsOf(5000))
      expect((await peakMiB(rowsOf(60_000))) - few).toBeLessThan(64)
    }, 240_000)

    test('for long texts than for short ones', async () => {
      const short = await peakMiB({ users }, "UPDATE user SET phone = printf('%.*c', 1000, 'x')")
      const long = await peakMiB({ users }, "UPDATE user SET phone = printf('%.*c', 99000000, 'x')")
      expect(long - short).toBeLessThan(64)
    }, 240_000)
  })
})
