import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { deviceCookies } from '../../../src/accounts/lockout/device-cookie.ts'

const ADA = { publicId: 'ada', sessionEpoch: 3 }
const NOW_MS = Date.UTC(2026, 10, 22)
const devices = deviceCookies('a key of the gateway')

describe('device cookies', () => {
  test('[P5] are valid only for their account, until they expire', () => {
    const cookie = devices.issue(ADA, NOW_MS)
    expect(devices.verify(cookie, ADA, NOW_MS - 1)).toMatch(/^[0-9a-f]{32}$/)
    expect(devices.verify(cookie, ADA, NOW_MS)).toBeUndefined()
    expect(devices.verify(cookie, { ...ADA, publicId: 'eve' }, NOW_MS - 1)).toBeUndefined()
    expect(devices.verify(cookie, { ...ADA, sessionEpoch: 4 }, NOW_MS - 1)).toBeUndefined()
    expect(deviceCookies('another key').verify(cookie, ADA, NOW_MS - 1)).toBeUndefined()
  })

  test('have a different id for each device', () => {
    const ids = [1, 2].map(() => devices.verify(devices.issue(ADA, NOW_MS), ADA, 0))
    expect(ids[0]).not.toBe(ids[1])
  })

  test('[P5] are invalid if forged, or if any bit is changed', () => {
    const cookie = Buffer.from(devices.issue(ADA, NOW_MS), 'base64url')
    fc.assert(
      fc.property(fc.nat(cookie.length * 8 - 1), (bit) => {
        const forged = Buffer.from(cookie)
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(devices.verify(forged.toString('base64url'), ADA, 0)).toBeUndefined()
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => devices.verify(text, ADA, 0) === undefined))
  })
})
