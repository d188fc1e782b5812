import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { SETTINGS } from '../../src/config/settings.ts'
import { KEY_FILES } from '../../src/storage/files/data-dir.ts'
import { PASSWORD, basic, clientOf } from '../support/app.ts'
import { freePort, temporaryFolder } from '../support/binary.ts'
import { assemblyScript, imageConfig } from '../support/dockerfile.ts'
import { textOf } from '../support/manual.ts'
import { until } from '../support/until.ts'

type Service = {
  user: string
  read_only: boolean
  cap_drop: string[]
  security_opt: string[]
  environment: Record<string, string>
  secrets: string[]
  volumes: string[]
  healthcheck: { test: string[] }
  ports: string[]
}

type Compose<Name extends string> = {
  services: Record<Name, Service>
  volumes: Record<string, object>
  secrets: Record<string, { file: string }>
}

/** The Compose file on a page of the manual. */
const composeOf = <Name extends string>(page: string): Compose<Name> =>
  Bun.YAML.parse(/^```yaml\n([^]*?)\n```$/m.exec(page)?.[1] ?? '') as Compose<Name>

const compose = composeOf<'secure-lock'>(textOf('src/manual/install.md'))
const composed = compose.services['secure-lock']
const image = imageConfig()

test('the image and the Compose file in the manual say the same', () => {
  expect(composed.user).toBe(image.user)
  expect(composed.healthcheck.test).toStrictEqual(['CMD', ...image.healthcheck])
  expect(composed.volumes.map((one) => one.split(':')[1] ?? '')).toStrictEqual([...image.volumes])
  expect([composed.read_only, composed.cap_drop]).toStrictEqual([true, ['ALL']])
  expect(composed.security_opt).toStrictEqual(['no-new-privileges:true'])
  expect(composed.secrets).toStrictEqual(Object.keys(compose.secrets))
  expect(composed.environment['JWT_SECRET_KEY_FILE']).toBe(`/run/secrets/${composed.secrets[0]}`)
})

test('the Compose file for replicas differs from it in where the data is, and all their keys are copied', () => {
  const page = textOf('src/manual/postgresql.md')
  const { services, volumes, secrets } = composeOf<'one' | 'two'>(page)
  const folders = new Set<string | undefined>()
  for (const [name, replica] of Object.entries(services)) {
    // The image has the same check; a proxy is in front.
    const { healthcheck: _, ports: __, ...same } = composed
    expect<object>(replica).toStrictEqual({
      ...same,
      hostname: name,
      environment: replica.environment,
      secrets: Object.keys(secrets),
      volumes: replica.volumes,
    })
    const [volume, folder] = replica.volumes[0]?.split(':') ?? []
    expect([folder]).toStrictEqual([...image.volumes])
    folders.add(volume)
    expect(replica.environment).toStrictEqual(services.one.environment)
  }
  expect(folders).toStrictEqual(new Set(Object.keys(volumes)))
  const { environment } = services.one
  for (const name of replicaSecrets(environment)) expect(secrets).toHaveProperty(name)
  const known = new Set(Object.values(SETTINGS).flatMap(({ env }) => [env, `${env}_FILE`]))
  expect(Object.keys(environment).filter((name) => !known.has(name))).toStrictEqual([])
  const { tokens, door, ...created } = KEY_FILES
  expect(secrets).toHaveProperty(tokens)
  const [, copied = ''] = /^for key in (.*); do$/m.exec(page) ?? []
  expect(copied.split(' ')).toStrictEqual([...Object.values(created), 'metrics-token'])
  // A controller creates it later.
  expect(page).toContain(door)
})

/** The secrets that settings name. */
const replicaSecrets = (environment: Readonly<Record<string, string>>): readonly string[] =>
  Object.values(environment).flatMap((value) => /^\/run\/secrets\/(.*)$/.exec(value)?.[1] ?? [])

const isRequired = process.env['REQUIRE_IMAGE'] === '1'
const isDebian12 = (): boolean =>
  /^VERSION_ID="12"$/m.test(readFileSync('/etc/os-release', 'utf8')) && process.arch === 'x64'

/** Needs root, and a Debian 12 in place of the base images. */
const canRun = isRequired || (process.getuid?.() === 0 && isDebian12())

describe.if(canRun)('the image, run read-only, as its user, without capabilities', () => {
  const folder = temporaryFolder()
  const root = join(folder, 'image')
  const secret = join(folder, 'secret')
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString('base64')
  const [uid = '', gid = ''] = image.user.split(':')
  let env: Record<string, string>

  beforeAll(async () => {
    mkdirSync(root)
    const made = Bun.spawnSync(['unshare', '--mount', 'sh', '-c', assemblyScript(root)], {
      stderr: 'pipe',
    })
    expect(`${made.exitCode} ${made.exitCode === 0 ? '' : made.stderr.toString()}`).toBe('0 ')
    // What an engine adds.
    for (const place of ['proc', 'dev', 'run/secrets'])
      mkdirSync(join(root, place), { recursive: true })
    for (const file of ['dev/null', 'dev/urandom', `run/secrets/${composed.secrets[0]}`])
      writeFileSync(join(root, file), '')
    writeFileSync(secret, `${key}\n`)
    chownSync(secret, Number(uid), Number(gid))
    chmodSync(secret, 0o400)
    chmodSync(folder, 0o711)
    env = {
      PATH: process.env['PATH'] ?? '',
      ...image.env,
      ...composed.environment,
      REGISTRATION: 'open',
      PORT: String(await freePort()),
    }
  })

  afterAll(async () => {
    for (const one of all)
      if (one.exitCode === null) process.kill(Number(processOf(one)), 'SIGKILL')
    await Promise.all(all.map(({ exited }) => exited))
    rmSync(folder, { recursive: true })
  })

  const all: Bun.Subprocess[] = []

  /** Starts the image as process 1 of its own namespaces. */
  const start = () => {
    const script = `
      cd ${root}
      mount --bind . . && cd ${root}
      mount -t tmpfs -o mode=0700,uid=${uid},gid=${gid} tmpfs data
      mount --bind ${secret} run/secrets/${composed.secrets[0]}
      mount -t proc proc proc
      for device in null urandom; do mount --bind /dev/$device dev/$device; done
      mount -o remount,bind,ro .
      exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
        chroot --userspec=${image.user} --groups= . ${image.entrypoint.join(' ')}`
    const started = Bun.spawn(['unshare', '--mount', '--pid', '--fork', 'sh', '-ec', script], {
      env,
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
    })
    all.push(started)
    return started
  }

  /** The process id of the server, as seen from this machine. */
  const processOf = (started: { pid: number }): string =>
    readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8').trim()

  /** Runs a command of the executable inside, as `docker exec` does. */
  const within = async (pid: string, args: readonly string[], input = '', more = {}) => {
    const run = Bun.spawn(
      [
        'nsenter',
        '--target',
        pid,
        '--mount',
        '--pid',
        '--root',
        '--wd',
        '--setuid',
        uid,
        '--setgid',
        gid,
        ...args,
      ],
      { env: { ...env, ...more }, stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' },
    )
    const [out, words] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
    ])
    return { status: await run.exited, out, words }
  }

  test('serves, keeps its data only in /data, reads its secret from a file, and stops with 0', async () => {
    const started = start()
    while (processOf(started) === '') await Bun.sleep(10)
    const pid = processOf(started)
    await until(async () => (await within(pid, image.healthcheck)).status === 0)

    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'))
    expect(status).toMatch(/^CapPrm:\t0+$/m)
    expect(status).toMatch(/^CapEff:\t0+$/m)
    expect(status).toMatch(/^NoNewPrivs:\t1$/m)
    expect(status).toMatch(/^NSpid:\t\d+\t1$/m)
    expect(readFileSync(`/proc/${pid}/mounts`, 'utf8')).toMatch(/^\S+ \/ \S+ ro,/m)

    const { post, get } = clientOf(`http://127.0.0.1:${env['PORT']}`)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    expect((await post('/register', person)).status).toBe(200)
    const { access_token: token } = (await (await post('/login', person)).json()) as {
      access_token: string
    }
    const [header, payload, signature] = token.split('.')
    expect(createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url')).toBe(
      signature ?? '',
    )
    const [executable = ''] = image.entrypoint
    const added = await within(
      pid,
      [executable, 'user', 'add', '--role', 'owner', 'oli'],
      `${PASSWORD}\n`,
    )
    expect(added).toMatchObject({ status: 0, out: 'Added owner oli\n' })
    expect((await get('/getUsers', basic('oli', PASSWORD))).status).toBe(200)
    expect((await within(pid, [executable, 'log', 'verify'])).status).toBe(0)

    const kept = readdirSync(`/proc/${pid}/root/data`)
    expect(kept).toContain('secure-lock.db')
    expect(kept).not.toContain('jwt-secret-key')
    const elsewhere = await within(pid, [executable, 'user', 'add', 'eve'], `${PASSWORD}\n`, {
      DATA_DIR: '/elsewhere',
      // As if for another service.
      PORT: '8081',
    })
    expect(elsewhere.status).toBe(1)
    expect(elsewhere.words).toMatch(/read-only/)

    process.kill(Number(pid), image.stopSignal)
    expect(await started.exited).toBe(0)
  })

  test('refuses a secret file that is too short, and says so', async () => {
    writeFileSync(secret, 'short')
    const started = start()
    expect(await started.exited).toBe(1)
    expect(await new Response(started.stderr).text()).toContain('JWT_SECRET_KEY is shorter than 32')
    writeFileSync(secret, `${key}\n`)
  })
})
