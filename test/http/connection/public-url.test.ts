import { expect, test } from 'bun:test'
import { networkInterfaces } from 'node:os'
import { linkBase, machineAddresses, ownUrls } from '../../../src/http/connection/public-url.ts'
import { bearer, startApp } from '../../support/app.ts'

const LISTENING = { host: '0.0.0.0', port: 8080, tlsCertFile: undefined }

test('a service that listens on all interfaces names this machine’s addresses, localhost last', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((ofOne) => ofOne ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => `http://${address}:8080`)
  for (const host of ['0.0.0.0', '::'])
    expect(ownUrls({ ...LISTENING, host })).toStrictEqual([...own, 'http://localhost:8080'])
})

test('a service that listens on one address names that one, with its scheme', () => {
  expect(ownUrls({ ...LISTENING, host: '192.168.1.20', tlsCertFile: '/cert.pem' })).toStrictEqual([
    'https://192.168.1.20:8080',
  ])
  expect(ownUrls({ ...LISTENING, host: '::1', port: 80 })).toStrictEqual(['http://[::1]:80'])
})

test('links lead to PUBLIC_URL or the first address of this machine, never to the host of a request', async () => {
  expect(linkBase({ ...LISTENING, publicUrl: 'https://lock.home' })).toBe('https://lock.home')
  await using app = await startApp({ HOST: '192.168.1.20' })
  const owner = await app.signIn('oli', 'owner')
  const answer = await app.post(
    '/v1/invitations',
    { role: 'member' },
    { ...bearer(owner), host: 'evil.example', 'x-forwarded-host': 'evil.example' },
  )
  const { link } = (await answer.json()) as { link: string }
  expect(link).toStartWith('http://192.168.1.20:8080/join#invitation=')
})

test('the addresses of this machine include loopback but no link-local ones', () => {
  const addresses = machineAddresses()
  expect(addresses).toContain('127.0.0.1')
  for (const address of addresses) expect(address).not.toMatch(/^fe[89ab]|^169[.]254|%/)
})
