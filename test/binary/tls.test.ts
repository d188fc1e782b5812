import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, bearer, clientOf, recordsOf } from '../support/app.ts'
import {
  BINARY,
  OWN_FOLDER,
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { flood, lone, selfSigned, visit } from '../support/certificates.ts'
import { until } from '../support/until.ts'

const isRoot = process.getuid?.() === 0
const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

const openssl = (...args: readonly string[]): string => {
  const run = Bun.spawnSync(['openssl', ...args])
  return run.stdout.toString() + run.stderr.toString()
}

const curl = (...args: readonly string[]) => {
  const run = Bun.spawnSync(['curl', '-sS', '--noproxy', '*', ...args])
  return { status: run.exitCode, out: run.stdout.toString() }
}

const lines = (service: Service): string[] =>
  service
    .output()
    .log.split('\n')
    .filter((line) => line !== '')

/** Waits for a log line with this message after the given position. */
const logged = async (service: Service, message: string, from = 0): Promise<string> => {
  for (;;) {
    const found = lines(service)
      .slice(from)
      .find((line) => line.includes(`"msg":"${message}"`))
    if (found) return found
    await Bun.sleep(10)
  }
}

describe('tls init, and a service with its certificate', () => {
  const folder = temporaryFolder()
  const made = join(folder, 'data/tls')
  const [ca, cert, key] = ['ca.pem', 'server.pem', 'server-key.pem'].map((one) => join(made, one))
  let service: Service
  let words = ''
  const env = { ...UNLIMITED, TLS_CERT_FILE: `${cert}`, TLS_KEY_FILE: `${key}` }

  beforeAll(async () => {
    const run = await runCommand(['tls', 'init', '--name', 'Door.home', '--address', '10.9.8.7'], {
      folder,
    })
    expect(run.status).toBe(0)
    words = run.out
    service = await startService({ folder, env })
  })

  afterAll(async () => {
    await service.stop()
    rmSync(folder, { recursive: true })
  })

  test('OpenSSL accepts the chain for TLS servers, by the strict rules', () => {
    const verified = (...more: readonly string[]) =>
      openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', `${ca}`, ...more)
    expect(verified(`${cert}`)).toBe(`${cert}: OK\n`)
    for (const name of ['door.home', 'localhost'])
      expect(verified('-verify_hostname', name, `${cert}`)).toContain(': OK')
    for (const address of ['127.0.0.1', '::1', '10.9.8.7'])
      expect(verified('-verify_ip', address, `${cert}`)).toContain(': OK')
    expect(verified('-verify_hostname', 'bank.example', `${cert}`)).toContain('mismatch')
  })

  test('the certificate is one that phones accept: P-256, 825 days at most, a CA for these names', () => {
    const text = openssl('x509', '-in', `${cert}`, '-noout', '-text')
    expect(text).toContain('ASN1 OID: prime256v1')
    expect(text).toContain('TLS Web Server Authentication')
    expect(text).toContain('CA:FALSE')
    const [, from = '', to = ''] = /Not Before: (.+)\n.*Not After : (.+)\n/.exec(text) ?? []
    const days = (Date.parse(to) - Date.parse(from)) / 86_400_000
    expect(days).toBeLessThanOrEqual(825)
    expect(Date.parse(from)).toBeLessThan(Date.now() - 3_600_000)
    const authority = openssl('x509', '-in', `${ca}`, '-noout', '-text')
    expect(authority).toContain('CA:TRUE, pathlen:0')
    expect(authority).toMatch(/Name Constraints: critical\s+Permitted:\s+DNS:door.home/)
  })

  test('the fingerprint that it shows is that of the CA, as OpenSSL computes it, also in the link', () => {
    const shown = openssl('x509', '-in', `${ca}`, '-noout', '-fingerprint', '-sha256')
    const fingerprint = shown.split('=')[1]?.trim() ?? 'none'
    expect(words).toContain(`Fingerprint  ${fingerprint}\n`)
    expect(words).toContain(`#ca-sha256=${fingerprint.replaceAll(':', '').toLowerCase()}\n`)
    expect(words).toContain(`TLS_CERT_FILE=${cert}\n`)
    expect(words).toContain(`TLS_KEY_FILE=${key}\n`)
  })

  test('only this user can read its files', () => {
    expect(statSync(made).mode & 0o777).toBe(0o700)
    expect(readdirSync(made).toSorted()).toStrictEqual([
      'ca-key.pem',
      'ca.pem',
      'server-key.pem',
      'server.pem',
    ])
    for (const file of readdirSync(made))
      expect(statSync(join(made, file)).mode & 0o777).toBe(0o600)
  })

  test('[I5] curl trusts it with the CA and not without; HSTS is over TLS only', async () => {
    const { port } = new URL(service.url)
    for (const host of ['localhost', '127.0.0.1']) {
      const url = `https://${host}:${port}/livez`
      const trusted = curl('--cacert', `${ca}`, '-i', url)
      expect(trusted).toMatchObject({ status: 0 })
      expect(trusted.out).toMatch(/^strict-transport-security: max-age=\d+/im)
      expect(curl(url).status).toBe(60)
    }
    await using plain = await startService({ env: UNLIMITED })
    const { status, out } = curl('-i', `${plain.url}/livez`)
    expect(status).toBe(0)
    expect(out).not.toMatch(/strict-transport-security/i)
  })

  test('[I2] over TLS, too, a wrong method answers 405, an unknown path 404, and /v1 problem details', () => {
    const status = (...args: readonly string[]) =>
      curl('--cacert', `${ca}`, '-o', '/dev/null', '-w', '%{http_code} %header{allow}', ...args).out
    expect(status('-X', 'PUT', `${service.url}/livez`)).toBe('405 GET, HEAD')
    expect(status(`${service.url}/nothing`)).toBe('404 ')
    for (const path of ['/v1/people/x', '/v1/unlocks', '/v1/nothing'])
      expect(curl('--cacert', `${ca}`, `${service.url}${path}`).out).toStartWith(
        '{"type":"about:blank"',
      )
  })

  test('offers the CA to anyone who wants to trust it, and the healthcheck needs none', async () => {
    const found = curl('-k', '-i', `${service.url}/ca.pem`).out
    expect(found).toMatch(/^content-type: application\/x-x509-ca-cert/im)
    expect(found.split('\r\n\r\n')[1]).toBe(readFileSync(`${ca}`, 'utf8'))
    const { port } = new URL(service.url)
    expect(
      await runCommand(['healthcheck'], { folder, env: { ...env, HOST: '127.0.0.1', PORT: port } }),
    ).toMatchObject({ status: 0, out: 'ready\n' })
  })

  test('a second tls init renews with the same CA and key, and SIGHUP loads the new certificate', async () => {
    const before = Object.fromEntries(
      readdirSync(made).map((file) => [file, readFileSync(join(made, file), 'utf8')]),
    )
    const shown = (await visit(service.url, lone('/livez'))).fingerprint
    const from = lines(service).length
    const { status, out } = await runCommand(['tls', 'init', '--days', '20'], { folder })
    expect(status).toBe(0)
    expect(out).toContain('The CA is the same')
    expect(out).toMatch(/^For +.*door[.]home.* 10[.]9[.]8[.]7/m)
    for (const file of readdirSync(made))
      expect(`${file} ${readFileSync(join(made, file), 'utf8') === before[file]}`).toBe(
        `${file} ${file !== 'server.pem'}`,
      )
    process.kill(service.pid, 'SIGHUP')
    expect(await logged(service, 'certificate reloaded', from)).toContain('door.home')
    expect((await visit(service.url, lone('/livez'))).fingerprint).not.toBe(shown)
    expect(curl('--cacert', `${ca}`, `${service.url}/livez`).status).toBe(0)
    // It expires soon enough for a warning.
    expect(lines(service).slice(from).join('\n')).toMatch(
      /the certificate expires on [\d-]+, in 19 days/,
    )
  })

  test('refuses a name that its CA may not sign for, half a CA, and unknown arguments', async () => {
    const chain = readFileSync(`${cert}`, 'utf8')
    const refused = await runCommand(['tls', 'init', '--name', 'bank.example'], { folder })
    expect(refused.status).toBe(1)
    expect(refused.words).toContain('may not sign for bank.example')
    expect(readFileSync(`${cert}`, 'utf8')).toBe(chain)
    const half = temporaryFolder()
    cpSync(`${ca}`, join(half, 'ca.pem'))
    const lost = await runCommand(['tls', 'init', '--out', half], { folder })
    expect(lost.status).toBe(1)
    expect(lost.words).toContain('has only one of ca.pem and ca-key.pem')
    expect(readdirSync(half)).toStrictEqual(['ca.pem'])
    rmSync(half, { recursive: true })
    for (const args of [
      ['init', '--days', '825'],
      ['init', '--days', '0'],
      ['init', '--name', 'a b'],
      ['init', '--name', '10.0.0.1'],
      ['init', '--address', 'door.home'],
      ['init', 'more'],
      ['renew'],
      [],
    ])
      expect((await runCommand(['tls', ...args], { folder })).status).toBe(2)
  })
})

test.if(isRoot)(
  'tls init works as the service’s own user, and refuses to run as root in its folder',
  async () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    const home = join(folder, 'home')
    mkdirSync(home)
    chownSync(home, 65534, 65534)
    cpSync(BINARY, join(home, 'server'))
    const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const run = Bun.spawnSync([...asNobody, join(home, 'server'), 'tls', 'init'], {
      cwd: home,
      env: OWN_FOLDER,
    })
    expect(run.stderr.toString()).toBe('')
    expect(run.exitCode).toBe(0)
    const made = join(home, 'data/tls')
    for (const file of readdirSync(made)) expect(statSync(join(made, file)).uid).toBe(65534)
    const port = String(await freePort())
    const env = {
      PORT: port,
      HOST: '127.0.0.1',
      TLS_CERT_FILE: join(made, 'server.pem'),
      TLS_KEY_FILE: join(made, 'server-key.pem'),
    }
    await using service = await startService({ folder: home, env, within: asNobody })
    expect(curl('--cacert', join(made, 'ca.pem'), `https://localhost:${port}/livez`).status).toBe(0)
    await service.stop()
    const asRoot = await runCommand(['tls', 'init'], { folder: home })
    expect(asRoot).toMatchObject({
      status: 1,
      words: expect.stringContaining('user nobody') as string,
    })
    rmSync(folder, { recursive: true })
  },
)

describe('SIGHUP', () => {
  test('[O3] under a flood of new connections and unlocks, no request is lost, and each reload leaves an audit event', async () => {
    const folder = temporaryFolder()
    const use = (name: string) => {
      const { cert, key } = selfSigned(folder, name)
      cpSync(cert, join(folder, 'cert.pem'))
      cpSync(key, join(folder, 'key.pem'))
    }
    use('first')
    const env = {
      ...UNLIMITED,
      TLS_CERT_FILE: join(folder, 'cert.pem'),
      TLS_KEY_FILE: join(folder, 'key.pem'),
    }
    await using service = await startService({ folder, env })
    const tls = { rejectUnauthorized: false }
    const call = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(service.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        tls,
      })
    await call('/register', PERSON)
    const { access_token: token } = (await (await call('/login', PERSON)).json()) as {
      access_token: string
    }
    const stream = await fetch(`${service.url}/v1/unlocks/stream`, { headers: bearer(token), tls })
    const streamed = stream.body?.getReader()

    const visits = flood(service.url, '/livez')
    const over = new AbortController()
    let sent = 0
    let stored = 0
    const unlocking = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        // Kept-alive connections, as a phone's.
        const method = { 'unlocking-method': `pin ${++sent}` }
        const answer = await call('/logUnlocking', method, bearer(token))
        expect(answer.status).toBe(200)
        stored++
      }
    })
    let inUse = 1
    const everyCertificateSeen = () => until(() => new Set(visits.seen).size === inUse)
    for (const name of ['second', 'third']) {
      await everyCertificateSeen()
      const from = lines(service).length
      use(name)
      process.kill(service.pid, 'SIGHUP')
      await logged(service, 'certificate reloaded', from)
      inUse += 1
    }
    await everyCertificateSeen()
    over.abort()
    await Promise.all([...unlocking, visits.stop()])
    expect(visits.faults).toStrictEqual([])
    expect(new Set(visits.seen).size).toBe(3)
    const counted = await fetch(`${service.url}/v1/unlocks/stats`, { headers: bearer(token), tls })
    expect(((await counted.json()) as { total: number }).total).toBe(stored)
    // The stream continues through both.
    let received = ''
    while (received.split('\nid: ').length < stored / 2) {
      const { value } = (await streamed?.read()) ?? {}
      if (!value) break
      received += new TextDecoder().decode(value)
    }
    expect(received.split('\nid: ').length).toBeGreaterThan(stored / 2 - 1)
    await streamed?.cancel()
    const records = recordsOf(lines(service), 'tls.reload')
    expect(records).toHaveLength(2)
    expect(records[1]).toMatchObject({
      result: 'success',
      detail: { sha256: visits.seen.at(-1), expires: expect.stringContaining('T') as string },
    })
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('a pair that is broken, missing or does not belong together leaves the old one in use', async () => {
    const folder = temporaryFolder()
    const good = selfSigned(folder, 'good')
    const other = selfSigned(folder, 'other')
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    cpSync(good.cert, cert)
    cpSync(good.key, key)
    await using service = await startService({
      folder,
      env: { ...UNLIMITED, TLS_CERT_FILE: cert, TLS_KEY_FILE: key },
    })
    await logged(service, 'certificate in use')
    const { fingerprint } = await visit(service.url, lone('/livez'))
    const faultAfter = async (change: () => void): Promise<string> => {
      const from = lines(service).length
      change()
      process.kill(service.pid, 'SIGHUP')
      const line = await logged(service, 'certificate not reloaded: the previous one stays', from)
      expect((await visit(service.url, lone('/livez'))).fingerprint).toBe(fingerprint)
      return (JSON.parse(line) as { fault: string }).fault
    }
    expect(await faultAfter(() => cpSync(other.cert, cert))).toContain('does not belong')
    expect(await faultAfter(() => writeFileSync(cert, 'nonsense'))).toContain(
      'TLS_CERT_FILE contains no PEM certificate',
    )
    expect(await faultAfter(() => rmSync(cert))).toContain(`${cert}: there is no such file`)
    cpSync(good.cert, cert)
    expect(await faultAfter(() => writeFileSync(key, ''))).toContain(
      'TLS_KEY_FILE contains no PEM private key',
    )
    expect(recordsOf(lines(service), 'tls.reload').map(({ result }) => result)).toStrictEqual(
      Array.from({ length: 4 }, () => 'failure'),
    )
    cpSync(good.key, key)
    process.kill(service.pid, 'SIGHUP')
    await logged(service, 'certificate has not changed')
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  test('without TLS it changes nothing, and does not end the service', async () => {
    await using service = await startService({ env: UNLIMITED })
    // Until then, the handler with this answer is not installed.
    await logged(service, 'started')
    process.kill(service.pid, 'SIGHUP')
    await logged(service, 'nothing to reload: TLS_CERT_FILE is not set')
    expect((await clientOf(service.url).get('/readyz')).status).toBe(200)
    expect(await service.stop()).toBe(0)
  })
})
