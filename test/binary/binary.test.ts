import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { homeDatabase } from '../support/home-database.ts'
import { IS_POSTGRES } from '../support/test-server.ts'
import { version } from '../../package.json'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf } from '../support/app.ts'
import {
  BINARY,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { writeAndSee } from '../support/slow-request.ts'
import { until } from '../support/until.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

/** Starts the service expecting a refusal; returns its exit status and messages. */
const refusal = async (options: Parameters<typeof runCommand>[1]) => {
  const { status, words } = await runCommand(['serve'], options)
  return { status, words: words.trim() }
}

describe('the compiled file', () => {
  test('runs when copied alone into an empty folder, and creates its data folder 0700 and files 0600', async () => {
    const folder = temporaryFolder()
    cpSync(BINARY, join(folder, 'server'))
    await using service = await startService({ folder, env: UNLIMITED })
    expect((await clientOf(service.url).post('/register', PERSON)).status).toBe(200)
    expect(readdirSync(folder).toSorted()).toStrictEqual(['data', 'server'])
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(join(folder, 'data'))) {
      // A draft may be gone by now.
      const found = statSync(join(folder, 'data', file), { throwIfNoEntry: false })
      if (found) expect([file, (found.mode & 0o777).toString(8)]).toStrictEqual([file, '600'])
    }
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('says where it listens, where its data is and what needs attention', async () => {
    await using service = await startService({ env: { HOST: '0.0.0.0', DEBUG: 'true' } })
    // It answers requests a moment before that.
    // Messages and log lines arrive apart.
    await until(() => service.output().log.includes('"started"'))
    await until(() => service.output().words.includes(' NAME\n'))
    const { words } = service.output()
    expect(words).toContain(`Secure Lock Server ${version}`)
    expect(words).toMatch(/listening {2}http:\/\/([\d.]+|localhost):\d+/)
    expect(words).toContain(
      IS_POSTGRES ? 'postgres://' : join(service.folder, 'data/secure-lock.db'),
    )
    for (const warning of [
      'plain HTTP',
      'registration is open',
      'no owner yet',
      'DEBUG has no effect: HOST is not a loopback address',
    ])
      expect(words).toContain(warning)
    expect(service.output().log).toContain(`"version":"${version}"`)
  })

  test('[O2] nothing in a hostile folder is run or read', async () => {
    const folder = temporaryFolder()
    const trap = `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'TRAPPED'))}, 'x')`
    writeFileSync(join(folder, '.env'), 'DEBUG=true\nREGISTRATION=closed\nJWT_SECRET_KEY=short\n')
    writeFileSync(join(folder, '.env.production'), 'DEBUG=true\n')
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./trap.js"]\n')
    writeFileSync(join(folder, 'trap.js'), trap)
    writeFileSync(join(folder, 'package.json'), '{"main":"trap.js","type":"commonjs"}')
    writeFileSync(
      join(folder, 'tsconfig.json'),
      '{"compilerOptions":{"paths":{"*":["./trap.js"]}}}',
    )
    for (const name of ['writer.ts', 'writer.js', 'src/writer.ts', 'src/writer.js']) {
      mkdirSync(join(folder, 'src'), { recursive: true })
      writeFileSync(join(folder, name), trap)
    }
    for (const module of ['elysia', 'pino', 'jose', 'debug']) {
      mkdirSync(join(folder, 'node_modules', module), { recursive: true })
      writeFileSync(join(folder, 'node_modules', module, 'index.js'), trap)
    }
    await using service = await startService({ folder, env: UNLIMITED })
    const { post, get } = clientOf(service.url)
    expect((await post('/register', PERSON)).status).toBe(200)
    expect((await post('/login', PERSON)).status).toBe(200)
    expect((await get('/getLogs')).status).toBe(401)
    expect((await get('/swagger/json')).status).toBe(200)
    await service.stop()
    expect(existsSync(join(folder, 'TRAPPED'))).toBe(false)
    rmSync(folder, { recursive: true })
  })

  test('reads the legacy server’s .env if it is named, and the environment takes precedence', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, '.env'), 'DEBUG=True\nREGISTRATION="closed"\nPORT=1\n')
    await using service = await startService({ folder, args: ['--env-file', '.env'] })
    const { post, get } = clientOf(service.url)
    expect((await post('/register', PERSON)).status).toBe(403)
    expect((await get('/getLogs')).status).toBe(200)
    writeFileSync(join(folder, 'elsewhere'), 'DATA_DIR=elsewhere-data\n')
    const add = ['user', 'add', 'eve', '--env-file', 'elsewhere']
    expect((await runCommand(add, { folder, input: `${PASSWORD}\n` })).status).toBe(0)
    expect(readdirSync(join(folder, 'elsewhere-data'))).toContain('secure-lock.db')
    await service.stop()
    const absent = await runCommand(['serve', '--env-file', 'none'], { folder })
    expect(absent).toMatchObject({
      status: 1,
      words: 'Cannot read the settings in none: there is no such file\n',
    })
    rmSync(folder, { recursive: true })
  })

  test('says which lines of a settings file set nothing, and uses all others', async () => {
    const folder = temporaryFolder()
    const lines = [
      '# the gateway',
      'export REGISTRATION=closed',
      'DEBUG true',
      "JWT_SECRET_KEY='many",
      `lines${'x'.repeat(40)}'`,
      'DATADIR=elsewhere',
      'RATE_LIMIT_AUTH="off # no end',
      '  LOG_LEVEL = warn',
      'the end',
    ]
    writeFileSync(join(folder, 'lock.env'), lines.join('\r\n'))
    const args = ['--env-file', 'lock.env', 'doctor']
    const { out, words } = await runCommand(args, { folder, env: { RATE_LIMIT_AUTH: 'off' } })
    expect(words.split('\n')).toStrictEqual([
      'lock.env: line 3 is not NAME=value and is ignored',
      'lock.env: line 9 is not NAME=value and is ignored',
      'lock.env: DATADIR is not a setting and is ignored; did you mean "DATA_DIR"?',
      '',
    ])
    expect(out).toContain('set: REGISTRATION, JWT_SECRET_KEY, RATE_LIMIT_AUTH, LOG_LEVEL\n')
    rmSync(folder, { recursive: true })
  })

  test('the commands that a start suggests can be pasted, and include its settings', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'the lock.env'), `DATA_DIR=${join(folder, 'elsewhere')}\n`)
    await using service = await startService({ folder, args: ['--env-file', 'the lock.env'] })
    while (!service.output().words.includes(' NAME\n')) await Bun.sleep(10)
    const offered = /run\n +(.*) NAME\n/.exec(service.output().words)?.[1] ?? ''
    const pasted = Bun.spawnSync(['sh', '-c', `${offered} ada`], {
      stdin: Buffer.from(`${PASSWORD}\n`),
      cwd: '/',
      env: {},
    })
    expect(pasted.stdout.toString()).toBe('Added owner ada\n')
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('[G5] DEBUG opens the tables where HOST is a loopback address, and nothing forwarded the request', async () => {
    await using service = await startService({ env: { ...UNLIMITED, DEBUG: 'true' } })
    const status = async (headers: Record<string, string>) =>
      (await clientOf(service.url).get('/getUsers', headers)).status
    expect(await status({})).toBe(200)
    expect(await status({ host: 'localhost' })).toBe(200)
    for (const headers of [
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-proto': 'https' },
      { 'x-forwarded-host': 'localhost' },
      { forwarded: 'for=203.0.113.9' },
      { 'x-real-ip': '127.0.0.1' },
      { via: '1.1 proxy' },
      { 'cf-connecting-ip': '127.0.0.1' },
      { 'true-client-ip': '127.0.0.1' },
      { host: 'evil.example' },
      // As nginx asks by default.
      { connection: 'close' },
    ] as Record<string, string>[])
      expect(`${JSON.stringify(headers)} ${await status(headers)}`).toEndWith(' 401')
    await until(() => service.output().words.includes('DEBUG shows the tables to every program'))
  })

  test.each([
    [{ HOST: '0.0.0.0' }, 'HOST is not a loopback address'],
    [{ TRUSTED_PROXIES: '127.0.0.1' }, 'TRUSTED_PROXIES names a proxy'],
    [{ PUBLIC_URL: 'https://lock.example.org' }, 'PUBLIC_URL is not on this machine'],
  ] as const)('[G5] DEBUG has no effect with %j, and the start says so', async (env, why) => {
    await using service = await startService({ env: { ...UNLIMITED, DEBUG: 'true', ...env } })
    const { get } = clientOf(service.url)
    for (const path of ['/getUsers', '/getLogs']) expect((await get(path)).status).toBe(401)
    await until(() => service.output().words.includes(`DEBUG has no effect: ${why}`))
  })

  test('[T2] a short or known secret prevents the start', async () => {
    for (const secret of ['kurz-und-geheim', 'your-secret-key-your-secret-key-your']) {
      const { status, words } = await refusal({ env: { JWT_SECRET_KEY: secret } })
      expect(status).toBe(1)
      expect(words).toContain('JWT_SECRET_KEY')
      expect(words).not.toContain(secret)
    }
  })

  test('a bad setting, a port in use and a bad certificate each cause one clear message', async () => {
    expect(await refusal({ env: { PORT: 'http' } })).toStrictEqual({
      status: 1,
      words: 'The settings cannot be used:\n  PORT must be a whole number from 1 to 65535',
    })
    await using service = await startService()
    const { port } = new URL(service.url)
    const inUse = await refusal({ env: { HOST: '127.0.0.1', PORT: port } })
    expect(inUse).toStrictEqual({
      status: 1,
      words: `Cannot listen on 127.0.0.1 port ${port}: another program uses this port; stop it, or set PORT to another number`,
    })
    const free = String(await freePort())
    const noFile = await refusal({
      env: { PORT: free, TLS_CERT_FILE: '/none.pem', TLS_KEY_FILE: '/none.pem' },
    })
    expect(noFile).toMatchObject({
      status: 1,
      words: expect.stringContaining('TLS_CERT_FILE') as string,
    })
    const noPem = await refusal({
      env: { PORT: free, TLS_CERT_FILE: '/proc/version', TLS_KEY_FILE: '/proc/version' },
    })
    expect(noPem).toMatchObject({
      status: 1,
      words: expect.stringContaining('TLS_CERT_FILE') as string,
    })
  })

  test('a second service on the same data folder is refused, and the first keeps running', async () => {
    await using service = await startService()
    const second = await refusal({
      folder: service.folder,
      env: { PORT: String(await freePort()) },
    })
    expect(second).toStrictEqual({
      status: 1,
      words: `Cannot lock the folder ${join(service.folder, 'data')}: another service already serves from there, or an upgrade or restore is running`,
    })
    expect((await clientOf(service.url).get('/readyz')).status).toBe(200)
    await service.stop('SIGKILL')
  })

  test('[I5] serves HTTPS with a certificate, and sends HSTS only there', async () => {
    const folder = temporaryFolder()
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const made = Bun.spawnSync([
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=gateway',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ])
    expect(made.exitCode).toBe(0)
    const env = { ...UNLIMITED, TLS_CERT_FILE: cert, TLS_KEY_FILE: key }
    await using service = await startService({ folder, env })
    const answer = await fetch(`${service.url}/livez`, { tls: { ca: await Bun.file(cert).text() } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=')
    const health = await runCommand(['healthcheck'], {
      folder,
      env: { ...env, PORT: new URL(service.url).port },
    })
    expect(health).toMatchObject({ status: 0, out: 'ready\n' })
    await service.stop()
    rmSync(folder, { recursive: true })
  })
})

describe('commands', () => {
  test('--version, and unknown arguments', async () => {
    expect(await runCommand(['--version'])).toMatchObject({ status: 0, out: `${version}\n` })
    expect((await runCommand(['dance'])).status).toBe(2)
    expect((await runCommand(['serve', '--dance'])).status).toBe(2)
  })

  test('healthcheck says when nothing answers', async () => {
    const PORT = String(await freePort())
    expect(await runCommand(['healthcheck'], { env: { PORT } })).toMatchObject({
      status: 1,
      words: `No answer from http://127.0.0.1:${PORT}/readyz; is the service running, with this DATA_DIR?\n`,
    })
  })
})

describe('stopping', () => {
  test('[O1] SIGTERM answers the request in flight, cuts idle connections, leaves no WAL and exits 0', async () => {
    const folder = temporaryFolder()
    await using service = await startService({ folder, env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', PERSON)
    const login = (await (await post('/login', PERSON)).json()) as { access_token: string }
    const { port } = new URL(service.url)
    const idle = connect(Number(port), '127.0.0.1')
    await new Promise((connected) => idle.once('connect', connected))
    idle.on('error', () => {})

    const half = connect(Number(port), '127.0.0.1')
    const body = '{"unlocking-method":"pin"}'
    await writeAndSee(
      half,
      service.url,
      `POST /logUnlocking HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${login.access_token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    const stopped = service.stop()
    await until(() => service.output().log.includes('"stopping"'))
    const answer = new Promise<string>((got) => half.once('data', (data) => got(data.toString())))
    half.write(body)
    expect(await answer).toContain('200 OK')
    expect(await stopped).toBe(0)
    expect(service.output().log).not.toContain('requests left unanswered')
    expect(readdirSync(join(folder, 'data')).toSorted()).toStrictEqual([
      'guess-key',
      'jwt-secret-key',
      'log-signed-head',
      'log-signing-key',
      'metrics-token',
      'second-factor-key',
      ...(IS_POSTGRES ? [] : ['secure-lock.db']),
      'service.lock',
    ])
    await using db = await homeDatabase(folder)
    expect(await db.all('SELECT seq, username, method FROM unlock_event')).toStrictEqual([
      { seq: 0, username: 'ada', method: 'pin' },
    ])
    idle.destroy()
    half.destroy()
    rmSync(folder, { recursive: true })
  })

  test('[D1] acknowledged events are there after kill -9, in order and without gaps', async () => {
    const folder = temporaryFolder()
    let acknowledged = 0
    for (let round = 0; round < 5; round++) {
      await using service = await startService({ folder, env: UNLIMITED })
      const { post } = clientOf(service.url)
      if (round === 0) await post('/register', PERSON)
      const login = (await (await post('/login', PERSON)).json()) as { access_token: string }
      const unlock = async () => {
        const answer = await post(
          '/logUnlocking',
          { 'unlocking-method': 'pin' },
          bearer(login.access_token),
        ).catch(() => null)
        if (answer?.status === 200) acknowledged += 1
      }
      const before = acknowledged
      await unlock()
      expect(acknowledged).toBe(before + 1)
      const load = Promise.all(Array.from({ length: 60 }, unlock))
      await Bun.sleep(4 * round)
      await service.stop('SIGKILL')
      await load
    }
    await using db = await homeDatabase(folder)
    const found = await db.get<{ n: number; last: number }>(
      'SELECT count(*) AS n, max(seq) AS last FROM unlock_event',
    )
    expect(found?.n).toBeGreaterThanOrEqual(acknowledged)
    expect(found?.last).toBe((found?.n ?? 0) - 1)
    rmSync(folder, { recursive: true })
  })
})

/** Runs a shell script as root in a new mount namespace, so that its mounts end with it. */
const inNamespace = (script: string, folder: string) => {
  const run = Bun.spawnSync(['unshare', '-m', 'sh', '-ec', script], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', BINARY, ...UNLIMITED, HOST: '127.0.0.1' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return { status: run.exitCode, out: run.stdout.toString(), words: run.stderr.toString() }
}

const isRoot = process.getuid?.() === 0

describe.if(isRoot && !IS_POSTGRES)('a disk that fails (these need root, to mount one)', () => {
  test('[D4] a process log without room, or that nobody reads, does not stop the door', async () => {
    const folder = temporaryFolder()
    const ask = (out: string, times: number) => `
      PORT=$port "$BINARY" ${out} 2>/dev/null & server=$!
      for i in $(seq 600); do curl -sf localhost:$port/livez >/dev/null && break; sleep 0.1; done
      curl -sf -m 60 "localhost:$port/livez?[1-${times}]" >/dev/null || echo hung
      curl -s -m 60 localhost:$port/readyz; kill $server; wait $server; echo " status $?"`
    const { out } = inNamespace(
      `export port=${await freePort()} LOG_LEVEL=debug
      ${ask('> /dev/full', 5)}
      mkfifo pipe; sleep 600 < pipe & reader=$!
      ${ask('> pipe', 600)}
      kill $reader`,
      folder,
    )
    expect(out.trim().split('\n')).toStrictEqual([
      '{"status":"ready"} status 0',
      '{"status":"ready"} status 0',
    ])
    rmSync(folder, { recursive: true })
  })

  test('[D4] a full disk at the start: one message, exit 1, nothing half-written', () => {
    const folder = temporaryFolder()
    const script = `
      mkdir disk; mount -t tmpfs -o size=64k tmpfs disk
      head -c 61440 /dev/zero > disk/filler
      DATA_DIR=disk/data "$BINARY" 2>&1 && exit 9 || echo "status $?"`
    const { out } = inNamespace(script, folder)
    expect(out).toContain('status 1')
    expect(out).toMatch(/^Cannot .*disk is full/m)
    expect(out.trim().split('\n')).toHaveLength(2)
    rmSync(folder, { recursive: true })
  })

  test('[D4] a disk that fills up: writes answer 503, reads continue, nothing half-written, and it recovers', async () => {
    const folder = temporaryFolder()
    const port = await freePort()
    const script = `
      export PORT=${port}; url=http://127.0.0.1:$PORT
      mkdir disk; mount -t tmpfs -o size=4m tmpfs disk; mkdir disk/data
      printf '${PASSWORD}\\n' | DATA_DIR=disk/data "$BINARY" user add --role owner oli >/dev/null
      DATA_DIR=disk/data "$BINARY" >/dev/null 2>&1 & server=$!
      for i in $(seq 600); do curl -sf $url/livez >/dev/null && break; sleep 0.1; done
      json='content-type: application/json'
      token=$(curl -s $url/login -H "$json" -d '{"username":"oli","password":"${PASSWORD}"}' | sed 's/.*access_token":"\\([^"]*\\).*/\\1/')
      unlock() { curl -s -w ' %{http_code} %header{retry-after}\\n' $url/logUnlocking -H "$json" -H "Authorization: Bearer $token" -d '{"unlocking-method":"pin"}'; }
      logs() { curl -s -u 'oli:${PASSWORD}' $url/getLogs | grep -o unlocking_method | wc -l; }
      unlock; unlock
      dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null || true
      for i in $(seq 2000); do answer=$(unlock); case "$answer" in *' 503 '*) break;; esac; done
      echo "$answer"; before=$(logs); unlock
      curl -s -o /dev/null -w 'ready %{http_code}\\n' $url/readyz
      curl -s -o /dev/null -w 'live %{http_code}\\n' $url/livez
      [ "$(logs)" = "$before" ] && echo "reads go on"
      rm disk/filler; unlock
      for i in $(seq 600); do curl -sf -o /dev/null $url/readyz && break; sleep 0.1; done
      curl -s -w ' %{http_code}\\n' $url/readyz
      [ "$(logs)" = "$((before + 1))" ] && echo "one more"
      kill $server; wait $server; echo "status $?"`
    const { out } = inNamespace(script, folder)
    const stored = '{"msg":"Unlocking process logged successfully"} 200 '
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toStrictEqual([
      stored.trimEnd(),
      stored.trimEnd(),
      '{"msg":"The disk is full"} 503 2',
      '{"msg":"The disk is full"} 503 2',
      'ready 503',
      'live 200',
      'reads go on',
      stored.trimEnd(),
      '{"status":"ready","disk":"low"} 200',
      'one more',
      'status 0',
    ])
    rmSync(folder, { recursive: true })
  })

  test('[D4] a read-only disk: one message and exit 1', () => {
    const folder = temporaryFolder()
    const script = `
      mkdir disk; mount -t tmpfs -o size=8m tmpfs disk; mkdir disk/data
      printf '${PASSWORD}\\n' | DATA_DIR=disk/data "$BINARY" user add oli >/dev/null
      mount -o remount,ro disk
      DATA_DIR=disk/data "$BINARY" 2>&1 && exit 9 || echo "status $?"
      DATA_DIR=disk/new "$BINARY" 2>&1 && exit 9 || echo "status $?"`
    const { out } = inNamespace(script, folder)
    const [existing, first, fresh, second, ...more] = out.trim().split('\n')
    expect(existing).toMatch(/^Cannot .*read-only/)
    expect(fresh).toMatch(/^Cannot .*read-only/)
    expect([first, second, more]).toStrictEqual(['status 1', 'status 1', []])
    rmSync(folder, { recursive: true })
  })

  test('[D4] a data folder of another user: one message and exit 1, as the user of a service', () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'data'), { mode: 0o755 })
    const asNobody = (env: string) =>
      inNamespace(
        `${env} setpriv --reuid=65534 --regid=65534 --clear-groups "$BINARY" 2>&1 && exit 9 || echo "status $?"`,
        folder,
      )
    cpSync(BINARY, join(folder, 'server'))
    const denied = asNobody('BINARY=./server')
    expect(denied.out).toMatch(
      /^Cannot use .*it belongs to user root; run this as that user .runuser -u root -- .*\nstatus 1\n$/,
    )
    chownSync(join(folder, 'data'), 65534, 65534)
    writeFileSync(join(folder, 'data/secure-lock.db'), '')
    const deniedFile = asNobody('BINARY=./server')
    expect(deniedFile.out).toMatch(/^Cannot .*it belongs to user root\nstatus 1\n$/)
    rmSync(folder, { recursive: true })
  })
})

describe.skipIf(IS_POSTGRES)('a database file that cannot be used', () => {
  test('[D4] a corrupt file: one message, exit 1, and the file is left as it is', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'data'))
    const garbage = 'garbage '.repeat(4096)
    writeFileSync(join(folder, 'data/secure-lock.db'), garbage)
    const { status, words } = await refusal({ folder })
    expect(status).toBe(1)
    expect(words).toBe(
      `Cannot open database ${join(folder, 'data/secure-lock.db')}: The database file is damaged; restore a backup of it`,
    )
    expect(await Bun.file(join(folder, 'data/secure-lock.db')).text()).toBe(garbage)
    rmSync(folder, { recursive: true })
  })

  test('[D4] a lock held by another program: writes answer 503 after a wait, reads continue', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post, get } = clientOf(service.url)
    const { folder } = service
    await addAccount('oli', { role: 'owner', folder })
    const login = (await (
      await post('/login', { username: 'oli', password: PASSWORD })
    ).json()) as { access_token: string }
    await using other = await homeDatabase(folder)
    const release = await other.holdWrites()
    const unlock = post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(login.access_token))
    expect((await get('/getUsers', basic('oli', PASSWORD))).status).toBe(200)
    const answer = await unlock
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(await answer.json()).toStrictEqual({ msg: 'The database is locked by another program' })
    await release()
    const again = await post(
      '/logUnlocking',
      { 'unlocking-method': 'pin' },
      bearer(login.access_token),
    )
    expect(again.status).toBe(200)
    expect(await (await get('/getLogs', bearer(login.access_token))).json()).toMatchObject({
      1: { username: 'oli' },
    })
  })
})
