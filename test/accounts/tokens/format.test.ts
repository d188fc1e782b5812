import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { accessTokenHash, newAccessToken } from '../../../src/accounts/tokens/format.ts'

describe('the format of access tokens', () => {
  test('a token begins with sls_ and ends with the CRC-32 of its random part', () => {
    for (let count = 0; count < 200; count += 1) {
      const token = newAccessToken()
      expect(token).toMatch(/^sls_[0-9A-Za-z]{49}$/)
      const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
      const checksum = Array.from(token.slice(-6)).reduce(
        (sum, c) => sum * 62 + digits.indexOf(c),
        0,
      )
      expect(checksum).toBe(Bun.hash.crc32(token.slice(4, -6)))
      expect(accessTokenHash(token)).toHaveLength(32)
    }
  })

  test('tokens differ, and so do their hashes', () => {
    const tokens = Array.from({ length: 100 }, newAccessToken)
    expect(new Set(tokens).size).toBe(100)
    expect(new Set(tokens.map((token) => accessTokenHash(token)?.toString('hex'))).size).toBe(100)
  })

  test('[T1] a token with one character changed, added or left out is none', () => {
    fc.assert(
      fc.property(fc.nat(52), fc.string({ minLength: 0, maxLength: 2 }), (place, other) => {
        const token = newAccessToken()
        const changed = token.slice(0, place) + other + token.slice(place + 1)
        expect(accessTokenHash(changed) === undefined).toBe(changed !== token)
      }),
    )
  })

  test('[T1] other text is none, however long', () => {
    const token = newAccessToken()
    const others = ['', 'sls_', ` ${token}`, `${token}\n`, `sls_${'A'.repeat(2 ** 20)}`]
    for (const text of others) expect(accessTokenHash(text)).toBeUndefined()
  })
})
