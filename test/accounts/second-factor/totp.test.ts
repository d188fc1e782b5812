import { describe, expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import {
  newTotpSecret,
  totpSecretText,
  totpStep,
  totpUri,
} from '../../../src/accounts/second-factor/totp.ts'

/** RFC 6238 appendix B, SHA-1: seconds since 1970 and the code of eight digits. */
const VECTORS = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
] as const

const SECRET = Buffer.from('12345678901234567890')

const stepOf = (seconds: number) => Math.floor(seconds / 30)

describe('one-time codes', () => {
  test('match RFC 6238, which has eight digits instead of our six', () => {
    const secret = Secret.fromLatin1('12345678901234567890')
    for (const [seconds, code] of VECTORS) {
      expect(TOTP.generate({ secret, digits: 8, timestamp: seconds * 1000 })).toBe(code)
      expect(totpStep(SECRET, code.slice(2), seconds * 1000)).toBe(stepOf(seconds))
    }
  })

  test('are valid in their own step, one before and one after, and at no other time', () => {
    const [seconds, code] = [1_111_111_111, '050471']
    const start = stepOf(seconds) * 30_000
    const [at, not] = [stepOf(seconds), undefined]
    const judged = [-60_000, -30_001, -30_000, 0, 29_999, 30_000, 59_999, 60_000]
      .map((ms) => start + ms)
      .map((ms) => totpStep(SECRET, code, ms))
    expect(judged).toStrictEqual([not, not, at, at, at, at, at, not])
  })

  test('are six digits and nothing else', () => {
    const ms = 1_111_111_111_000
    for (const other of ['', '50471', '0050471', '14050471', '٠٥٠٤٧١', '05O471', '      '])
      expect(totpStep(SECRET, other, ms)).toBeUndefined()
  })

  test('are checked without an error while the clock is at 1970', () => {
    expect(totpStep(SECRET, '755224', 0)).toBe(0)
    expect(totpStep(SECRET, '000000', 0)).toBeUndefined()
  })

  test('have secrets of 160 random bits each', () => {
    const secrets = Array.from({ length: 20 }, newTotpSecret)
    expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(20)
    expect(secrets[0]).toHaveLength(20)
  })
})

test('the URI for an authenticator app names the service, the account and all parameters', () => {
  const uri = new URL(totpUri(SECRET, 'Ada & Söhne: 1'))
  expect([uri.protocol, uri.host]).toStrictEqual(['otpauth:', 'totp'])
  expect(decodeURIComponent(uri.pathname)).toBe('/Secure Lock Server:Ada & Söhne: 1')
  expect(Object.fromEntries(uri.searchParams)).toStrictEqual({
    issuer: 'Secure Lock Server',
    secret: totpSecretText(SECRET),
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  })
  expect(totpSecretText(SECRET)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
})
