import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import {
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { selfSigned } from '../support/certificates.ts'
import { until } from '../support/until.ts'

const isRoot = process.getuid?.() === 0
const isRequired = process.env['REQUIRE_SYSTEMD'] === '1'
const hasSystemd = isRequired || Bun.which('systemd-analyze') !== null
const hasStrace = isRequired || Bun.which('strace') !== null

/** The highest exposure level that systemd may report for the unit, in tenths: 0 is safest, 100 is worst. */
const EXPOSURE_MAX = 15

const printed = async (args: readonly string[] = [], env: Record<string, string> = {}) =>
  runCommand(['systemd-unit', ...args], { env })

const analyzed = (args: readonly string[]) => {
  const run = Bun.spawnSync(['systemd-analyze', ...args], { stderr: 'pipe' })
  return { status: run.exitCode, out: run.stdout.toString(), words: run.stderr.toString() }
}

describe('the systemd unit', () => {
  test('runs this executable as its own user, without capabilities or Bun’s environment variables', async () => {
    const { status, out } = await printed()
    expect(status).toBe(0)
    expect(out).toMatch(
      /^ExecStart="\/.*secure-lock-server" --env-file "\/etc\/secure-lock.env" serve$/m,
    )
    expect(out).toMatch(/^User=secure-lock$/m)
    expect(out).toMatch(/^ExecReload=\S*kill -HUP \$MAINPID$/m)
    expect(out).toMatch(/^CapabilityBoundingSet=$/m)
    expect(out).toMatch(/^UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN BUN_INSPECT /m)
    expect(out).not.toMatch(/@[A-Z_]+@/)
  })

  test('may bind a low port if the settings require one', async () => {
    const { out } = await printed(['--user', 'door'], { PORT: '443' })
    expect(out).toMatch(/^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m)
    expect(out).toMatch(/^User=door$/m)
  })

  test('may write to BACKUP_DIR outside the data folder, even if it is missing', async () => {
    const writable = async (dir: string) =>
      /^ReadWritePaths=(.*)$/m.exec((await printed([], { BACKUP_DIR: dir })).out)?.[1]
    expect(await writable('/mnt/usb stick/50%')).toBe('"-/mnt/usb stick/50%%"')
    expect(await writable('/var/lib/secure-lock/backups')).toBe('')
    expect(await writable('/var/lib/secure-lock-backups')).toBe('"-/var/lib/secure-lock-backups"')
    expect((await printed([], { BACKUP_DIR: '/mnt/a"\nUser=root' })).status).toBe(2)
  })

  test('may write to the configured data folder, and otherwise only to its own', async () => {
    const writable = async (env: Record<string, string>) =>
      /^ReadWritePaths=(.*)$/m.exec((await printed([], env)).out)?.[1]
    expect(await writable({ DATA_DIR: '/mnt/ssd/lock' })).toBe('"-/mnt/ssd/lock"')
    expect(await writable({ DATA_DIR: '/var/lib/secure-lock' })).toBe('')
    expect(await writable({ DATA_DIR: 'here' })).toBe('')
    expect(
      await writable({
        DATA_DIR: '/mnt/ssd/lock',
        DATABASE_URI: 'sqlite:////mnt/db/lock.db',
        BACKUP_DIR: '/mnt/ssd/lock',
      }),
    ).toBe('"-/mnt/ssd/lock" "-/mnt/db"')
  })

  test('sets nothing that the settings file may name, and does not wait for a network', async () => {
    const { out } = await printed([], { DATA_DIR: '/mnt/ssd/lock' })
    expect(out).not.toMatch(/^(?:Environment|EnvironmentFile|PassEnvironment)=/m)
    expect(out).toMatch(/^After=network\.target time-sync\.target$/m)
    expect(out).not.toMatch(/^(?:Wants|Requires)=/m)
  })

  for (const elsewhere of ['elsewhere/lock', undefined])
    test(`service, commands and doctor use ${elsewhere ? 'the DATA_DIR of the settings file' : 'the folder of the unit without a DATA_DIR'}`, async () => {
      const folder = temporaryFolder()
      const stateFolder = join(folder, 'secure-lock')
      const dataFolder = elsewhere === undefined ? stateFolder : join(folder, elsewhere)
      mkdirSync(stateFolder, { mode: 0o700 })
      const port = await freePort()
      const settings = join(folder, 'lock.env')
      const inFile = elsewhere === undefined ? '' : `DATA_DIR=${dataFolder}\n`
      writeFileSync(settings, `HOST=127.0.0.1\nPORT=${port}\n${inFile}`)
      const file = ['--env-file', settings]
      const unit = (await runCommand([...file, 'systemd-unit'])).out
      const command = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.replaceAll('"', '').split(' ') ?? []
      expect(command.slice(1)).toStrictEqual([...file, 'serve'])
      await using service = await startService({
        // As systemd would for this unit: systemd.exec(5), "Environment Variables in Spawned Processes".
        env: { ...environmentOf(unit, folder), STATE_DIRECTORY: stateFolder, PORT: String(port) },
        folder: stateFolder,
        args: command.slice(1),
      })
      expect(existsSync(join(dataFolder, 'secure-lock.db'))).toBe(true)
      const home = temporaryFolder()
      const env = elsewhere === undefined ? { DATA_DIR: dataFolder } : {}
      const added = await runCommand([...file, 'user', 'add', '--role', 'owner', 'oli'], {
        folder: home,
        env,
        input: `${PASSWORD}\n`,
      })
      expect(`${added.status} ${added.words}`).toStartWith('0 ')
      const login = { username: 'oli', password: PASSWORD }
      expect((await clientOf(service.url).post('/login', login)).status).toBe(200)
      const { out } = await runCommand([...file, 'doctor'], { folder: home, env })
      expect(out).toMatch(/^ok +service +runs and is ready at http:\S+$/m)
      expect(out).toContain(`${dataFolder}, accessible to this user only`)
      expect(readdirSync(home)).toStrictEqual([])
      if (elsewhere !== undefined) expect(readdirSync(stateFolder)).toStrictEqual([])
      await service.stop()
      for (const used of [folder, home]) rmSync(used, { recursive: true })
    })

  test.if(isRoot)(
    'a folder that the unit does not allow, or that is missing, is named with the remedy',
    async () => {
      const folder = temporaryFolder()
      mkdirSync(join(folder, 'there'), { mode: 0o700 })
      // What ProtectSystem=strict makes of all but the folders that the unit names.
      const sandbox = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
      const words = async (name: string) => {
        const { status, words: said } = await runCommand(['serve'], {
          env: { DATA_DIR: join(folder, name), HOST: '127.0.0.1', PORT: String(await freePort()) },
          within: ['/usr/bin/unshare', '--mount', '/bin/sh', '-c', sandbox, folder],
        })
        return `${status} ${said.replaceAll(folder, '')}`
      }
      const readOnly =
        'the file system is read-only; choose another folder, or print the systemd unit again if it does not allow this folder\n'
      expect(await words('there')).toBe(`1 Cannot lock the folder /there: ${readOnly}`)
      expect(await words('absent')).toBe(
        `1 Cannot use the folder /absent: it does not exist and cannot be created: ${readOnly}`,
      )
      rmSync(folder, { recursive: true })
    },
  )

  test('is printed with a warning if commands and the service would not find the same folder', async () => {
    const words = async (env: Record<string, string>) => (await printed([], env)).words
    expect(await words({})).toBe(
      'Add DATA_DIR=/var/lib/secure-lock to /etc/secure-lock.env: without an absolute path, commands look in another folder than the service.\n',
    )
    expect(await words({ DATA_DIR: 'here' })).toContain('without an absolute path')
    expect(await words({ DATA_DIR: '/mnt/ssd/lock' })).toBe('')
    expect(await words({ DATA_DIR: '/home/pi/lock' })).toBe(
      'The service cannot reach /home/pi/lock: the unit hides home folders.\n',
    )
  })

  test('reads the settings file it was printed with', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'lock.env'), 'PORT=8443\n')
    const unitOf = async (...args: readonly string[]) =>
      (await runCommand(['--env-file', 'lock.env', 'systemd-unit', ...args], { folder })).out
    expect(await unitOf()).toContain(`--env-file "${join(folder, 'lock.env')}" serve`)
    expect(await unitOf('--settings', '/etc/other.env')).toContain('--env-file "/etc/other.env"')
    rmSync(folder, { recursive: true })
  })

  test('rejects a name or path that would add a line to the unit', async () => {
    for (const args of [
      ['--user', 'root\nExecStartPre=/bin/sh'],
      ['--settings', '/etc/x"\nUser=root'],
      ['--settings', 'relative.env'],
    ])
      expect((await printed(args)).status).toBe(2)
    expect((await printed(['--settings', '/etc/100%/$x.env'])).out).toContain(
      '"/etc/100%%/$$x.env"',
    )
  })

  test.if(hasSystemd)('passes systemd’s checks, with a low exposure level', async () => {
    const folder = temporaryFolder()
    const unit = join(folder, 'secure-lock.service')
    const env = { BACKUP_DIR: '/mnt/usb stick/50%' }
    writeFileSync(unit, (await printed(['--user', 'daemon'], env)).out)
    const verified = analyzed(['verify', unit])
    expect(verified.words.split('\n').filter((line) => line.includes('secure-lock'))).toStrictEqual(
      [],
    )
    const judged = analyzed([
      'security',
      '--offline=true',
      `--threshold=${EXPOSURE_MAX}`,
      '--no-pager',
      unit,
    ])
    expect(`${judged.status} ${judged.out}`).toMatch(/^0 /)
    rmSync(folder, { recursive: true })
  })

  test.if(hasSystemd && hasStrace)('allows every system call that the service makes', async () => {
    const folder = temporaryFolder()
    const trace = join(folder, 'calls')
    const service = await startService({
      env: { ...UNLIMITED, BACKUP_DIR: 'data/backups' },
      folder,
      within: ['strace', '-D', '-f', '-q', '-o', trace],
    })
    const { post, get } = clientOf(service.url)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    await post('/register', person)
    const answer = await post('/login', person)
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const sent = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    expect(sent.status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
    const backups = join(folder, 'data/backups')
    while (!(existsSync(backups) && readdirSync(backups).some((name) => name.endsWith('.tar'))))
      await Bun.sleep(50)
    expect(await service.stop()).toBe(0)
    const allowed = new Set(callsOf('@system-service'))
    for (const call of [...callsOf('@privileged'), ...callsOf('@resources')]) allowed.delete(call)
    // Backups do without it where it is refused.
    allowed.add('setpriority')
    // As root, as in tests, SQLite gives new files to the owner of the folder.
    allowed.add('fchown')
    const made = new Set(
      (await Bun.file(trace).text())
        .split('\n')
        .flatMap((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? []),
    )
    expect(made.size).toBeGreaterThan(30)
    expect([...made].filter((call) => !allowed.has(call))).toStrictEqual([])
    rmSync(folder, { recursive: true })
  })
})

/** The variables that a unit sets, with its folders in place of their specifiers. */
const environmentOf = (unit: string, stateRoot: string): Record<string, string> =>
  Object.fromEntries(
    [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll('%S', stateRoot),
    ]),
  )

/** The system calls of a set, including nested sets. */
const callsOf = (set: string): string[] =>
  analyzed(['syscall-filter', set])
    .out.split('\n')
    .slice(1)
    .map((line) => line.trim())
    .flatMap((line) => (line.startsWith('@') ? callsOf(line) : /^\w+$/.test(line) ? [line] : []))

test('the service notifies the service manager when it is ready, alive, reloading and stopping', async () => {
  const folder = temporaryFolder()
  const socket = join(folder, 'notify')
  const manager = Bun.spawn(['perl', '-MIO::Socket::UNIX', '-e', RECEIVE, socket], {
    stdout: 'pipe',
  })
  while (!(await Bun.file(socket).exists()) && !(await isSocket(socket))) await Bun.sleep(20)
  const { cert, key } = selfSigned(folder, 'pi')
  const service = await startService({
    folder,
    env: {
      NOTIFY_SOCKET: socket,
      WATCHDOG_USEC: '300000',
      TLS_CERT_FILE: cert,
      TLS_KEY_FILE: key,
    },
  })
  let text = ''
  const messages = () => text.trim().split('\n')
  const count = (message: string) => messages().filter((line) => line === message).length
  void (async () => {
    for await (const part of manager.stdout) text += new TextDecoder().decode(part)
  })()
  await until(() => count('WATCHDOG=1') > 1)
  process.kill(service.pid, 'SIGHUP')
  await until(() => count('READY=1') === 2)
  expect(await service.stop()).toBe(0)
  await until(() => count('STOPPING=1') === 1)
  manager.kill()
  await manager.exited
  expect(messages()[0]).toBe('READY=1')
  expect(messages().at(-1)).toBe('STOPPING=1')
  expect(messages().filter((line) => !line.startsWith('WATCHDOG'))).toStrictEqual([
    'READY=1',
    'RELOADING=1',
    'READY=1',
    'STOPPING=1',
  ])
  rmSync(folder, { recursive: true })
})

const RECEIVE = `$| = 1; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]);
  while (1) { $s->recv(my $text, 999); print "$text\\n"; }`

const isSocket = async (path: string): Promise<boolean> =>
  Bun.file(path)
    .stat()
    .then((found) => found.isSocket())
    .catch(() => false)
