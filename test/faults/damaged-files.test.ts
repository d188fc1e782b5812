import { describe, expect, test } from 'bun:test'
import { closeSync, copyFileSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { fstatSync, futimesSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }
const DAMAGED = 'The database file is damaged; restore a backup of it'
const MOVED =
  'A file of the database was removed or replaced while the server was running; put it back or restore a backup, and restart'
const CUT = 'The database file was cut short while the server was running; restore a backup of it'
const PAGE_BYTES = 4096

/** A service with an owner and that many events; the folder is removed at the end. */
const running = async (events: number) => {
  const folder = temporaryFolder()
  await addAccount('oli', { role: 'owner', folder })
  const service = await startService({ folder, env: ENV })
  const { post } = clientOf(service.url)
  const token = await tokenFor(service.url, 'oli')
  for (let from = 0; from < events; from += 100) {
    const batch = Array.from({ length: 100 }, (_, at) => ({
      id: crypto.randomUUID(),
      // Written like this only where the event is: names are also stored in small letters, on a random page.
      method: `Method ${from + at}.`,
    }))
    expect((await post('/v1/unlocks', batch, bearer(token))).status).toBe(200)
  }
  return {
    ...caller(service.url, token),
    folder,
    service,
    token,
    database: join(folder, 'data/secure-lock.db'),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Sends an owner's request; returns status and message. */
const caller = (url: string, token: string) => {
  const { get, post } = clientOf(url)
  const statusAndMessage = async (response: Promise<Response>) => {
    const answer = await response
    const { msg, detail } = (await answer.json()) as { msg?: string; detail?: string }
    return answer.ok ? 'ok' : `${answer.status} ${msg ?? detail}`
  }
  return {
    unlock: () =>
      statusAndMessage(post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))),
    read: (query: string) => statusAndMessage(get(`/v1/unlocks?${query}`, bearer(token))),
    logIn: () => statusAndMessage(post('/login', { username: 'oli', password: PASSWORD })),
    ready: () => statusAndMessage(get('/readyz')),
    live: () => statusAndMessage(get('/livez')),
    verifyAll: async () => {
      await post('/v1/log/verification', {}, bearer(token))
      for (;;) {
        const check = (await (await get('/v1/log/verification', bearer(token))).json()) as {
          running: boolean
          state: string
        }
        if (!check.running) return check.state
        await Bun.sleep(10)
      }
    },
  }
}

/** Overwrites the pages of a database that contain a text. */
const damage = (path: string, text: string): void => {
  const bytes = readFileSync(path)
  const file = openSync(path, 'r+')
  // A flash disk that forgets a page changes no time.
  const { atimeMs, mtimeMs } = fstatSync(file)
  const rubbish = Buffer.alloc(PAGE_BYTES, 0xa5)
  let found = 0
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + PAGE_BYTES)) {
    writeSync(file, rubbish, 0, PAGE_BYTES, at - (at % PAGE_BYTES))
    found += 1
  }
  futimesSync(file, atimeMs / 1000, mtimeMs / 1000)
  closeSync(file)
  expect(found).toBeGreaterThan(0)
}

const remove = (...paths: readonly string[]) => {
  for (const path of paths) rmSync(path)
}

/** What somebody does to the files of a running service, what it says, and whether it starts again. */
const TAMPERINGS: readonly (readonly [string, (database: string) => void, string, boolean])[] = [
  ['removes the database', (database) => remove(database), MOVED, false],
  [
    'removes the database and what is beside it',
    (database) => remove(database, `${database}-wal`, `${database}-shm`),
    MOVED,
    false,
  ],
  ['removes the WAL', (database) => remove(`${database}-wal`), MOVED, true],
  [
    'puts a copy in place of the database',
    (database) => {
      copyFileSync(database, `${database}.copy`)
      renameSync(`${database}.copy`, database)
    },
    MOVED,
    true,
  ],
]

describe('files removed or replaced under the running service', () => {
  for (const [what, does, message, startsAgain] of TAMPERINGS)
    test(`[D1, D4] somebody ${what}: no write is acknowledged, reads continue, and the service says so`, async () => {
      await using door = await running(1500)
      const { folder, service, database, unlock, read, logIn, ready, live } = door
      expect(await unlock()).toBe('ok')
      does(database)
      expect(await unlock()).toBe(`503 ${message}`)
      expect(await logIn()).toBe(`503 ${message}`)
      expect(await ready()).toBe(`503 ${message}`)
      expect([await live(), await read('limit=5')]).toStrictEqual(['ok', 'ok'])
      expect(await service.stop()).toBe(1)
      expect(service.output().words.trimEnd()).toEndWith(message)
      // Never a new, empty database in place of the lost one.
      const started = await runCommand(['log', 'verify'], { folder })
      expect(started).toMatchObject(
        startsAgain
          ? { status: 0, out: expect.stringContaining('1501 events') as string }
          : { status: 1, words: expect.stringContaining('There is no database') as string },
      )
    })

  test('[D4] somebody cuts the database short: no write is acknowledged, and the service says so', async () => {
    await using door = await running(1500)
    const { folder, service, database, unlock, ready, live } = door
    truncateSync(database, statSync(database).size - 20 * PAGE_BYTES)
    expect(await unlock()).toBe(`503 ${CUT}`)
    // A read of what was cut off meets the damage itself.
    expect(await ready()).toBeOneOf([`503 ${CUT}`, `503 ${DAMAGED}`])
    expect(await live()).toBe('ok')
    expect(await service.stop()).toBe(1)
    expect((await runCommand(['log', 'verify'], { folder })).words).toContain('damaged')
  })

  test('[D4] a file that is put back is written to again', async () => {
    await using door = await running(100)
    const { folder, service, database, unlock } = door
    renameSync(database, `${database}.aside`)
    expect(await unlock()).toBe(`503 ${MOVED}`)
    renameSync(`${database}.aside`, database)
    expect(await unlock()).toBe('ok')
    expect(await service.stop()).toBe(0)
    expect((await runCommand(['log', 'verify'], { folder })).out).toContain('101 events')
  })
})

describe('a damaged database', () => {
  test('[D4] while the service runs: other pages are read, nothing more is written, and the service says so', async () => {
    await using door = await running(12_000)
    const { folder, service, database, unlock, read, ready, live, verifyAll } = door
    // More than is in SQLite's memory, and all of it in the file.
    damage(database, 'Method 5500.')
    expect(await unlock()).toBe('ok')
    expect(await read('limit=5')).toBe('ok')
    expect(await verifyAll()).toBe('broken')
    expect(await unlock()).toBe(`503 ${DAMAGED}`)
    expect(await ready()).toBe(`503 ${DAMAGED}`)
    expect([await live(), await read('limit=5')]).toStrictEqual(['ok', 'ok'])
    expect(await service.stop()).toBe(1)
    expect(service.output().words.trimEnd()).toEndWith(DAMAGED)
    const again = await runCommand(['serve'], { folder, env: ENV })
    expect(again).toMatchObject({
      status: 1,
      words: `Cannot open database ${database}: the file is damaged; restore a backup of it\n`,
    })
  })

  for (const [where, words] of [
    ['its start', 0],
    ['the middle', 1 / 2],
  ] as const)
    test(`[D1, D4] in ${where} of its WAL, after a kill -9: no start, since it would drop acknowledged events`, async () => {
      await using door = await running(1000)
      const { folder, service, database } = door
      await service.stop('SIGKILL')
      const wal = `${database}-wal`
      const whole = readFileSync(wal)
      const file = openSync(wal, 'r+')
      writeSync(file, Buffer.alloc(16, 0xa5), 0, 16, Math.floor(whole.length * words))
      closeSync(file)
      const damaged = readFileSync(wal)
      const { status, words: said } = await runCommand(['serve'], { folder, env: ENV })
      expect(status).toBe(1)
      expect(said).toStartWith(
        `Cannot open database ${database}: the newest changes in the -wal file beside it are damaged`,
      )
      expect(readFileSync(wal).equals(damaged)).toBe(true)
      writeFileSync(wal, whole)
      expect((await runCommand(['log', 'verify'], { folder })).out).toContain('1000 events')
    })

  test('[D4] before the start, and too large for a full check: the same, from the first bad page on', async () => {
    await using door = await running(12_000)
    const { folder, service, token, database } = door
    await service.stop()
    {
      using db = databaseFile(database)
      db.run("INSERT INTO setting (name, value) VALUES ('filler', hex(zeroblob(35000000)))")
    }
    damage(database, 'Method 5500.')
    await using again = await startService({ folder, env: ENV })
    const { unlock, read, ready, verifyAll } = caller(again.url, token)
    expect([await unlock(), await read('limit=5')]).toStrictEqual(['ok', 'ok'])
    expect(await verifyAll()).toBe('broken')
    expect(await unlock()).toBe(`503 ${DAMAGED}`)
    expect(await ready()).toBe(`503 ${DAMAGED}`)
    expect(await read('limit=5')).toBe('ok')
    expect(await again.stop()).toBe(1)
  })

  test('[D4] before the start, in a page that a start must read: no start and no command, and each says why in one line', async () => {
    await using door = await running(100)
    const { folder, service, database } = door
    await service.stop()
    let page = 0
    {
      using db = databaseFile(database)
      db.run("INSERT INTO setting (name, value) VALUES ('filler', hex(zeroblob(35000000)))")
      const head = db.query("SELECT rootpage FROM sqlite_schema WHERE name = 'log_head'").get()
      page = (head as { rootpage: number }).rootpage - 1
    }
    const file = openSync(database, 'r+')
    writeSync(file, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, page * PAGE_BYTES)
    closeSync(file)
    for (const command of ['serve', 'user list']) {
      const { status, words } = await runCommand(command.split(' '), { folder, env: ENV })
      expect([command, status, words]).toStrictEqual([command, 1, `${DAMAGED}\n`])
    }
  })
})
