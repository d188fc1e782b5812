import { describe, expect, test } from 'bun:test'
import { type DrivenLock, driverFindings } from '../../../src/ops/findings/driver-findings.ts'

const NOW_MS = Date.parse('2026-11-29T10:25:00Z')
const HOUR_MS = 3_600_000

const lock = (parts: Partial<DrivenLock> = {}): DrivenLock => ({
  label: 'front-door',
  isConnected: true,
  isOnline: true,
  speaksDaily: true,
  sinceMs: NOW_MS - 48 * HOUR_MS,
  heardAtMs: NOW_MS - HOUR_MS,
  ...parts,
})

const saidOf = (...locks: readonly DrivenLock[]) =>
  driverFindings(locks, NOW_MS).map(({ state, says }) => `${state}: ${says}`)

describe('what the doctor says of locks that the gateway drives', () => {
  test('nothing without one, and one sentence if all is well', () => {
    expect(saidOf()).toBeEmpty()
    expect(saidOf(lock(), lock({ label: 'garage', isOnline: null }))).toStrictEqual([
      'ok: Every lock with a driver has been heard from',
    ])
  })

  test('warns of one that was not heard for a day, unless it speaks only when it moves', () => {
    const silent = { heardAtMs: NOW_MS - 24 * HOUR_MS }
    expect(saidOf(lock(silent), lock({ label: 'garage' }))).toStrictEqual([
      'warning: The lock front-door has sent nothing for a day',
    ])
    expect(saidOf(lock({ ...silent, speaksDaily: false }))).toMatchObject([
      expect.stringMatching(/^ok/),
    ])
  })

  test('counts from when it began to listen', () => {
    expect(saidOf(lock({ heardAtMs: null }))).toMatchObject([expect.stringMatching(/^warning/)])
    expect(saidOf(lock({ heardAtMs: null, sinceMs: NOW_MS - HOUR_MS }))).toMatchObject([
      expect.stringMatching(/^ok/),
    ])
  })

  test('warns of one that is offline, or needs a broker that is not set', () => {
    expect(saidOf(lock({ isOnline: false }))).toStrictEqual([
      'warning: The lock front-door is offline',
    ])
    expect(saidOf(lock({ isConnected: false }))).toStrictEqual([
      'warning: The gateway cannot reach the lock front-door: MQTT_URL is not set',
    ])
  })

  test('gives each lock a warning of its own to accept', () => {
    const ids = driverFindings(
      [lock({ isOnline: false }), lock({ label: 'garage', isOnline: false })],
      NOW_MS,
    ).map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
  })
})
