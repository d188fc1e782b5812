import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { packTar, unpackTar } from 'modern-tar'
import { makeStage } from '../../../src/storage/backup/restore-journal.ts'
import { lockDataDir } from '../../../src/storage/data-dir-lock.ts'
import { MIGRATIONS } from '../../../src/storage/migrations.ts'
import { addAccount } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import {
  BINARY,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
  withHome,
} from '../../support/binary.ts'
import { copyHome, homeDatabase } from '../../support/home-database.ts'
import { oldDataFolder } from '../../support/old-schema.ts'
import { enrol, nextCode } from '../../support/second-factor.ts'
import { IS_POSTGRES, forgetHome } from '../../support/test-server.ts'

const env = { ...UNLIMITED, LOG_LEVEL: 'warn' }

type Tokens = { readonly access_token: string; readonly refresh_token: string }

/** A gateway that was used after its first backup; the names say what the tests refer to. */
const livedOn = async () => {
  const folder = temporaryFolder()
  const run = (...args: string[]) => runCommand(args, { folder, env })
  for (const [name, role] of [
    ['oli', 'owner'],
    ['ada', 'member'],
    ['grace', 'member'],
  ] as const)
    await addAccount(name, { role, folder, env })
  const service = await startService({ folder, env })
  const { post } = clientOf(service.url)
  const logIn = async (username: string, otp?: string) =>
    (await (
      await post('/login', { username, password: PASSWORD, ...(otp ? { otp } : {}) })
    ).json()) as Tokens
  const unlock = async (token: string) => {
    const sent = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    expect(sent.status).toBe(200)
  }
  const oli = await logIn('oli')
  const factor = await enrol({ post }, oli.access_token)
  const ada = await logIn('ada')
  const grace = await logIn('grace')
  for (let done = 0; done < 3; done += 1) await unlock(ada.access_token)
  await unlock(grace.access_token)
  const invited = /Code +(\S+)/.exec((await run('invite')).out)?.[1] ?? ''
  expect((await run('backup', 'old.tar')).status).toBe(0)
  await unlock(ada.access_token)
  await unlock(ada.access_token)
  await post('/logout', {}, bearer(grace.access_token))
  await run('user', 'erase', '--yes', 'grace')
  expect((await run('backup', 'new.tar')).status).toBe(0)
  await service.stop()
  return { folder, run, ada, factor, invited }
}

type Gateway = Awaited<ReturnType<typeof livedOn>>

/** All files in a folder and below, by name. */
const filesOf = (folder: string) =>
  Object.fromEntries(
    [...new Bun.Glob('**/*').scanSync({ cwd: folder, dot: true })]
      // Reading creates these, and they say nothing.
      .filter((name) => !/-(wal|shm|journal)$|\.lock$/.test(name))
      .toSorted()
      .map((name) => [name, Bun.hash(readFileSync(join(folder, name)))]),
  )

describe('restore FILE, at the compiled file', () => {
  let gateway: Gateway
  const folders: string[] = []

  beforeAll(async () => {
    gateway = await livedOn()
  })
  afterAll(() => {
    for (const folder of [gateway.folder, ...folders]) rmSync(folder, { recursive: true })
  })

  /** A copy of the gateway's folder, to modify. */
  const copied = async () => {
    const folder = temporaryFolder()
    folders.push(folder)
    cpSync(gateway.folder, folder, { recursive: true })
    await copyHome(join(gateway.folder, 'data'), join(folder, 'data'))
    const run = (...args: string[]) => runCommand(args, { folder, env })
    return { folder, data: join(folder, 'data'), run }
  }

  test('[D3] on another machine restores the same log, people, passwords and second factors', async () => {
    const folder = temporaryFolder()
    folders.push(folder)
    cpSync(join(gateway.folder, 'new.tar'), join(folder, 'new.tar'))
    const restored = await runCommand(['restore', 'new.tar'], { folder, env })
    expect(restored.status).toBe(0)
    expect(restored.out).toStartWith('Restored: 6 events and all accounts, as of 20')
    expect(restored.words).not.toContain('before')
    const key = async (at: string) => (await runCommand(['log', 'key'], { folder: at, env })).out
    expect(await key(folder)).toBe(await key(gateway.folder))
    expect((await runCommand(['log', 'verify'], { folder, env })).out).toBe(
      'The log is intact: 6 events\n',
    )
    for (const name of readdirSync(join(folder, 'data')))
      expect(statSync(join(folder, 'data', name)).mode & 0o077).toBe(0)
    await using service = await startService({ folder, env })
    const { post } = clientOf(service.url)
    const otp = nextCode(gateway.factor.secret, Date.now())
    expect((await post('/login', { username: 'oli', password: PASSWORD, otp })).status).toBe(200)
    await service.stop()
  })

  test('[D3, T3] of an older backup says what will be lost, asks, keeps the previous data, and revives no token', async () => {
    const { folder, data, run } = await copied()
    const before = filesOf(data)
    const refused = await run('restore', 'old.tar')
    expect(refused.status).toBe(2)
    expect(refused.words).toContain('The current log has 6 events: the newest 2 will be lost.')
    expect(refused.words).toContain('restore needs --yes without a terminal to ask at')
    expect(filesOf(data)).toStrictEqual(before)

    const restored = await run('restore', '--yes', 'old.tar')
    expect(restored.status).toBe(0)
    // The fifth event says that others were lost.
    expect((await run('log', 'verify')).out).toBe('The log is intact: 5 events\n')
    const aside = readdirSync(data).find((name) => name.startsWith('before-restore-')) ?? ''
    expect(restored.words).toContain(`The previous data is in ${join(data, aside)}`)
    const old = filesOf(join(data, aside))
    const database = IS_POSTGRES ? 'server-home.db' : 'secure-lock.db'
    for (const [name, hash] of Object.entries(old))
      if (!IS_POSTGRES || name !== database) expect(before[name]).toBe(hash)
    expect(Object.keys(old)).toContain(database)

    await using service = await startService({ folder, env })
    const { post } = clientOf(service.url)
    const { ada, invited } = gateway
    const sent = await post(
      '/logUnlocking',
      { 'unlocking-method': 'pin' },
      bearer(ada.access_token),
    )
    expect(sent.status).toBe(401)
    const refresh = { refresh_token: ada.refresh_token }
    expect((await post('/v1/session/refresh', refresh)).status).toBe(401)
    const person = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
    const registered = await post('/register', { ...person, invitation: invited })
    expect(await registered.json()).toMatchObject({ code: 'invitation_invalid' })
    await service.stop()
  })

  test('[D7] erases again the people erased since the backup', async () => {
    const { folder, run } = await copied()
    const { words } = await run('restore', '--yes', 'old.tar')
    expect(words).toContain('Erased again: 1 person')
    expect((await run('user', 'list')).out).not.toContain('grace')
    expect((await run('log', 'verify')).out).toBe('The log is intact: 5 events\n')
    await using db = await homeDatabase(folder)
    expect(await db.contains('grace')).toBe(false)
  })

  test('[D3] sets end dates again that were set or brought forward since, also passed ones', async () => {
    const { folder, run } = await copied()
    for (const name of ['ben', 'eve', 'kay', 'lou']) await addAccount(name, { folder, env })
    const end = async (name: string, date: string) =>
      expect((await run('user', 'end-date', name, date)).status).toBe(0)
    await end('eve', '2999-03-31T00:00:00Z')
    await end('kay', '2999-03-31T00:00:00Z')
    expect((await run('backup', 'then.tar')).status).toBe(0)
    await end('ben', '2999-12-31T00:00:00Z')
    await end('eve', '2999-01-31T00:00:00Z')
    await end('kay', 'never')
    const endsAtMs = Date.now()
    {
      await using db = await homeDatabase(folder)
      await db.run("UPDATE account SET ends_at_ms = ? WHERE username = 'lou'", endsAtMs)
    }

    const { words, status } = await run('restore', '--yes', 'then.tar')
    expect(status).toBe(0)
    expect(words).toContain('End dates set again: 3')
    const people = (await run('user', 'list', '--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { username: string; ends_at: string; ended: boolean })
    const ends = (name: string) => {
      const found = people.find(({ username }) => username === name)
      return [found?.ends_at, found?.ended]
    }
    expect(ends('ben')).toStrictEqual(['2999-12-31T00:00:00.000Z', false])
    expect(ends('eve')).toStrictEqual(['2999-01-31T00:00:00.000Z', false])
    expect(ends('kay')).toStrictEqual(['2999-03-31T00:00:00.000Z', false])
    expect(ends('lou')).toStrictEqual([new Date(endsAtMs).toISOString(), true])
  })

  test('[D3] has the admissions of the backup, and applies later withdrawals again', async () => {
    const { folder, run } = await copied()
    const rolesIn = async () =>
      Object.fromEntries(
        (await run('user', 'list')).out
          .trim()
          .split('\n')
          .map((line) => line.split('\t'))
          .map(([, role, state, , , name]) => [name, `${role} ${state}`]),
      ) as Record<string, string>
    await using service = await startService({ folder, env })
    const { post, patch, get } = clientOf(service.url)
    const register = (username: string) =>
      post('/register', { username, password: PASSWORD, phone: '1', address: 'x' })
    for (const name of ['eve', 'kay']) expect((await register(name)).status).toBe(200)
    await addAccount('ben', { folder, env })
    await addAccount('amy', { role: 'admin', folder, env })
    await addAccount('ora', { role: 'owner', folder, env })
    expect((await run('backup', 'then.tar')).status).toBe(0)

    const { access_token: token } = (await (
      await post('/login', { username: 'ora', password: PASSWORD })
    ).json()) as Tokens
    const owner = bearer(token)
    const { people } = (await (await get('/v1/people', owner)).json()) as {
      people: { id: string; username: string }[]
    }
    const change = async (name: string, body: object) => {
      const id = people.find(({ username }) => username === name)?.id ?? ''
      expect((await patch(`/v1/people/${id}`, body, owner)).status).toBe(200)
    }
    await change('ben', { admitted: false })
    await change('amy', { role: 'member', admitted: false })
    await change('kay', { admitted: true })
    await service.stop()

    const { words, status } = await run('restore', '--yes', 'then.tar')
    expect(status).toBe(0)
    expect(words).toContain('Waiting to be admitted again: 1 person')
    expect(words).toContain(
      'Admins or owners again, whose admission was withdrawn since: 1. Change their role, then withdraw it again',
    )
    expect(await rolesIn()).toMatchObject({
      ada: 'member active',
      eve: 'member waiting',
      kay: 'member waiting',
      ben: 'member waiting',
      amy: 'admin active',
    })
  })

  test('[O3] is recorded with what was restored, and by whom', async () => {
    const { run } = await copied()
    await run('restore', '--yes', 'old.tar')
    const { out } = await run('audit', '--json')
    const record = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find(({ action }) => action === 'backup.restore')
    expect(record).toMatchObject({
      result: 'success',
      actor: { id: `uid:${process.getuid?.()}` },
      detail: {
        events: 4,
        lost: 2,
        erased: 1,
        withdrawn: 0,
        ended: 0,
        sessions: 2,
        invitations: 1,
      },
    })
  })

  test('[D3] distinguishes a newer log, the same log, a fork and another gateway’s log', async () => {
    const { folder, data, run } = await copied()
    // As on a new machine, which has signed nothing.
    rmSync(data, { recursive: true })
    forgetHome(data)
    await run('restore', '--yes', 'old.tar')
    expect((await run('restore', 'new.tar')).words).toContain(
      'The current log has 4 events, all in the backup.',
    )
    expect((await run('restore', 'old.tar')).words).toContain('The current log is the same.')
    // A log that continued differently from the older backup is a fork.
    await using service = await startService({ folder, env })
    const { post } = clientOf(service.url)
    const { access_token: token } = (await (
      await post('/login', { username: 'ada', password: PASSWORD })
    ).json()) as Tokens
    for (let done = 0; done < 3; done += 1)
      await post('/logUnlocking', { 'unlocking-method': 'face' }, bearer(token))
    await service.stop()
    expect((await run('restore', 'new.tar')).words).toContain(
      'Neither the current log nor the one in the backup extends the other',
    )
    rmSync(data, { recursive: true })
    forgetHome(data)
    await addAccount('eve', { folder, env })
    expect((await run('restore', 'new.tar')).words).toContain(
      'The current log is another one, with another key.',
    )
  })

  test('[D3] refuses a corrupt, foreign or newer file, and changes nothing', async () => {
    const { folder, data, run } = await copied()
    const before = filesOf(data)
    const tar = readFileSync(join(folder, 'old.tar'))
    const [manifest, ...files] = await unpackTar(tar)
    const promised = JSON.parse(Buffer.from(manifest?.data ?? []).toString()) as Record<
      string,
      unknown
    >
    const repacked = (changes: object) => {
      const body = JSON.stringify({ ...promised, ...changes })
      const header = { name: 'manifest.json', size: Buffer.byteLength(body) }
      return packTar([{ header, body }, ...files])
    }
    const flipped = Buffer.from(tar)
    flipped[30_000] = (flipped[30_000] ?? 0) ^ 1
    const log = promised['log'] as object
    const newer = await unpackTar(readFileSync(join(folder, 'new.tar')))
    const later = JSON.parse(Buffer.from(newer[0]?.data ?? []).toString()) as { log: object }
    const cases: Record<string, [Uint8Array, string]> = {
      flipped: [flipped, 'secure-lock.db is not what its manifest says'],
      cut: [tar.subarray(0, 50_000), 'Cannot use the backup'],
      text: [Buffer.from('no backup'), 'Cannot use the backup'],
      format: [await repacked({ format_version: 2, server_version: '7.0.0' }), 'use version 7.0.0'],
      schema: [await repacked({ schema_version: 99 }), 'its schema version 99 is newer'],
      // The files match their checksums, but the log does not match the manifest.
      checkpoint: [
        await repacked({ log: later.log }),
        'The kept checkpoint has 6 events, the log only 4',
      ],
      key: [await repacked({ log: { ...log, key: 'x' } }), 'Its key is not the one'],
    }
    for (const [name, [bytes, words]] of Object.entries(cases)) {
      writeFileSync(join(folder, 'given.tar'), bytes)
      for (const args of [['--yes'], ['--check']]) {
        const refused = await run('restore', ...args, 'given.tar')
        expect(`${name}: ${refused.words}`).toContain(words)
        expect(refused.status).toBe(1)
      }
      expect(filesOf(data)).toStrictEqual(before)
    }
    expect((await run('restore', '--yes', 'absent.tar')).words).toContain('there is no such file')
    expect((await run('restore')).status).toBe(2)
  })

  test('[D3] is refused while the service, a command or another restore runs', async () => {
    const { folder, data, run } = await copied()
    const before = filesOf(data)
    {
      await using service = await startService({ folder, env })
      const refused = await run('restore', '--yes', 'old.tar')
      expect(refused).toMatchObject({ status: 1 })
      expect(refused.words).toContain('a service or another command uses it; stop that first')
      expect((await run('restore', '--check', 'old.tar')).status).toBe(0)
      await service.stop()
    }
    // On a server, a writer holds a lock there.
    for (const use of IS_POSTGRES ? [] : (['command', 'restore'] as const)) {
      const release = lockDataDir(data, use)
      expect((await run('restore', '--yes', 'old.tar')).words).toContain('stop that first')
      if (use === 'restore') {
        const words = async () => (await run('user', 'list')).words
        // The first versions of the service locked the folder like this.
        expect(await words()).toContain('is an older version; restart the service')
        makeStage({ dataDir: data, databasePath: join(data, 'secure-lock.db') })
        expect(await words()).toContain('a restore is running there')
        rmSync(join(data, '.restoring'), { recursive: true })
      }
      release()
    }
    expect(Object.keys(filesOf(data))).toStrictEqual(Object.keys(before))
    expect((await run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
  })

  test.skipIf(IS_POSTGRES)(
    '[D4] works if the database is damaged or missing, and keeps what is left of it',
    async () => {
      const { data, run } = await copied()
      writeFileSync(join(data, 'secure-lock.db'), 'all that a bad disk left '.repeat(1000))
      const refused = await run('restore', 'new.tar')
      expect(refused.words).toContain(
        'The current data cannot be compared, so it is unknown what will be lost.',
      )
      expect(refused.status).toBe(2)
      expect((await run('restore', '--yes', 'new.tar')).status).toBe(0)
      expect((await run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
      rmSync(join(data, 'secure-lock.db'))
      expect((await run('log', 'verify')).status).toBe(1)
      expect((await run('restore', 'new.tar')).status).toBe(0)
      expect((await run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
    },
  )

  test('restores a database outside DATA_DIR in its place, and keeps the previous one there', async () => {
    const folder = temporaryFolder()
    folders.push(folder)
    cpSync(join(gateway.folder, 'new.tar'), join(folder, 'new.tar'))
    const elsewhere = { ...env, DATABASE_URI: 'sqlite:///disk/door.db' }
    const run = (...args: string[]) => runCommand(args, { folder, env: elsewhere })
    expect((await run('restore', 'new.tar')).status).toBe(0)
    expect((await run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
    expect((await run('restore', '--yes', 'new.tar')).status).toBe(0)
    const disk = readdirSync(join(folder, 'disk'))
    expect(disk.filter((name) => !name.startsWith('before-restore-'))).toStrictEqual(['door.db'])
    const aside = disk.find((name) => name.startsWith('before-restore-')) ?? ''
    expect(readdirSync(join(folder, 'disk', aside))).toContain('door.db')
    expect(existsSync(join(folder, 'data/secure-lock.db'))).toBe(false)
  })

  test('[D5] upgrades a backup with an older schema', async () => {
    const folder = temporaryFolder()
    folders.push(folder)
    const { dataDir } = await oldDataFolder(folder, { schema: 1, events: 7 })
    const [manifest] = await unpackTar(readFileSync(join(gateway.folder, 'old.tar')))
    const about = JSON.parse(Buffer.from(manifest?.data ?? []).toString()) as Record<
      string,
      unknown
    >
    const packed = await olderBackup(dataDir, about)
    writeFileSync(join(folder, 'older.tar'), packed)
    rmSync(dataDir, { recursive: true })
    const run = (...args: string[]) => runCommand(args, { folder, env })
    expect((await run('restore', 'older.tar')).words).toContain('The backup is intact: 7 events')
    expect((await run('log', 'verify')).out).toBe('The log is intact: 7 events\n')
    expect((await run('user', 'list')).out).toContain('ada')
    expect(readdirSync(dataDir).filter((name) => name.includes('schema'))).toStrictEqual([])
    await using db = await homeDatabase(folder)
    expect(
      await db.get(
        IS_POSTGRES
          ? 'SELECT max(schema_version) AS user_version FROM schema_change'
          : 'PRAGMA user_version',
      ),
    ).toStrictEqual({ user_version: MIGRATIONS.length })
  })

  test.if(Bun.which('script') !== null)(
    'asks at a terminal, and accepts one word as yes',
    async () => {
      const { folder, run } = await copied()
      const typed = async (word: string) => {
        const started = Bun.spawn(['script', '-qec', `${BINARY} restore old.tar`, '/dev/null'], {
          cwd: folder,
          env: await withHome({ env: { ...env, PATH: process.env['PATH'] ?? '' } }, folder),
          stdin: Buffer.from(`${word}\n`),
          stdout: 'pipe',
        })
        const shown = await new Response(started.stdout).text()
        return { shown, status: await started.exited }
      }
      const no = await typed('no')
      expect(no.shown).toContain('Type restore to replace the current data: ')
      expect(no.shown).toContain('Nothing was restored')
      expect(no.status).toBe(1)
      expect((await run('log', 'verify')).out).toBe('The log is intact: 6 events\n')
      expect((await typed('restore')).status).toBe(0)
      expect((await run('log', 'verify')).out).toBe('The log is intact: 5 events\n')
    },
  )
})

/** A backup of a data folder, as created by a version with an older schema. */
const olderBackup = async (dataDir: string, about: Record<string, unknown>) => {
  const names = ['secure-lock.db', 'log-signing-key']
  const files = names.map((name) => {
    const body = readFileSync(join(dataDir, name))
    const sha256 = new Bun.CryptoHasher('sha256').update(body).digest('hex')
    return { header: { name, size: body.length }, body, sha256 }
  })
  using db = new Database(join(dataDir, 'secure-lock.db'), { readonly: true })
  const head = db
    .query<{ size: number; checkpoint: string }, []>('SELECT size, checkpoint FROM log_head')
    .get()
  const copy = await keyOnly(dataDir)
  const inFile = { DATA_DIR: copy, DATABASE_URI: `sqlite:///${join(copy, 'secure-lock.db')}` }
  const key = (await runCommand(['log', 'key'], { env: inFile })).out.trim()
  const body = JSON.stringify({
    ...about,
    schema_version: 1,
    log: { ...head, key },
    files: files.map(({ header, sha256 }) => ({ name: header.name, bytes: header.size, sha256 })),
  })
  return packTar([
    { header: { name: 'manifest.json', size: Buffer.byteLength(body) }, body },
    ...files.map(({ header, body: content }) => ({ header, body: content })),
  ])
}

/** A copy of the folder in which a command may upgrade the database. */
const keyOnly = async (dataDir: string): Promise<string> => {
  const copy = join(dataDir, '../copy')
  mkdirSync(copy)
  cpSync(dataDir, copy, { recursive: true })
  return copy
}
