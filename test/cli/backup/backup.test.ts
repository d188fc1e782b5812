import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { unpackTar } from 'modern-tar'
import { databaseFile } from '../../support/database-file.ts'
import { KEY_FILES } from '../../../src/storage/files/data-dir.ts'
import { lockDataDir } from '../../../src/storage/data-dir-lock.ts'
import { PASSWORD, bearer, clientOf, recordsOf } from '../../support/app.ts'
import {
  BINARY,
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { load, noOutcomes } from '../../faults/load.ts'
import { signIn } from '../../faults/evidence.ts'
import { atTerminal } from '../../support/terminal.ts'
import { testController } from '../../support/controller.ts'
import { until } from '../../support/until.ts'

type Listed = {
  readonly backups: readonly { readonly file: string; readonly bytes: number }[]
  readonly running: boolean
  readonly failure: { readonly reason: string } | null
}

const ownerToken = async (service: Service): Promise<string> => {
  const input = `${PASSWORD}\n`
  const args = ['user', 'add', '--role', 'owner', 'oli']
  await runCommand(args, { folder: service.folder, input })
  const answer = await clientOf(service.url).post('/login', { username: 'oli', password: PASSWORD })
  return ((await answer.json()) as { access_token: string }).access_token
}

describe('backup FILE, at the compiled file', () => {
  let folder = ''
  let service: Service
  const env = { ...UNLIMITED, LOG_LEVEL: 'warn' }
  const backup = (file: string, more: Record<string, string> = {}) =>
    runCommand(['backup', file], { folder, env: { ...env, ...more } })

  beforeAll(async () => {
    folder = temporaryFolder()
    service = await startService({ folder, env })
    // The first controller makes the key of the door.
    const added = await runCommand(['lock', 'controller', 'add', 'front-door'], { folder })
    const code = /^Code *(\S+)$/m.exec(added.out)?.[1] ?? ''
    expect(await (await testController(service.url)).enrol(code)).toBe(200)
  })
  afterAll(async () => {
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('[D3] while unlocks arrive: verified, mode 0600, with every key and everything acknowledged before', async () => {
    const token = await signIn(service.url)
    const outcomes = noOutcomes()
    let isOver = false
    const loaded = load({ url: service.url, token, outcomes, isOver: () => isOver })
    await until(() => outcomes.acknowledged.size > 100)
    const before = outcomes.acknowledged.size
    const { status, out, words } = await backup('a.tar')
    isOver = true
    await loaded
    expect({ status, words }).toStrictEqual({
      status: 0,
      words:
        'Anyone who can read that file has all keys: set BACKUP_PASSPHRASE to encrypt backups\n',
    })
    const events = Number(/^Backed up (\d+) events and all accounts to a\.tar/.exec(out)?.[1])
    expect(events).toBeGreaterThanOrEqual(before)
    expect(statSync(join(folder, 'a.tar')).mode & 0o777).toBe(0o600)
    const entries = await unpackTar(readFileSync(join(folder, 'a.tar')))
    expect(entries.map(({ header }) => header.name)).toStrictEqual([
      'manifest.json',
      'secure-lock.db',
      ...Object.values(KEY_FILES),
    ])
    const manifest = JSON.parse(Buffer.from(entries[0]?.data ?? []).toString()) as {
      log: { size: number; checkpoint: string }
    }
    expect(manifest.log.size).toBe(events)
    const check = await runCommand(['restore', '--check', 'a.tar'], { folder, env })
    expect(check.out).toStartWith(`The backup is intact: ${events} events and all accounts, as of `)
    const checkpoint = join(folder, 'checkpoint')
    writeFileSync(checkpoint, manifest.log.checkpoint)
    const verified = await runCommand(['log', 'verify', '--checkpoint', checkpoint], {
      folder,
      env,
    })
    expect(verified.out).toContain(`, and extends ${checkpoint}`)
  })

  test('while unlocks arrive, it copies pages: the copy of the rows would keep all of them in the WAL', async () => {
    const token = await signIn(service.url)
    const outcomes = noOutcomes()
    let isOver = false
    const loaded = load({ url: service.url, token, outcomes, isOver: () => isOver })
    await until(() => outcomes.acknowledged.size > 10)
    let journals = 0
    // SQLite copies rows with a journal beside the copy.
    const watcher = watch(join(folder, 'data'), (_, name) => {
      if (name?.startsWith('backup-copy.part-')) journals += 1
    })
    // Copying pages needs a moment without a write, which a disk may take too long to find: not each time.
    let copied = 0
    for (let number = 0; copied === 0 && number < 5; number += 1) {
      journals = 0
      expect((await backup(`pages-${number}.tar`)).status).toBe(0)
      if (journals === 0) copied += 1
    }
    watcher.close()
    isOver = true
    await loaded
    expect(copied).toBe(1)
  })

  test('a backup contains every secret in the data folder but the metrics token, which a restore must not revive', () => {
    // The largest signed head is no secret, and must not be revived either.
    const others = [
      /^secure-lock\.db/,
      /\.lock(-journal)?$/,
      // A draft of it may be there too.
      /^(metrics-token|service\.json|log-signed-head(\.\d+\.part)?)$/,
    ]
    const files = readdirSync(join(folder, 'data')).filter(
      (name) => !others.some((other) => other.test(name)),
    )
    expect(files.toSorted()).toStrictEqual(Object.values(KEY_FILES).toSorted())
  })

  test('[D3] overwrites no file, and leaves nothing but the backup behind', async () => {
    await Bun.write(join(folder, 'there.tar'), 'mine')
    const { status, words } = await backup('there.tar')
    expect(status).toBe(1)
    expect(words).toContain('there.tar already exists, and a backup never overwrites a file')
    expect(readFileSync(join(folder, 'there.tar'), 'utf8')).toBe('mine')
    expect((await backup('absent/a.tar')).words).toContain(
      'Cannot write the backup: there is no folder',
    )
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toStrictEqual([])
    expect(existsSync(join(folder, 'data/backup-copy.part'))).toBe(false)
    expect((await backup('')).status).toBe(2)
    const nowhere = await runCommand(['backup', 'a.tar'], {})
    expect(nowhere.words).toContain('There is no database at')
  })

  test.each(['backup b.tar', 'restore --check a.tar'])(
    '[D3] %s waits while another backup is being created or checked, and says so',
    async (command) => {
      const finish = lockDataDir(join(folder, 'data'), 'backup')
      let isWaiting = false
      const { status, shown } = await atTerminal(command, [], folder, {
        env,
        onShown: (text) => {
          if (isWaiting || !text.includes('Waiting for another backup to finish')) return
          isWaiting = true
          finish()
        },
      })
      expect(isWaiting).toBe(true)
      expect(`${status} ${shown}`).toMatch(/^0 [^]*(Backed up|The backup is intact)/)
    },
  )

  test('encrypts with a passphrase, also from a file, and never shows it', async () => {
    writeFileSync(join(folder, 'passphrase'), 'four brown doors\n')
    const made = await backup('c.tar.age', { BACKUP_PASSPHRASE_FILE: join(folder, 'passphrase') })
    expect(made.out).toContain(', encrypted)')
    const bytes = readFileSync(join(folder, 'c.tar.age'))
    expect(bytes.toString('latin1')).toStartWith('age-encryption.org/v1\n-> scrypt ')
    expect(`${made.out}${made.words}${bytes.toString('latin1')}`).not.toContain('brown')
    const check = (input: string) =>
      runCommand(['restore', '--check', 'c.tar.age'], { folder, env, input })
    expect((await check('four brown doors\n')).status).toBe(0)
    const wrong = await check('four green doors\n')
    expect(wrong.words).toContain('no passphrase that opens it was given')
    expect(wrong.words).not.toContain('green')
    // Asks for an older passphrase, from before the setting changed.
    const older = await runCommand(['restore', '--check', 'c.tar.age'], {
      folder,
      env: { ...env, BACKUP_PASSPHRASE: 'four green doors' },
      input: 'four brown doors\n',
    })
    expect(older.status).toBe(0)
    const forged = await runCommand(['restore', '--check', 'a.tar'], {
      folder,
      env: { ...env, BACKUP_PASSPHRASE: 'four brown doors' },
    })
    expect([forged.status, forged.words]).toStrictEqual([
      1,
      expect.stringContaining('a.tar: it is not encrypted, though BACKUP_PASSPHRASE is set'),
    ])
    const short = await backup('d.tar', { BACKUP_PASSPHRASE: 'short' })
    expect(short.words).toContain('BACKUP_PASSPHRASE is shorter than 12 characters')
  })

  test('leaves out a secret from the environment, and the manifest says so', async () => {
    const secret = { JWT_SECRET_KEY: crypto.randomUUID() }
    await backup('e.tar', secret)
    const [manifest] = await unpackTar(readFileSync(join(folder, 'e.tar')))
    expect(Buffer.from(manifest?.data ?? []).toString()).toContain('"JWT_SECRET_KEY"')
    expect(readFileSync(join(folder, 'e.tar')).includes(secret.JWT_SECRET_KEY)).toBe(false)
  })

  test('[D3] creates no backup of a broken log, and keeps the older ones', async () => {
    const other = temporaryFolder()
    const kept = readFileSync(join(folder, 'a.tar'))
    await Bun.write(join(other, 'a.tar'), kept)
    await runCommand(['restore', 'a.tar'], { folder: other, env })
    using db = databaseFile(join(other, 'data/secure-lock.db'))
    db.run("UPDATE unlock_event SET lock = 'back-door' WHERE seq = 3")
    const { status, words } = await runCommand(['backup', 'b.tar'], { folder: other, env })
    expect(status).toBe(1)
    expect(words).toContain(
      'The log is broken, so no backup was created; keep the older ones. Event 3',
    )
    expect(readdirSync(other).toSorted()).toStrictEqual(['a.tar', 'data'])
    rmSync(other, { recursive: true })
  })
})

describe('BACKUP_DIR, at the compiled file', () => {
  const untilDone = async (get: () => Promise<Listed>): Promise<Listed> => {
    for (;;) {
      const listed = await get()
      if (!listed.running) return listed
      await Bun.sleep(50)
    }
  }

  const listing = (service: Service, token: string) => async () =>
    (await (await clientOf(service.url).get('/v1/backups', bearer(token))).json()) as Listed

  test('[D3, O3] a backup is created at startup and on request, only BACKUP_KEEP are kept, and each is recorded', async () => {
    const folder = temporaryFolder()
    const env = { ...UNLIMITED, BACKUP_DIR: 'data/backups', BACKUP_KEEP: '2' }
    const service = await startService({ folder, env })
    const token = await ownerToken(service)
    const list = listing(service, token)
    const first = await untilDone(list)
    expect(first.backups).toHaveLength(1)
    for (let made = 0; made < 2; made += 1) {
      const answer = await clientOf(service.url).post('/v1/backups', {}, bearer(token))
      expect(answer.status).toBe(202)
      expect(((await answer.json()) as Listed).running).toBe(true)
      await untilDone(list)
    }
    const { backups, failure } = await list()
    expect(failure).toBeNull()
    const dir = join(folder, 'data/backups')
    expect(backups.map(({ file }) => file).toSorted()).toStrictEqual(readdirSync(dir).toSorted())
    expect(backups.map(({ file }) => file.slice(21, 27))).toStrictEqual(['000003', '000002'])
    for (const { file, bytes } of backups) {
      expect(statSync(join(dir, file))).toMatchObject({ size: bytes })
      expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600)
      const check = await runCommand(['restore', '--check', join(dir, file)], { folder })
      expect(check.status).toBe(0)
    }
    // After a restart, the newest is still recent enough.
    await service.stop()
    const records = recordsOf(service.output().log.trim().split('\n'), 'backup.create')
    expect(records).toHaveLength(3)
    expect(records[0]).toMatchObject({ client: 'gateway', subject: 'BACKUP_DIR' })
    expect(records[1]).toMatchObject({ client: '127.0.0.1', result: 'success' })
    await using again = await startService({ folder, env })
    await until(() => again.output().log.includes('"started"'))
    expect((await untilDone(listing(again, await ownerToken(again)))).backups).toHaveLength(2)
    await again.stop()
    rmSync(folder, { recursive: true })
  })

  test('without it, the server has no backups and refuses to create one', async () => {
    await using service = await startService({ env: UNLIMITED })
    const token = await ownerToken(service)
    const answer = await clientOf(service.url).post('/v1/backups', {}, bearer(token))
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({ code: 'no_backup_dir' })
    expect(await listing(service, token)()).toMatchObject({ backups: [], every_hours: null })
    await service.stop()
  })

  test('[D3, O3] if it is missing, the failure is logged, recorded and shown, and unlocks still work', async () => {
    await using service = await startService({
      env: { ...UNLIMITED, BACKUP_DIR: '/absent/backups' },
    })
    const token = await ownerToken(service)
    const { failure } = await untilDone(listing(service, token))
    expect(failure?.reason).toBe('Cannot write the backup: there is no folder /absent/backups')
    const sent = await clientOf(service.url).post(
      '/logUnlocking',
      { 'unlocking-method': 'pin' },
      bearer(token),
    )
    expect(sent.status).toBe(200)
    const { log } = service.output()
    expect(log).toContain('"msg":"backup failed"')
    expect(recordsOf(log.trim().split('\n'), 'backup.create')[0]).toMatchObject({
      result: 'failure',
    })
    await service.stop()
  })

  test('continues after another version replaces the executable on disk', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'bin'))
    const executable = join(folder, 'bin/server')
    await Bun.$`cp ${BINARY} ${executable}`
    const port = await freePort()
    const started = Bun.spawn([executable], {
      cwd: folder,
      env: { ...UNLIMITED, HOST: '127.0.0.1', PORT: String(port), BACKUP_DIR: 'data/backups' },
      stdout: 'ignore',
      stderr: 'ignore',
    })
    rmSync(executable)
    writeFileSync(executable, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    const dir = join(folder, 'data/backups')
    await until(() => existsSync(dir) && readdirSync(dir).some((name) => name.endsWith('.tar')))
    expect(readdirSync(dir).filter((name) => name.endsWith('.tar'))).toHaveLength(1)
    started.kill('SIGTERM')
    expect(await started.exited).toBe(0)
    rmSync(folder, { recursive: true })
  })
})
