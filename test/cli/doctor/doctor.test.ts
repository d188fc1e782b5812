import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../../support/database-file.ts'
import type { Finding } from '../../../src/ops/finding.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import {
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { oldDataFolder } from '../../support/old-schema.ts'
import { selfSigned } from '../../support/certificates.ts'

type Env = Readonly<Record<string, string>>
type Findings = Readonly<Record<string, Finding>>

const isRoot = process.getuid?.() === 0

/** The findings of the command, by check; the last of several for one check. */
const examined = async (folder: string, env: Env = {}) => {
  const settings = { HOST: '127.0.0.1', PORT: String(await freePort()), ...env }
  const { status, out } = await runCommand(['doctor', '--json'], { folder, env: settings })
  const { findings } = JSON.parse(out) as { findings: readonly Finding[] }
  for (const finding of findings)
    expect([finding.check, finding.fix !== undefined]).toStrictEqual([
      finding.check,
      finding.state !== 'ok',
    ])
  const found: Findings = Object.fromEntries(findings.map((finding) => [finding.check, finding]))
  return { status, found, all: findings }
}

/** A stopped gateway with an owner and three unlocks; each test works on a copy of it. */
let gateway: string

const copied = (): string => {
  const folder = temporaryFolder()
  cpSync(gateway, folder, { recursive: true })
  return folder
}

const database = (folder: string) => join(folder, 'data/secure-lock.db')

beforeAll(async () => {
  gateway = temporaryFolder()
  const service = await startService({ folder: gateway, env: UNLIMITED })
  await addAccount('oli', { role: 'owner', folder: gateway })
  const { post } = clientOf(service.url)
  const token = await tokenFor(service.url, 'oli')
  await post(
    '/v1/unlocks',
    [{ method: 'pin' }, { method: 'face' }, { method: 'pin' }],
    bearer(token),
  )
  await service.stop()
})

afterAll(() => rmSync(gateway, { recursive: true }))

/** Replaces a key by a link to it elsewhere, with other rights. */
const mountKey = (folder: string, mode: number): void => {
  const [key, mounted] = [join(folder, 'data/guess-key'), join(folder, 'elsewhere')]
  renameSync(key, mounted)
  chmodSync(mounted, mode)
  symlinkSync(mounted, key)
}

describe('doctor, at the compiled file', () => {
  test('[D2] finds no fault in an intact gateway, and shows version, pragmas and log', async () => {
    const folder = copied()
    const { status, found } = await examined(folder, { REGISTRATION: 'closed' })
    expect(status).toBe(0)
    for (const check of [
      'settings',
      'files',
      'database',
      'pragmas',
      'schema',
      'unlock log',
      'owner',
    ])
      expect(found[check]).toMatchObject({ state: 'ok' })
    expect(found['database']?.says).toMatch(/SQLite 3\.\d+\.\d+/)
    expect(found['pragmas']?.says).toContain('journal_mode wal, synchronous 2, foreign_keys 1')
    expect(found['unlock log']?.says).toBe('The unlock log is intact: 3 entries')
    expect(found['registration']).toMatchObject({
      state: 'ok',
      says: 'Registration is closed: accounts are created on the gateway only',
    })
    expect(found['https']?.says).toContain('not needed on loopback')
    rmSync(folder, { recursive: true })
  })

  test('changes nothing, and leaves no file', async () => {
    const folder = copied()
    const look = () =>
      readdirSync(join(folder, 'data'))
        .toSorted()
        .map((name) => `${name} ${Bun.hash(readFileSync(join(folder, 'data', name)))}`)
    const before = look()
    await examined(folder)
    expect(look()).toStrictEqual(before)
    rmSync(folder, { recursive: true })
  })

  test('prints one line per check, how to fix each problem below it, and the number of problems', async () => {
    const folder = copied()
    const { out, status } = await runCommand(['doctor'], { folder, env: { HOST: '127.0.0.1' } })
    expect(status).toBe(0)
    expect(out).toMatch(/^ok {7}settings +valid; set: HOST$/m)
    expect(out).toMatch(
      /^warning {2}registration +Registration is open: .*\n +→ .*set REGISTRATION=invite/m,
    )
    expect(out.trim()).toMatch(/\n\n\d warnings$/)
    // oxlint-disable-next-line no-control-regex -- colours are for terminals
    expect(out).not.toMatch(/\u001b/)
    rmSync(folder, { recursive: true })
  })

  test('reports a running service, an untrusted proxy, open registration and plain HTTP', async () => {
    const folder = copied()
    await using service = await startService({ folder, env: UNLIMITED })
    await clientOf(service.url).get('/livez', { 'x-forwarded-for': '203.0.113.9' })
    const { found, status } = await examined(folder, {
      PORT: new URL(service.url).port,
      HOST: '0.0.0.0',
    })
    expect(status).toBe(0)
    expect(found['service']).toMatchObject({
      state: 'ok',
      says: `runs and is ready at ${service.url}`,
    })
    expect(found['proxy']).toMatchObject({ state: 'warning' })
    expect(found['proxy']?.says).toContain('127.0.0.1')
    expect(found['registration']).toMatchObject({ state: 'warning' })
    expect(found['https']).toMatchObject({ state: 'warning' })
    expect(found['backup']).toMatchObject({ state: 'warning' })
    await service.stop()
    expect((await examined(folder)).found['service']).toMatchObject({ state: 'warning' })
    rmSync(folder, { recursive: true })
  })

  test('compares its folder with that of the running service', async () => {
    const folder = copied()
    const other = copied()
    await using service = await startService({ folder, env: UNLIMITED })
    const { port } = new URL(service.url)
    const here = join(other, 'data')
    const there = join(folder, 'data')
    const wrong = {
      status: 1,
      found: {
        service: { state: 'ok' },
        'data folder': {
          state: 'fault',
          says: `the service on port ${port} uses ${there}, not ${here}`,
        },
      },
    }
    expect(await examined(other, { PORT: port })).toMatchObject(wrong)
    // Nobody has used this folder yet.
    rmSync(here, { recursive: true })
    expect(await examined(other, { PORT: port })).toMatchObject(wrong)
    const right = await examined(folder, { PORT: port })
    expect(right.found).toContainAnyKeys(['service'])
    expect(right.found).not.toContainAnyKeys(['data folder'])
    // The right folder says where its service listens.
    expect((await examined(folder)).found).toMatchObject({
      service: { state: 'ok', says: `runs and is ready at ${service.url}` },
      'service settings': { state: 'warning' },
    })
    for (const used of [folder, other]) rmSync(used, { recursive: true })
  })

  /** Ways to break a gateway, with the check that finds each and part of its message. */
  const FAULTS: readonly (readonly [
    check: string,
    words: string,
    make: (folder: string) => Env | void,
  ])[] = [
    ['settings', 'PORT must be', () => ({ PORT: 'door' })],
    ['settings', 'go together', () => ({ TLS_CERT_FILE: 'cert.pem' })],
    ['files', 'there is no folder', (folder) => rmSync(join(folder, 'data'), { recursive: true })],
    ['files', 'there is no database', (folder) => rmSync(database(folder))],
    ['files', 'can be used by others', (folder) => chmodSync(join(folder, 'data'), 0o755)],
    ['files', 'can be used by others', (folder) => chmodSync(database(folder), 0o644)],
    [
      'files',
      'passphrase (BACKUP_PASSPHRASE_FILE) can be used by everyone',
      (folder) => {
        writeFileSync(join(folder, 'passphrase'), 'four brown doors\n', { mode: 0o644 })
        return { BACKUP_PASSPHRASE_FILE: 'passphrase' }
      },
    ],
    [
      'files',
      'can be used by others',
      (folder) => chmodSync(join(folder, 'data/guess-key'), 0o640),
    ],
    ['files', 'is a link', (folder) => symlinkSync('guess-key', join(folder, 'data/other'))],
    ['files', 'cannot be used: others can write to it', (folder) => mountKey(folder, 0o620)],
    [
      'files',
      '(a mounted key) can be used by everyone on this machine',
      (folder) => mountKey(folder, 0o444),
    ],
    [
      'files',
      'the key of the unlock log is missing',
      (folder) => rmSync(join(folder, 'data/log-signing-key')),
    ],
    ['database', 'damaged', (folder) => writeFileSync(database(folder), 'no database'.repeat(999))],
    ['database', 'damaged', (folder) => scribble(database(folder))],
    ['schema', 'newer', (folder) => withDatabase(folder, 'PRAGMA user_version = 99')],
    [
      'unlock log',
      'its entry was changed',
      (folder) => withDatabase(folder, "UPDATE unlock_event SET lock = 'back-door' WHERE seq = 1"),
    ],
    [
      'unlock log',
      'missing',
      (folder) => withDatabase(folder, 'DELETE FROM unlock_event WHERE seq = 2'),
    ],
    [
      'clock',
      'earlier than the newest unlock',
      (folder) =>
        withDatabase(folder, 'UPDATE unlock_event SET received_at_ms = received_at_ms + 86400000'),
    ],
    [
      'https',
      'no PEM certificate',
      (folder) => {
        writeFileSync(join(folder, 'cert'), 'nothing')
        return { TLS_CERT_FILE: 'cert', TLS_KEY_FILE: 'cert' }
      },
    ],
    [
      'https',
      'there is no such file',
      () => ({ TLS_CERT_FILE: 'nowhere.pem', TLS_KEY_FILE: 'nowhere.pem' }),
    ],
    [
      'backup',
      'Cannot read BACKUP_DIR',
      (folder) => {
        writeFileSync(join(folder, 'backups'), '')
        return { BACKUP_DIR: 'backups' }
      },
    ],
  ]

  const withDatabase = (folder: string, sql: string) => {
    const db = databaseFile(database(folder))
    db.run(sql)
    db.close()
  }

  /** Overwrites the middle of each page except the first. */
  const scribble = (path: string) => {
    const file = openSync(path, 'r+')
    for (let at = 4096; at < statSync(path).size; at += 4096)
      writeSync(file, Buffer.alloc(2000, 'x'), 0, 2000, at + 100)
    closeSync(file)
  }

  for (const [at, [check, words, make]] of FAULTS.entries())
    test(`finds a fault of ${check}: ${words} (${at + 1})`, async () => {
      const folder = copied()
      const { status, all } = await examined(folder, make(folder) ?? {})
      expect(status).toBe(1)
      const faults = all.filter((finding) => finding.check === check && finding.state === 'fault')
      expect(faults.map(({ says }) => says).join('\n')).toContain(words)
      rmSync(folder, { recursive: true })
    })

  const WARNINGS: readonly (readonly [
    check: string,
    words: string,
    make: (folder: string) => Env | void,
  ])[] = [
    [
      'owner',
      'There is no owner yet',
      (folder) => withDatabase(folder, "UPDATE account SET role = 'member'"),
    ],
    [
      'files',
      'the key of second factors is missing',
      (folder) => rmSync(join(folder, 'data/second-factor-key')),
    ],
    ['files', 'the key of lockouts is missing', (folder) => rmSync(join(folder, 'data/guess-key'))],
    [
      'https',
      'expires on',
      (folder) => {
        const { cert, key } = selfSigned(folder, 'soon', { days: 5 })
        return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key }
      },
    ],
    [
      'backup',
      'There is no backup yet',
      (folder) => {
        mkdirSync(join(folder, 'backups'))
        return { BACKUP_DIR: 'backups' }
      },
    ],
  ]

  for (const [check, words, make] of WARNINGS)
    test(`warns of ${check}: ${words}`, async () => {
      const folder = copied()
      const { status, found } = await examined(folder, make(folder) ?? {})
      expect(status).toBe(0)
      expect(found[check]).toMatchObject({ state: 'warning' })
      expect(found[check]?.says).toContain(words)
      rmSync(folder, { recursive: true })
    })

  test('reports a backup that is too old as a fault, and a recent one as ok', async () => {
    const folder = copied()
    const env = { ...UNLIMITED, BACKUP_DIR: 'backups' }
    mkdirSync(join(folder, 'backups'))
    const service = await startService({ folder, env })
    const files = () => readdirSync(join(folder, 'backups')).filter((name) => name.endsWith('.tar'))
    while (files().length === 0) await Bun.sleep(20)
    await service.stop()
    expect((await examined(folder, env)).found['backup']).toMatchObject({ state: 'ok' })
    const [name = ''] = files()
    const old = name.replace(/-\d{8}T/, '-20260102T')
    renameSync(join(folder, 'backups', name), join(folder, 'backups', old))
    const { status, found } = await examined(folder, env)
    expect([status, found['backup']?.state]).toStrictEqual([1, 'fault'])
    expect(found['backup']?.says).toContain('2026-01-02')
    rmSync(folder, { recursive: true })
  })

  test.if(isRoot)(
    'reports a folder of another user as a fault, with the command to run instead',
    async () => {
      const folder = copied()
      chownSync(join(folder, 'data'), 65534, 65534)
      const { status, found } = await examined(folder)
      expect(status).toBe(1)
      expect(found['files']).toMatchObject({ state: 'fault' })
      expect(found['files']?.fix).toMatch(
        /: runuser -u nobody -- env .*DATA_DIR=\/\S+ \/\S+secure-lock-server doctor$/,
      )
      chownSync(join(folder, 'data'), 0, 0)
      chownSync(database(folder), 65534, 65534)
      expect((await examined(folder)).found['files']?.says).toContain('belongs to user nobody')
      rmSync(folder, { recursive: true })
    },
  )

  test('survives planted files: circular links, escape sequences in names, and very many', async () => {
    const folder = copied()
    const inData = (name: string) => join(folder, 'data', name)
    mkdirSync(inData('inside'), { mode: 0o700 })
    symlinkSync('..', inData('inside/again'))
    writeFileSync(inData('\u001b[2J; ls'), '', { mode: 0o644 })
    chmodSync(inData('\u001b[2J; ls'), 0o644)
    const shown = await runCommand(['doctor'], { folder, env: { HOST: '127.0.0.1' } })
    expect(shown.status).toBe(1)
    expect(shown.out).toContain('inside/again is a link')
    expect(shown.out).toContain(String.raw`data/\u001b[2J; ls'`)
    expect(shown.out).not.toContain('\u001b')
    for (let n = 0; n < 100; n += 1) symlinkSync('gone', inData(`inside/${n}`))
    const files = (await examined(folder)).all.filter(({ check }) => check === 'files')
    expect([files.length, files.at(-1)?.says]).toStrictEqual([
      21,
      expect.stringContaining('has more such files'),
    ])
    rmSync(folder, { recursive: true })
  })

  test.if(isRoot)('reports folders that the service cannot read, except lost+found', async () => {
    const folder = copied()
    const data = join(folder, 'data')
    mkdirSync(join(data, 'lost+found'), { mode: 0o700 })
    for (const name of readdirSync(data).filter((entry) => entry !== 'lost+found'))
      chownSync(join(data, name), 65534, 65534)
    chownSync(data, 65534, 65534)
    chmodSync(folder, 0o755)
    const asNobody = async () => {
      const within = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
      const env = { HOST: '127.0.0.1' }
      const { out } = await runCommand(['doctor', '--json'], { folder, env, within })
      return (JSON.parse(out) as { findings: readonly Finding[] }).findings
        .filter(({ check }) => check === 'files')
        .map(({ state, says }) => [state, says])
    }
    expect(await asNobody()).toStrictEqual([
      ['ok', expect.stringContaining('accessible to this user only')],
    ])
    mkdirSync(join(data, 'closed'), { mode: 0o300 })
    chownSync(join(data, 'closed'), 65534, 65534)
    expect(await asNobody()).toStrictEqual([['fault', `${join(data, 'closed')} cannot be read`]])
    rmSync(folder, { recursive: true })
  })

  test('another program on the service’s port cannot send control characters or fill the memory', async () => {
    const words = '\u001b]0;pwned\u0007\nok       service  all is well'
    using impostor = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => Response.json({ msg: `${words} ${'x'.repeat(1_000_000)}` }, { status: 503 }),
    })
    const env = { HOST: '127.0.0.1', PORT: String(impostor.port) }
    const health = await runCommand(['healthcheck'], { env })
    expect([health.status, health.words]).toStrictEqual([1, 'Not ready: 503\n'])
    impostor.reload({ fetch: () => Response.json({ msg: words }, { status: 503 }) })
    for (const { out, words: said } of [
      await runCommand(['healthcheck'], { env }),
      await runCommand(['doctor'], { folder: gateway, env }),
    ]) {
      expect(out + said).toContain(String.raw`\u001b]0;pwned\u0007\u000aok`)
      expect(out + said).not.toContain('\u001b')
    }
  })

  test('warns of an older schema, which the next start upgrades', async () => {
    const folder = temporaryFolder()
    await oldDataFolder(folder, { schema: 6 })
    const { status, found } = await examined(folder)
    expect(found['schema']).toMatchObject({ state: 'warning' })
    expect(status).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('refuses an unknown option', async () => {
    const refused = await runCommand(['doctor', '--jason'])
    expect(refused.status).toBe(2)
    expect(refused.words).toContain('did you mean "--json"?')
    // One that another action has.
    const misplaced = await runCommand(['lock', 'lockdown', '--yes'])
    expect(misplaced.words).toStartWith('There is no option "--yes"\n')
  })
})
