import { describe, expect, test } from 'bun:test'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'
import { scraping } from '../support/metrics-token.ts'
import { PROXIES, exampleOf, startProxy } from '../support/reverse-proxy.ts'
import { until } from '../support/until.ts'

const PHONE = 'Dart/3.5 (dart:io)'
const CLOSED = ['/getUsers', '/getLogs', '/metrics', '/v1/doctor']

const findingsOf = async (service: Service, token: string) => {
  const answer = await clientOf(service.url).get('/v1/doctor', bearer(token))
  const { findings } = (await answer.json()) as { findings: { check: string; state: string }[] }
  return findings.filter(({ check }) => check === 'proxy')
}

const json = (body: object) => ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]

/** Expects that a live stream through the proxy, as a browser asks for it, shows an unlock while it is
 * open. */
const expectLive = async (
  { curl, url, port }: Awaited<ReturnType<typeof startProxy>>,
  token: string,
): Promise<void> => {
  const as = ['-H', `authorization: Bearer ${token}`]
  const resolve = ['--resolve', `lock.example.org:${port}:127.0.0.1`]
  const stream = Bun.spawn(
    ['curl', '-sSkN', '--compressed', '--max-time', '20', ...resolve, ...as].concat(
      `${url}/v1/unlocks/stream`,
    ),
    { stdout: 'pipe' },
  )
  let seen = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of stream.stdout) seen += decoder.decode(chunk, { stream: true })
  })()
  await until(() => seen.includes(':'))
  await curl('127.0.0.9', '/logUnlocking', ...as, ...json({ 'unlocking-method': 'pin' }))
  await until(() => seen.includes('event: unlock'))
  expect(stream.exitCode).toBe(null)
  stream.kill()
  await reading
}

const statusOnly = ['-o', '/dev/null', '-w', '%{http_code}']

for (const proxy of PROXIES)
  describe.skipIf(!Bun.which(proxy) || !Bun.which('curl'))(proxy, () => {
    test('[G5] as the manual sets it up, each client is seen, the stream is live, and nothing opens', async () => {
      await using service = await startService({
        env: {
          ...UNLIMITED,
          DEBUG: 'true',
          TRUSTED_PROXIES: '127.0.0.1',
          PUBLIC_URL: 'https://lock.example.org',
        },
      })
      await addAccount('oli', { role: 'owner', folder: service.folder })
      await using through = await startProxy(proxy, exampleOf(proxy), service.url)
      const login = await through.curl(
        '127.0.0.9',
        '/login',
        ...json({ username: 'oli', password: PASSWORD }),
        '-A',
        PHONE,
        '-H',
        'X-Forwarded-For: 203.0.113.9',
      )
      const { access_token: token } = JSON.parse(login) as { access_token: string }
      const as = ['-H', `authorization: Bearer ${token}`]
      const sessions = await through.curl('127.0.0.9', '/v1/sessions', ...as)
      expect(JSON.parse(sessions)).toMatchObject({ sessions: [{ address: '127.0.0.9' }] })

      await expectLive(through, token)

      for (const path of CLOSED)
        for (const host of ['lock.example.org', 'localhost', '127.0.0.1']) {
          const asked = ['-H', `Host: ${host}`, ...statusOnly]
          // Caddy answers other names itself.
          expect(await through.curl('127.0.0.9', path, ...asked)).toMatch(
            proxy === 'caddy' && host !== 'lock.example.org'
              ? /^(?:200|401|421)$/
              : /^(?:401|421)$/,
          )
        }
      const { authorization } = scraping(service.folder)
      const scrape = ['-H', `authorization: ${authorization}`]
      expect(await through.curl('127.0.0.9', '/metrics', ...scrape)).toContain('secure_lock_')
      expect(await findingsOf(service, token)).toMatchObject([{ state: 'ok' }])
    })
  })

test.skipIf(!Bun.which('caddy') || !Bun.which('curl'))(
  'the stream is live through a Caddy that compresses',
  async () => {
    await using service = await startService({ env: UNLIMITED })
    await addAccount('oli', { role: 'owner', folder: service.folder })
    const token = await tokenFor(service.url, 'oli')
    const config = exampleOf('caddy').replace('reverse_proxy', 'encode\n    reverse_proxy')
    await using through = await startProxy('caddy', config, service.url)
    await expectLive(through, token)
  },
)

describe.skipIf(!Bun.which('nginx') || !Bun.which('curl'))('a proxy that says nothing', () => {
  const BARE = `server { listen 443 ssl; ssl_certificate /etc/ssl/lock.pem;
    ssl_certificate_key /etc/ssl/lock-key.pem; location / { proxy_pass http://127.0.0.1:8080; } }`

  test('[G5] plain proxy_pass on the gateway opens nothing, also with DEBUG, and doctor recognises it', async () => {
    await using service = await startService({ env: { ...UNLIMITED, DEBUG: 'true' } })
    await addAccount('oli', { role: 'owner', folder: service.folder })
    const token = await tokenFor(service.url, 'oli')
    expect(await findingsOf(service, token)).toMatchObject([{ state: 'ok' }])
    await using through = await startProxy('nginx', BARE, service.url)
    for (const path of CLOSED)
      expect(`${path} ${await through.curl('127.0.0.9', path, ...statusOnly)}`).toBe(`${path} 401`)
    await through.curl('127.0.0.9', '/livez', '-A', PHONE)
    expect(await findingsOf(service, token)).toMatchObject([
      {
        state: 'warning',
        says: 'A proxy at 127.0.0.1 does not say whose requests it passes on, so one person’s wrong passwords may lock out everyone behind it',
      },
    ])
  })

  test('the stream is live through plain proxy_pass, and with compression', async () => {
    await using service = await startService({ env: UNLIMITED })
    await addAccount('oli', { role: 'owner', folder: service.folder })
    const token = await tokenFor(service.url, 'oli')
    // With each default: HTTP/1.0 to the server, and buffered answers.
    for (const config of [BARE, BARE.replace('location', 'gzip on; gzip_types *; location')]) {
      await using through = await startProxy('nginx', config, service.url)
      await expectLive(through, token)
    }
  })

  test('[G5] one that passes the name on is recognised by that name', async () => {
    await using service = await startService({ env: UNLIMITED })
    await addAccount('oli', { role: 'owner', folder: service.folder })
    const token = await tokenFor(service.url, 'oli')
    const named = BARE.replace(
      'proxy_pass',
      'proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_pass',
    )
    await using through = await startProxy('nginx', named, service.url)
    await through.curl('127.0.0.9', '/livez')
    expect(await findingsOf(service, token)).toMatchObject([{ state: 'warning' }])
  })
})
