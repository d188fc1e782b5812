import { expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import {
  certificateFacts,
  expiryWarning,
  tlsPair,
} from '../../../src/http/connection/certificate.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'

const DAY_MS = 86_400_000

const made = (name: string, days = 400) => {
  const folder = temporaryFolder()
  const paths = selfSigned(folder, name, { days })
  const [cert, key] = [readFileSync(paths.cert, 'utf8'), readFileSync(paths.key, 'utf8')]
  const shown = Bun.spawnSync(['openssl', 'x509', '-noout', '-fingerprint', '-sha256'], {
    stdin: Buffer.from(cert),
  }).stdout.toString()
  rmSync(folder, { recursive: true })
  return { cert, key, fingerprint: shown.split('=')[1]?.trim() ?? '' }
}

test('returns names, times and the same fingerprint as OpenSSL', () => {
  const { cert, fingerprint } = made('pi')
  const facts = certificateFacts(cert)
  expect(facts.names).toStrictEqual(['localhost', '127.0.0.1'])
  expect(facts.sha256).toBe(fingerprint)
  expect(Math.abs(facts.notAfterMs - Date.now() - 400 * DAY_MS)).toBeLessThan(DAY_MS)
  expect(facts.authority).toStrictEqual({ pem: cert, sha256: fingerprint })
})

test('says what is wrong with an unusable pair, and does not reveal the key', () => {
  const [one, other] = [made('one'), made('other')]
  const rsa = Bun.spawnSync(['openssl', 'genrsa', '2048']).stdout.toString()
  const sealed =
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'
  const damaged = one.cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')
  expect(tlsPair(one.cert, one.key).facts.names).toContain('localhost')
  expect(() => tlsPair(one.cert, other.key)).toThrow('does not belong to the certificate')
  expect(() => tlsPair(one.cert, rsa)).toThrow('does not belong to the certificate')
  expect(() => tlsPair('', one.key)).toThrow('TLS_CERT_FILE contains no PEM certificate')
  expect(() => tlsPair(one.key, one.key)).toThrow('TLS_CERT_FILE contains no PEM certificate')
  expect(() => tlsPair(damaged, one.key)).toThrow('TLS_CERT_FILE contains a damaged certificate')
  expect(() => tlsPair(one.cert, one.cert)).toThrow('TLS_KEY_FILE contains no PEM private key')
  expect(() => tlsPair(one.cert, sealed)).toThrow('without a passphrase')
})

test('warns of expiry within thirty days, of an expired certificate, and of a clock that is behind', () => {
  const facts = { notBeforeMs: Date.UTC(2026, 5, 1), notAfterMs: Date.UTC(2026, 11, 1) }
  const warned = (daysBefore: number) =>
    expiryWarning(facts, facts.notAfterMs - daysBefore * DAY_MS)
  expect(warned(31)).toBeUndefined()
  expect(warned(29)).toBe('the certificate expires on 2026-12-01, in 29 days')
  expect(warned(-1)).toBe('the certificate expired on 2026-12-01')
  expect(expiryWarning(facts, 0)).toContain('not valid yet, or the clock is wrong')
})
