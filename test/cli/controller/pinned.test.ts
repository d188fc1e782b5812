import { expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { pinnedAgent } from '../../../src/cli/controller/pinned-agent.ts'
import { runCommand } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'
import { controllerGateway } from '../../support/controller-gateway.ts'
import { controllerPlace } from '../../support/controller-place.ts'
import { CAN_FAKE, FAKETIME } from '../../support/faketime.ts'
import { until } from '../../support/until.ts'

const A = '0198a3f0-7c1d-7e52-8a5b-000000000001'

const pem = (path: string): string => readFileSync(path, 'utf8')
const fingerprintOf = (path: string): string => new X509Certificate(pem(path)).fingerprint256

/** A private CA and a certificate for this machine, as `tls init` makes them. */
const privateCa = async (folder: string) => {
  const made = await runCommand(['tls', 'init', '--out', join(folder, 'tls')], { folder })
  expect([made.status, made.words]).toStrictEqual([0, made.words])
  return {
    ca: join(folder, 'tls/ca.pem'),
    cert: join(folder, 'tls/server.pem'),
    key: join(folder, 'tls/server-key.pem'),
  }
}

const serving = (files: { readonly cert: string; readonly key: string }) =>
  controllerGateway({ tls: { cert: pem(files.cert), key: pem(files.key) } })

/** Makes a certificate with a new key. */
const openssl = (folder: string, words: string, more: readonly string[]): void => {
  const making = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  const ran = Bun.spawnSync(['openssl', ...`${making} ${words}`.split(' '), ...more], {
    cwd: folder,
  })
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString())
}

test('the CA of tls init is pinned by the fingerprint that it shows', async () => {
  await using place = controllerPlace()
  const files = await privateCa(place.folder)
  await using gateway = await serving(files)
  const pin = ['--ca-sha256', fingerprintOf(files.ca)]
  const door = place.start([...gateway.args, ...pin, place.open, '--open-seconds=1'])
  await gateway.command(A)
  await until(() => gateway.results(A).includes('released'))
  expect(await door.stop()).toBe(0)
  // The pin is kept.
  place.start([place.open])
  await gateway.polled()
})

test('a certificate without a CA is pinned by its own fingerprint', async () => {
  await using place = controllerPlace()
  const files = selfSigned(place.folder, 'lock')
  await using gateway = await serving(files)
  place.start([...gateway.args, '--ca-sha256', fingerprintOf(files.cert), '--dry-run'])
  await gateway.polled()
})

test('a gateway with another certificate gets nothing, not even the code', async () => {
  await using place = controllerPlace()
  const files = await privateCa(place.folder)
  // A second CA of the same name signs, and the first one stands behind it in the chain.
  const { subject } = new X509Certificate(pem(files.ca))
  openssl(place.folder, '-keyout ca2-key.pem -out ca2.pem', ['-subj', `/${subject}`])
  openssl(
    place.folder,
    '-keyout forged-key.pem -CA ca2.pem -CAkey ca2-key.pem -subj /CN=lock -out forged.pem',
    ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'authorityKeyIdentifier=none'],
  )
  const isIssuer = new X509Certificate(pem(join(place.folder, 'forged.pem'))).checkIssued(
    new X509Certificate(pem(files.ca)),
  )
  expect(isIssuer).toBe(true)
  const forged = join(place.folder, 'forged-chain.pem')
  await Bun.write(forged, `${pem(join(place.folder, 'forged.pem'))}${pem(files.ca)}`)
  await using gateway = await serving({ cert: forged, key: join(place.folder, 'forged-key.pem') })
  const pin = ['--ca-sha256', fingerprintOf(files.ca)]
  const door = place.start([...gateway.args, ...pin, '--dry-run'])
  await door.says(
    'Cannot enrol: neither its certificate nor the CA that signed it has the fingerprint',
  )
  expect(gateway.seen).toStrictEqual([])
})

test('a pinned certificate for another name is refused', async () => {
  await using place = controllerPlace()
  openssl(place.folder, '-keyout other-key.pem -out other.pem -subj /CN=other', [
    '-addext',
    'subjectAltName=DNS:other.example',
  ])
  const cert = join(place.folder, 'other.pem')
  await using gateway = await serving({ cert, key: join(place.folder, 'other-key.pem') })
  const door = place.start([...gateway.args, '--ca-sha256', fingerprintOf(cert), '--dry-run'])
  await door.says('Cannot enrol: its certificate is not for 127.0.0.1')
  expect(gateway.seen).toStrictEqual([])
})

test('a server that never begins to speak TLS is given up, and nothing is left open', async () => {
  let open = 0
  const silent = createServer((socket) => {
    open += 1
    socket.on('close', () => (open -= 1)).resume()
  })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const agent = pinnedAgent('00'.repeat(32), 50)
  const error = await new Promise<Error>((resolve) =>
    request({ host: '127.0.0.1', port, agent }).on('error', resolve).end(),
  )
  expect(error.message).toBe('The TLS handshake took too long')
  await until(() => open === 0)
  silent.close()
})

test('without a pin, a certificate must be from a known CA', async () => {
  await using place = controllerPlace()
  await using gateway = await serving(selfSigned(place.folder, 'lock'))
  const door = place.start([...gateway.args, '--dry-run'])
  await door.says('Cannot enrol: ')
  expect(gateway.seen).toStrictEqual([])
})

for (const [what, offset, clockUnsure] of [
  ['of 1970', '@1970-01-01 00:00:05', true],
  ['a day ahead', '+1d', true],
  ['that is right', '+0', false],
] as const)
  test.skipIf(!CAN_FAKE)(
    `a controller with a clock ${what} opens, also over TLS, and says so`,
    async () => {
      await using place = controllerPlace()
      const files = await privateCa(place.folder)
      await using gateway = await serving(files)
      const pin = ['--ca-sha256', fingerprintOf(files.ca)]
      const env = {
        LD_PRELOAD: FAKETIME ?? '',
        FAKETIME: offset,
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      }
      place.start([...gateway.args, ...pin, place.open, '--open-seconds=1'], env)
      await gateway.command(A)
      await until(() => gateway.results(A).includes('released'))
      expect(gateway.reports.map((report) => report.clockUnsure)).toStrictEqual([
        clockUnsure,
        clockUnsure,
        clockUnsure,
      ])
      const nowS = Date.now() / 1000
      const expected = { 'of 1970': 5, 'a day ahead': nowS + 86_400, 'that is right': nowS }[what]
      expect(Math.abs((gateway.reports[1]?.issuedAtS ?? 0) - expected)).toBeLessThan(600)
    },
  )
