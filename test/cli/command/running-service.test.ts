import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '../../../src/ops/finding.ts'
import { PASSWORD, clientOf } from '../../support/app.ts'
import {
  BINARY,
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { lockDataDir } from '../../../src/storage/data-dir-lock.ts'
import { selfSigned } from '../../support/certificates.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { atTerminal } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'

const LONG = { PASSWORD_MIN_LENGTH: '30' }
const SECRET = 'Zx9-kanarienvogel-kQ7w2Lm4Vb8Nc1'

let service: Service
let folder: string
let port: string

beforeAll(async () => {
  folder = temporaryFolder()
  const files = selfSigned(folder, 'lock')
  const tls = { TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key }
  const env = { ...UNLIMITED, ...tls, ...LONG, JWT_SECRET_KEY: SECRET, REGISTRATION: 'closed' }
  service = await startService({ folder, env })
  port = new URL(service.url).port
})

afterAll(async () => {
  await service.stop('SIGKILL')
  rmSync(folder, { recursive: true })
})

const dataDir = () => join(folder, 'data')
const description = (): string => join(dataDir(), 'service.json')

/** With a server, whoever opens a home needs its keys. */
const KEYS = IS_POSTGRES ? { JWT_SECRET_KEY: SECRET } : {}

/** Runs a command elsewhere with nothing but the data folder. */
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}, input = '') =>
  runCommand(args, { env: { DATA_DIR: dataDir(), ...KEYS, ...env }, input })

const findings = async (env: Readonly<Record<string, string>> = {}) => {
  const { out } = await run(['doctor', '--json'], env)
  const all = (JSON.parse(out) as { findings: readonly Finding[] }).findings
  return Object.fromEntries(all.map((finding) => [finding.check, finding]))
}

describe('a command that knows only the data folder', () => {
  test('learns from it where the service listens, and nothing secret is told there', async () => {
    const invited = await run(['invite'])
    expect(invited.out).toContain(`${service.url}/join#invitation=`)
    // Where it listens is a fact, and where links lead is a choice.
    expect((await run(['invite'], { PORT: '9' })).out).toContain(`${service.url}/join#`)
    const elsewhere = await run(['invite'], { PUBLIC_URL: 'https://lock.home' })
    expect(elsewhere.out).toContain('https://lock.home/join#')
    expect(await run(['healthcheck'])).toMatchObject({ status: 0, out: 'ready\n' })
    expect(statSync(description()).mode & 0o777).toBe(0o600)
    expect(readFileSync(description(), 'utf8')).not.toContain(SECRET)
    expect(JSON.parse(readFileSync(description(), 'utf8'))).toMatchObject({
      listening: [service.url],
      settings: { DATA_DIR: dataDir(), HOST: '127.0.0.1', PORT: port },
    })
  })

  test('obeys the other settings of the service', async () => {
    const add = ['user', 'add', '--role', 'owner', 'oli']
    const short = await run(add, {}, `${PASSWORD}\n`)
    expect(short.status).toBe(1)
    expect(short.words).toContain('at least 30 characters')
    const own = await run(add, { PASSWORD_MIN_LENGTH: '8' }, `${PASSWORD}\n`)
    expect(`${own.status} ${own.words}`).toBe('0 ')
    expect(await findings()).toMatchObject({
      service: { state: 'ok', says: `runs and is ready at ${service.url}` },
      registration: { state: 'ok', says: expect.stringContaining('closed') as string },
      https: { state: 'ok' },
    })
  })

  test('is told by doctor which settings the service does not have yet', async () => {
    expect(await findings()).not.toContainKey('service settings')
    const same = { HOST: '127.0.0.1', PORT: port, REGISTRATION: 'closed', BODY_LIMIT: '64 KiB' }
    expect(await findings(same)).not.toContainKey('service settings')
    expect(await findings({ PORT: '9', REGISTRATION: 'invite' })).toMatchObject({
      service: { state: 'ok' },
      registration: { state: 'ok', says: expect.stringContaining('invitation') as string },
      'service settings': {
        state: 'warning',
        says: 'the running service has other settings than this command: PORT, REGISTRATION',
      },
    })
  })
})

// A home on a server is in no folder.
describe.skipIf(IS_POSTGRES)('beside a service, a command that would create a data folder', () => {
  const add = ['user', 'add', 'eve']

  test('is refused if there is nobody to ask, unless the folder is its choice', async () => {
    const home = temporaryFolder()
    const beside = (args: readonly string[], env: Readonly<Record<string, string>>) =>
      runCommand(args, { folder: home, env, input: `${PASSWORD}\n` })
    for (const [args, env] of [
      [add, { DATA_DIR: '' }],
      [['tls', 'init'], { DATA_DIR: '' }],
      [add, { DATA_DIR: 'mine', PORT: port }],
    ] as const) {
      const { status, words } = await beside(args, env)
      expect([status, words]).toStrictEqual([
        1,
        expect.stringContaining('A service on this machine has its data in /'),
      ])
    }
    const named = await beside(add, { DATA_DIR: 'mine', PORT: port })
    expect(named.words).toContain(`Set DATA_DIR=${dataDir()} to use the data of the service`)
    expect(readdirSync(home)).toStrictEqual([])
    // Other services may run on this machine, and each is named.
    const { words } = await beside(['user', 'list'], { DATA_DIR: '' })
    expect(words).toMatch(/; set DATA_DIR=\/.*, where a service runs\n/)
    expect(words).toContain(`DATA_DIR=${dataDir()}`)
    expect((await beside(add, { DATA_DIR: 'mine' })).status).toBe(0)
    // It exists now.
    expect((await beside(['user', 'list'], { DATA_DIR: 'mine', PORT: port })).status).toBe(0)
    rmSync(home, { recursive: true })
  })

  test('asks at a terminal', async () => {
    const home = temporaryFolder()
    const env = { DATA_DIR: 'mine', PORT: port }
    const no = await atTerminal('user add eve', ['\r'], home, { env })
    expect(no.status).toBe(1)
    expect(no.shown).toContain(
      `and this command would create another data folder, ${join(home, 'mine')}.`,
    )
    expect(no.shown).toContain('Nothing was created.')
    expect(readdirSync(home)).toStrictEqual([])
    const password = `${PASSWORD}\r`
    const yes = await atTerminal('user add eve', ['y\r', password, password], home, { env })
    expect(yes.shown).toContain('Added member eve')
    expect(yes.status).toBe(0)
    rmSync(home, { recursive: true })
  })
})

test('what a start prints to paste reaches its data from any folder', async () => {
  const home = temporaryFolder()
  const env = { HOST: '127.0.0.1', PORT: String(await freePort()), DATA_DIR: 'here ’s' }
  await using started = await startService({ folder: home, env: { ...UNLIMITED, ...env } })
  await until(() => started.output().log.includes('"started"'))
  await until(() => started.output().words.includes(' NAME\n'))
  const [pasted = ''] = /env .* user add --role owner NAME$/m.exec(started.output().words) ?? []
  expect(pasted).toContain(BINARY)
  const shell = Bun.spawn(['sh', '-c', pasted.replace('NAME', 'oli')], {
    cwd: '/',
    env: { PATH: process.env['PATH'] },
    stdin: Buffer.from(`${PASSWORD}\n`),
  })
  expect(await shell.exited).toBe(0)
  const login = await clientOf(started.url).post('/login', { username: 'oli', password: PASSWORD })
  expect(login.status).toBe(200)
  await started.stop()
  rmSync(home, { recursive: true })
})

test('a service that was killed leaves nothing that a command would believe, and one that stops leaves nothing', async () => {
  const home = temporaryFolder()
  const invite = () => runCommand(['invite'], { folder: home, env: { HOST: '127.0.0.1' } })
  const first = await startService({ folder: home, env: UNLIMITED })
  expect((await invite()).out).toContain(`${first.url}/join#`)
  await first.stop('SIGKILL')
  expect(existsSync(join(home, 'data/service.json'))).toBe(true)
  expect((await invite()).out).toContain('http://127.0.0.1:8080/join#')
  const second = await startService({ folder: home, env: UNLIMITED })
  expect((await invite()).out).toContain(`${second.url}/join#`)
  await second.stop()
  expect(existsSync(join(home, 'data/service.json'))).toBe(false)
  rmSync(home, { recursive: true })
})

test('no command waits for a pipe in place of what a service says of itself', async () => {
  const home = temporaryFolder()
  const release = lockDataDir(home, 'service')
  expect(Bun.spawnSync(['mkfifo', join(home, 'service.json')]).exitCode).toBe(0)
  // The first also looks at the folders of other services.
  for (const env of [{ DATA_DIR: join(home, 'none') }, { DATA_DIR: home }]) {
    const command = Bun.spawn([BINARY, 'user', 'list'], {
      cwd: home,
      env,
      stderr: 'pipe',
      timeout: 30_000,
    })
    expect(await command.stderr.text()).toContain('There is no database at')
    expect(await command.exited).toBe(1)
  }
  release()
  rmSync(home, { recursive: true })
})
