import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { olderFile, unlocksOf } from '../support/older-server.ts'
import { inMemory, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

const ENV = { ...UNLIMITED, JWT_ACCESS_TOKEN_EXPIRES: '1440' }
const OLDER =
  'The unlock log is shorter than what this gateway has signed: an older database was put back, so nothing is recorded until the right database is back, or someone accepts the loss on the gateway (secure-lock-server log accept-loss)'
const OTHER =
  'The unlock log is not the one that this gateway has signed: another database was put in its place, so nothing is recorded until the right database is back, or someone accepts the loss on the gateway (secure-lock-server log accept-loss)'
const COPIED_OVER =
  'Another file was copied over the database while the server was running; restore a backup, and restart'
const MOVED =
  'A file of the database was removed or replaced while the server was running; put it back or restore a backup, and restart'

type Answer = { readonly msg?: string; readonly detail?: string; readonly code?: string }

/** Creates a data folder with an owner and a member, and this many unlocks in its log. Those with as many are
 * copies of one. */
const gateway = async (unlocks: number) => {
  const first = built.get(unlocks) ?? build(unlocks)
  built.set(unlocks, first)
  const door = at(temporaryFolder())
  cpSync((await first).folder, door.folder, { recursive: true })
  return door
}

const build = async (unlocks: number) => {
  const folder = temporaryFolder()
  await addAccount('oli', { role: 'owner', folder, env: ENV })
  await addAccount('ada', { folder, env: ENV })
  const door = at(folder)
  await door.unlocks(unlocks)
  return door
}

const built = new Map<number, ReturnType<typeof build>>()

afterAll(async () => {
  for (const door of built.values()) (await door)[Symbol.dispose]()
})

type Gateway = Awaited<ReturnType<typeof gateway>>

const at = (folder: string, env: Readonly<Record<string, string>> = ENV) => {
  const data = join(folder, 'data')
  const database = join(data, 'secure-lock.db')
  const run = (...args: string[]) => runCommand(args, { folder, env })
  const signed = () =>
    JSON.parse(readFileSync(join(data, 'log-signed-head'), 'utf8')) as { size: number }
  return {
    folder,
    data,
    database,
    run,
    start: () => running(folder, env),
    /** Starts a service, records unlocks, and stops it. */
    unlocks: async (count: number): Promise<void> => {
      await using service = await running(folder, env)
      for (let done = 0; done < count; done += 1) expect(await service.unlock()).toBe('ok')
      await until(() => signed().size === eventsOf(database).length)
      expect(await service.stop()).toBe(0)
    },
    /** Keeps the database of a stopped service as it is now; returns a function that puts it back. */
    kept: () => {
      const copy = join(temporaryFolder(), 'kept.db')
      cpSync(database, copy)
      return {
        copy,
        putBack: () => {
          for (const beside of ['-wal', '-shm']) rmSync(database + beside, { force: true })
          cpSync(copy, database)
        },
      }
    },
    signed,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const running = async (folder: string, env: Readonly<Record<string, string>>) => {
  const service = await startService({ folder, env })
  const { get, post } = clientOf(service.url)
  const tokens = new Map<string, string>()
  const as = async (name: string) => {
    if (!tokens.has(name)) {
      const answer = await post('/login', { username: name, password: PASSWORD })
      tokens.set(name, ((await answer.json()) as { access_token: string }).access_token)
    }
    return bearer(tokens.get(name) ?? '')
  }
  const said = async (response: Response) => {
    const { msg, detail, code } = (await response.json()) as Answer
    return response.ok ? 'ok' : `${response.status} ${code ?? ''} ${msg ?? detail}`
  }
  return {
    ...service,
    get,
    post,
    as,
    said,
    /** Logs in again if the database in place does not have the session. */
    logInAgain: () => tokens.clear(),
    // Each with another method, so that none counts as a repeat.
    unlock: async (name = 'ada') => {
      const body = { 'unlocking-method': crypto.randomUUID() }
      return said(await post('/logUnlocking', body, await as(name)))
    },
    record: async () => said(await post('/v1/unlocks', { method: 'pin' }, await as('ada'))),
    ready: async () => said(await get('/readyz')),
    read: async (path: string, name = 'oli') => (await get(path, await as(name))).status,
    findings: async () => {
      const answer = await get('/v1/doctor', await as('oli'))
      const { findings } = (await answer.json()) as {
        findings: { check: string; state: string; says: string }[]
      }
      return findings.filter(({ check, state }) => check === 'unlock log' && state === 'fault')
    },
  }
}

type Running = Awaited<ReturnType<typeof running>>

/** Expects that appends are refused, reads still work, and everything says why. */
const expectStopped = async (service: Running, sentence: string): Promise<void> => {
  service.logInAgain()
  const refused = `503 log_stopped ${sentence}`
  expect(await service.unlock()).toBe(refused)
  expect(await service.record()).toBe(refused)
  expect(await service.ready()).toBe(refused)
  for (const path of ['/v1/unlocks', '/getLogs', '/v1/log/checkpoint', '/v1/unlocks/stats'])
    expect([path, await service.read(path)]).toStrictEqual([path, 200])
  const [finding] = await service.findings()
  expect(finding?.says).toStartWith('The unlock log is stopped: ')
  expect(finding?.says).toEndWith('Nothing is recorded until that is settled')
  expect(await (await service.get('/console')).text()).toContain('The unlock log is stopped')
  await until(() => service.output().log.includes('unlock log is stopped'))
}

const eventsOf = (database: string) => {
  using db = new Database(database, { readonly: true })
  return db
    .query('SELECT seq, result, reason, source, method FROM unlock_event ORDER BY seq')
    .all() as { seq: number; reason: string | null; method: string }[]
}

const LOSS = { result: 'denied', reason: 'unlocks_lost', source: 'observed' }

const auditOf = async ({ run }: Gateway, action: string) =>
  (await run('audit', '--json')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string; detail: Record<string, unknown> })
    .filter((event) => event.action === action)

describe('an older database that is put back', () => {
  test('[G14] while the service is stopped: nothing is signed, reads still work, and everything says so', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await door.unlocks(2)
    expect(door.signed().size).toBe(6)
    expect(statSync(join(door.data, 'log-signed-head')).mode & 0o777).toBe(0o600)
    older.putBack()
    {
      await using service = await door.start()
      // Before anything is to be recorded.
      expect(await service.ready()).toBe(`503 log_stopped ${OLDER}`)
      await expectStopped(service, OLDER)
      expect(await service.stop()).toBe(0)
    }
    const doctor = await door.run('doctor')
    expect(doctor.status).toBe(1)
    expect(doctor.out.replaceAll(/\s+/g, ' ')).toContain(
      'The unlock log is stopped: an older database was put back. It has 4 unlocks, but this gateway has signed 6 unlocks',
    )
    expect(door.signed().size).toBe(6)
    expect(eventsOf(door.database)).toHaveLength(4)
    expect((await door.run('log', 'verify')).out).toBe('The log is intact: 4 events\n')
  })

  test('[G14] by cp while the service runs: the next unlock is refused, whatever SQLite has cached', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await using service = await door.start()
    for (let done = 0; done < 3; done += 1) expect(await service.unlock()).toBe('ok')
    // A command checkpoints the WAL; the service then still has pages in its cache.
    await door.run('user', 'list')
    cpSync(older.copy, door.database)
    await expectStopped(service, OLDER)
    expect(await service.stop()).toBe(0)
    expect(door.signed().size).toBe(7)
    await using again = await door.start()
    await expectStopped(again, OLDER)
    expect(await again.stop()).toBe(0)
  })

  test('[G14] by cp while pages are in the WAL alone: nothing is acknowledged that would be lost', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await using service = await door.start()
    for (let done = 0; done < 3; done += 1) expect(await service.unlock()).toBe('ok')
    cpSync(older.copy, door.database)
    for (let tries = 0; tries < 3; tries += 1) {
      // The session may be on a page of the older file.
      expect(await service.unlock()).toMatch(/^(?:401|503) /)
      expect(await service.ready()).toBe(`503  ${COPIED_OVER}`)
    }
    expect(await service.stop()).toBe(1)
  })

  test('[G14] by cp after the service itself made a checkpoint', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await using service = await door.start()
    // Erasing ends with a checkpoint by the service.
    await addAccount('eve', { folder: door.folder, env: ENV })
    expect(await service.unlock('eve')).toBe('ok')
    expect(await service.unlock()).toBe('ok')
    const { people } = (await (
      await service.get('/v1/people', await service.as('oli'))
    ).json()) as { people: { id: string; username: string }[] }
    const eve = people.find(({ username }) => username === 'eve')?.id ?? ''
    const erased = await fetch(`${service.url}/v1/people/${eve}`, {
      method: 'DELETE',
      headers: await service.as('oli'),
    })
    expect(erased.status).toBe(200)
    await until(() => statSync(`${door.database}-wal`).size === 0)
    cpSync(older.copy, door.database)
    await expectStopped(service, OLDER)
    // The service continues with what is in the file now.
    expect((await door.run('log', 'accept-loss', '--yes')).status).toBe(0)
    expect(await service.unlock()).toBe('ok')
    expect(await service.stop()).toBe(0)
    expect((await door.run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
  })

  test('[G14] by mv while the service runs: refused at once, and after a restart because of what was signed', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await using service = await door.start()
    expect(await service.unlock()).toBe('ok')
    cpSync(older.copy, `${door.database}.older`)
    renameSync(`${door.database}.older`, door.database)
    expect(await service.unlock()).toBe(`503  ${MOVED}`)
    expect(await service.stop()).toBe(1)
    for (const beside of ['-wal', '-shm']) rmSync(door.database + beside, { force: true })
    await using again = await door.start()
    await expectStopped(again, OLDER)
  })

  test('[G14] is not backed up, because that would push out backups of the right one', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await door.unlocks(2)
    older.putBack()
    const backups = join(door.folder, 'backups')
    mkdirSync(backups)
    await using service = await running(door.folder, { ...ENV, BACKUP_DIR: backups })
    const create = async () =>
      service.said(await service.post('/v1/backups', {}, await service.as('oli')))
    expect(await create()).toBe(`503 log_stopped ${OLDER}`)
    expect(readdirSync(backups)).toStrictEqual([])
    expect((await door.run('log', 'accept-loss', '--yes')).status).toBe(0)
    expect(await create()).toBe('ok')
    await until(() => readdirSync(backups).some((name) => name.endsWith('.tar')))
  })

  test('[G14] commands append nothing either, and with the right database the log continues as if nothing had happened', async () => {
    using door = await gateway(2)
    const older = door.kept()
    await door.unlocks(2)
    const newer = door.kept()
    older.putBack()
    const legacy = olderFile(join(door.folder, 'legacy.db'), {
      users: [],
      unlocks: unlocksOf(['eve'], 3),
    })
    const { status, words } = await door.run('import', legacy)
    expect(status).toBe(1)
    expect(words).toContain(OLDER)
    expect(eventsOf(door.database)).toHaveLength(2)
    newer.putBack()
    await using service = await door.start()
    expect(await service.unlock()).toBe('ok')
    expect(await service.ready()).toBe('ok')
  })
})

describe('another database that is put in place', () => {
  /** Creates two databases whose first two unlocks are the same, and whose later ones differ. */
  const forked = async (ours: number, theirs: number) => {
    const door = await gateway(2)
    const other = at(temporaryFolder())
    cpSync(door.data, other.data, { recursive: true })
    await door.unlocks(ours)
    await other.unlocks(theirs)
    return {
      door,
      other,
      [Symbol.dispose]: () => {
        door[Symbol.dispose]()
        other[Symbol.dispose]()
      },
    }
  }

  for (const [what, theirs] of [
    ['of the same size', 3],
    ['that is larger', 5],
  ] as const)
    test(`[G14] ${what}: nothing is signed that contradicts what was signed`, async () => {
      using both = await forked(3, theirs)
      const { door, other } = both
      cpSync(other.database, door.database)
      {
        await using service = await door.start()
        expect(await service.ready()).toBe(`503 log_stopped ${OTHER}`)
        await expectStopped(service, OTHER)
        expect(await service.stop()).toBe(0)
      }
      const { status, words } = await door.run('log', 'accept-loss')
      expect(status).toBe(2)
      expect(words).toContain('It is not known how many unlocks are lost')
    })

  test('[G14] by cp while the service runs', async () => {
    using both = await forked(1, 4)
    const { door, other } = both
    await using service = await door.start()
    expect(await service.unlock()).toBe('ok')
    await door.run('user', 'list')
    cpSync(other.database, door.database)
    await expectStopped(service, OTHER)
  })

  test('[G14] a larger one that continues what was signed is no fork: another process wrote it', async () => {
    using door = await gateway(2)
    const head = readFileSync(join(door.data, 'log-signed-head'))
    await door.unlocks(3)
    await Bun.write(join(door.data, 'log-signed-head'), head)
    await door.unlocks(1)
    expect(door.signed().size).toBe(6)
  })
})

describe('log accept-loss', () => {
  test('[G14] says what is lost, asks, and records it in the log and the audit trail, and the log continues', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await door.unlocks(2)
    older.putBack()
    const asked = await door.run('log', 'accept-loss')
    expect(asked.status).toBe(2)
    expect(asked.words).toContain('an older database was put back. It has 4 unlocks')
    expect(asked.words).toContain('At least the newest 2 unlocks will be lost')
    expect(asked.words).toContain('Receipts and checkpoints that were handed out for them')
    expect(asked.words).toContain('log accept-loss needs --yes without a terminal to ask at')
    expect(eventsOf(door.database)).toHaveLength(4)
    const accepted = await door.run('log', 'accept-loss', '--yes')
    expect(accepted).toMatchObject({
      status: 0,
      out: 'The loss is recorded in the log and the audit trail, and the log continues\n',
    })
    expect(eventsOf(door.database).slice(4)).toMatchObject([
      { seq: 4, ...LOSS, method: '2 unlocks' },
    ])
    expect(await auditOf(door, 'log.accept_loss')).toMatchObject([
      { result: 'success', detail: { signed: 6, kept: 4, lost: 2 } },
    ])
    expect(door.signed().size).toBe(5)
    await using service = await door.start()
    expect([await service.unlock(), await service.ready()]).toStrictEqual(['ok', 'ok'])
    expect(await service.findings()).toStrictEqual([])
    // It counts as no unlock.
    const stats = await (await service.get('/v1/unlocks/stats', await service.as('oli'))).json()
    expect(stats).toMatchObject({ total: 5 })
    const table = await (await service.get('/getLogs', await service.as('oli'))).text()
    expect(table).not.toContain('2 unlocks')
    const list = await (await service.get('/v1/unlocks?limit=2', await service.as('oli'))).json()
    expect(list).toMatchObject({ unlocks: [{}, { ...LOSS, account: null, method: '2 unlocks' }] })
    expect(await service.stop()).toBe(0)
    expect((await door.run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
    expect((await door.run('log', 'accept-loss', '--yes')).out).toStartWith('Nothing is lost')
  })

  test('[G14] beside a running service that refused: the log continues without a restart, and after one', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await door.unlocks(3)
    older.putBack()
    await using service = await door.start()
    expect(await service.unlock()).toBe(`503 log_stopped ${OLDER}`)
    expect((await door.run('log', 'accept-loss', '--yes')).status).toBe(0)
    expect(await service.ready()).toBe('ok')
    expect(await service.findings()).toStrictEqual([])
    expect(await service.unlock()).toBe('ok')
    expect(await service.stop()).toBe(0)
    expect(door.signed().size).toBe(6)
    await door.unlocks(1)
    // The lost database cannot come back either.
    older.putBack()
    await using again = await door.start()
    await expectStopped(again, OLDER)
  })

  test('[G14] refuses a log that cannot grow for another reason', async () => {
    using door = await gateway(2)
    {
      using db = databaseFile(door.database)
      db.run("UPDATE log_head SET checkpoint = replace(checkpoint, '2', '3')")
    }
    const { status, words } = await door.run('log', 'accept-loss', '--yes')
    expect(status).toBe(1)
    expect(words).toContain('its newest checkpoint is not signed by the key in the data folder')
  })
})

describe('restore', () => {
  test('[G14] counts what is lost, and records it by itself', async () => {
    using door = await gateway(4)
    expect((await door.run('backup', 'old.tar')).status).toBe(0)
    await door.unlocks(2)
    const restored = await door.run('restore', '--yes', 'old.tar')
    expect(restored.status).toBe(0)
    expect(restored.words).toContain('The current log has 6 events: the newest 2 will be lost.')
    expect(restored.words).toContain('Receipts and checkpoints that were handed out for them')
    expect(eventsOf(door.database).slice(4)).toMatchObject([{ ...LOSS, method: '2 unlocks' }])
    expect(await auditOf(door, 'log.accept_loss')).toMatchObject([
      { detail: { signed: 6, kept: 4, lost: 2 } },
    ])
    expect(door.signed().size).toBe(5)
    await door.unlocks(1)
    // Going back to the previous data loses what was signed since.
    const aside = readdirSync(door.data).find((name) => name.startsWith('before-restore-')) ?? ''
    expect(readdirSync(join(door.data, aside))).not.toContain('log-signed-head')
    for (const name of readdirSync(join(door.data, aside)))
      cpSync(join(door.data, aside, name), join(door.data, name))
    await using service = await door.start()
    await expectStopped(service, OTHER)
  })

  test('[G14] knows what is lost when the database is gone, and says so', async () => {
    using door = await gateway(4)
    expect((await door.run('backup', 'old.tar')).status).toBe(0)
    await door.unlocks(2)
    rmSync(door.database)
    const refused = await door.run('restore', 'old.tar')
    expect(refused.status).toBe(2)
    expect(refused.words).toContain(
      'This gateway has signed a log of 6 unlocks. At least the newest 2 unlocks will be lost.',
    )
    expect((await door.run('restore', '--yes', 'old.tar')).status).toBe(0)
    expect(await auditOf(door, 'backup.restore')).toMatchObject([{ detail: { lost: 2 } }])
    await door.unlocks(1)
    expect(door.signed().size).toBe(6)
  })

  test('[G14] of the newest backup over an older database loses nothing, and the log continues', async () => {
    using door = await gateway(4)
    const older = door.kept()
    await door.unlocks(2)
    expect((await door.run('backup', 'new.tar')).status).toBe(0)
    older.putBack()
    expect((await door.run('restore', '--yes', 'new.tar')).status).toBe(0)
    expect(eventsOf(door.database)).toHaveLength(6)
    await door.unlocks(1)
  })

  test('[G14] a backup never contains the head, and one from another gateway begins with a new head', async () => {
    using door = await gateway(3)
    using other = await gateway(5)
    expect((await door.run('backup', 'door.tar')).status).toBe(0)
    const listed = Bun.spawnSync(['tar', 'tf', join(door.folder, 'door.tar')]).stdout.toString()
    expect(listed).not.toContain('log-signed-head')
    cpSync(join(door.folder, 'door.tar'), join(other.folder, 'door.tar'))
    expect((await other.run('restore', '--yes', 'door.tar')).status).toBe(0)
    await other.unlocks(1)
    expect(other.signed().size).toBe(4)
  })
})

describe('the file with the largest signed head', () => {
  test('[G14] that is older than the log, after a kill -9 between COMMIT and the file, is no fault', async () => {
    using door = await gateway(2)
    const head = readFileSync(join(door.data, 'log-signed-head'))
    {
      await using service = await door.start()
      for (let done = 0; done < 5; done += 1) expect(await service.unlock()).toBe('ok')
      await service.stop('SIGKILL')
    }
    await Bun.write(join(door.data, 'log-signed-head'), head)
    await Bun.write(join(door.data, 'log-signed-head.1.part'), 'half')
    await using service = await door.start()
    await until(() => door.signed().size === 7)
    expect(await service.unlock()).toBe('ok')
    expect(service.output().log).not.toContain('unlock log is stopped')
  })

  test('[G14] is written while the service runs: a kill -9 does not hide an older database', async () => {
    using door = await gateway(4)
    const older = door.kept()
    {
      await using service = await door.start()
      for (let done = 0; done < 3; done += 1) expect(await service.unlock()).toBe('ok')
      await until(() => door.signed().size === 7)
      await service.stop('SIGKILL')
    }
    older.putBack()
    await using service = await door.start()
    await expectStopped(service, OLDER)
  })

  test('[G14] that is missing or damaged is replaced by the head of the log, which is logged', async () => {
    using door = await gateway(2)
    const path = join(door.data, 'log-signed-head')
    for (const text of [undefined, '{"origin":"x"', '', '{"size":99}']) {
      if (text === undefined) rmSync(path)
      else await Bun.write(path, text)
      if (text !== undefined) {
        const doctor = await door.run('doctor')
        expect(doctor.out.replaceAll(/\s+/g, ' ')).toContain('was put back is damaged')
      }
      await using service = await door.start()
      expect(await service.unlock()).toBe('ok')
      expect(await service.stop()).toBe(0)
      const words = 'the file with the largest signed head is damaged'
      expect(service.output().log.includes(words)).toBe(text !== undefined)
    }
    expect(door.signed().size).toBe(6)
  })

  test('[G14, O2] that is a link, which someone may have planted, is refused', async () => {
    using door = await gateway(1)
    const path = join(door.data, 'log-signed-head')
    renameSync(path, join(door.folder, 'elsewhere'))
    Bun.spawnSync(['ln', '-s', join(door.folder, 'elsewhere'), path])
    const { status, words } = await door.run('serve')
    expect(status).toBe(1)
    expect(words).toContain(`Cannot use ${path}: it is not a regular file`)
  })
})

const isRoot = process.getuid?.() === 0

test.if(isRoot)(
  '[G14] a full disk that has no room for the file is logged, and no unlock fails for it (needs root, to mount one)',
  async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, ...inMemory(64, 100))
    const { within, outside } = small
    const env = { ...ENV, DATA_DIR: join(small.disk, 'data') }
    await addAccount('ada', { folder, env, within })
    await using service = await startService({ folder, env, within })
    const { post } = clientOf(service.url)
    const login = await post('/login', { username: 'ada', password: PASSWORD })
    const { access_token: token } = (await login.json()) as { access_token: string }
    const unlock = async () =>
      (await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))).status
    const signed = () =>
      (
        JSON.parse(readFileSync(join(outside, 'data/log-signed-head'), 'utf8')) as {
          size: number
        }
      ).size
    expect(await unlock()).toBe(200)
    await until(() => signed() === 1)
    // Open files can still be written to.
    const makeRoom = fillUpInodes(outside)
    const words = 'cannot write the largest signed head'
    await until(async () => (await unlock()) === 200 && service.output().log.includes(words))
    for (let done = 0; done < 10; done += 1) expect(await unlock()).toBe(200)
    expect(signed()).toBe(1)
    makeRoom()
    await until(async () => (await unlock()) === 200 && signed() > 1)
    expect(await service.stop()).toBe(0)
    expect(service.output().log.split(words)).toHaveLength(2)
    rmSync(folder, { recursive: true, force: true })
  },
)

/** Creates empty files until a disk takes no more; returns a function that makes room again. */
const fillUpInodes = (disk: string): (() => void) => {
  const folder = join(disk, 'many')
  mkdirSync(folder)
  try {
    for (let name = 0; ; name += 1) writeFileSync(join(folder, String(name)), '')
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  }
  return () => rmSync(folder, { recursive: true })
}
