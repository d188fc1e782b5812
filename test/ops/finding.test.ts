import { describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Finding,
  backupFinding,
  clockFinding,
  diskFinding,
  logFinding,
  metricsFinding,
  ownerFinding,
  proxyFinding,
  registrationFinding,
  tlsFinding,
  walFinding,
} from '../../src/ops/finding.ts'
import { asksTimeServer } from '../../src/ops/kernel-clock.ts'
import { temporaryFolder } from '../support/binary.ts'
import { diskReserves } from '../../src/storage/disk-space.ts'

const NOW_MS = Date.UTC(2026, 10, 25, 12)
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MIB = 1024 ** 2

const RESERVES = diskReserves(64 * MIB, 1024 * MIB)

const clock = { nowMs: NOW_MS, newestMs: NOW_MS - 1000, isSynchronised: true, asksTimeServer: true }
const tls = { nowMs: NOW_MS, isLoopback: false }
const daily = { nowMs: NOW_MS, everyMs: DAY_MS }

/** Expected state and words of each finding. */
const TABLE: readonly (readonly [Finding['state'], string, Finding])[] = [
  ['ok', 'synchronised with a time server', clockFinding(clock)],
  ['ok', '2026-11-25', clockFinding({ ...clock, isSynchronised: undefined })],
  ['warning', 'not synchronised', clockFinding({ ...clock, isSynchronised: false })],
  ['fault', 'earlier than this program', clockFinding({ ...clock, nowMs: 5000, newestMs: 0 })],
  [
    'fault',
    'earlier than the newest unlock',
    clockFinding({ ...clock, newestMs: NOW_MS + DAY_MS }),
  ],
  ['ok', 'synchronised with', clockFinding({ ...clock, newestMs: NOW_MS + 1000 })],
  ['ok', '1,024 MiB', diskFinding(1024 * MIB, RESERVES)],
  ['warning', '499 MiB', diskFinding(500 * MIB - 1, RESERVES)],
  ['warning', '64 MiB', diskFinding(64 * MIB, RESERVES)],
  ['fault', 'newcomers', diskFinding(64 * MIB - 1, RESERVES)],
  ['fault', 'only owners and admins', diskFinding(16 * MIB - 1, RESERVES)],
  ['warning', '899 MiB', diskFinding(900 * MIB - 1, diskReserves(450 * MIB, 4096 * MIB))],
  ['ok', '1 MiB', walFinding(0.5 * MIB)],
  ['warning', 'has grown to 64 MiB', walFinding(64 * MIB)],
  ['ok', 'exists', ownerFinding(true)],
  ['warning', 'there is none yet', ownerFinding(false)],
  ['warning', 'open', registrationFinding('open')],
  ['ok', 'invite', registrationFinding('invite')],
  ['ok', 'closed', registrationFinding('closed')],
  ['warning', 'off', tlsFinding({ ...tls, expiresAtMs: undefined })],
  ['ok', 'loopback', tlsFinding({ ...tls, isLoopback: true, expiresAtMs: undefined })],
  ['ok', '2027-11-25', tlsFinding({ ...tls, expiresAtMs: NOW_MS + 365 * DAY_MS })],
  ['warning', 'expires on', tlsFinding({ ...tls, expiresAtMs: NOW_MS + 29 * DAY_MS })],
  ['fault', 'expired on', tlsFinding({ ...tls, expiresAtMs: NOW_MS })],
  ['warning', 'none:', backupFinding({ nowMs: NOW_MS, newestMs: undefined, everyMs: undefined })],
  ['ok', 'newest', backupFinding({ nowMs: NOW_MS, newestMs: 1, everyMs: undefined })],
  ['ok', 'newest', backupFinding({ ...daily, newestMs: NOW_MS - 30 * HOUR_MS })],
  ['fault', 'newest', backupFinding({ ...daily, newestMs: NOW_MS - 49 * HOUR_MS })],
  ['warning', 'none yet', backupFinding({ ...daily, newestMs: undefined })],
  ['fault', 'disk is full', backupFinding({ ...daily, newestMs: NOW_MS, failure: 'disk is full' })],
  ['ok', 'no forwarded', proxyFinding({ forwarders: [], silent: [] })],
  [
    'warning',
    '10.0.0.1, 10.0.0.2',
    proxyFinding({ forwarders: ['10.0.0.1', '10.0.0.2'], silent: [] }),
  ],
  ['warning', '127.0.0.1 came through', proxyFinding({ forwarders: [], silent: ['127.0.0.1'] })],
  ['ok', 'no scrape', metricsFinding([])],
  ['warning', '10.0.0.1', metricsFinding(['10.0.0.1'])],
  ['ok', 'not ended', logFinding(undefined)],
  ['ok', '1,000 unlocks', logFinding({ ok: true, size: 1000 })],
  ['fault', 'it was changed (event 7)', logFinding({ ok: false, seq: 7, fault: 'it was changed' })],
]

describe('the advice for a clock without a time server', () => {
  const adviceOf = (facts: object) =>
    clockFinding({ ...clock, isSynchronised: false, ...facts }).fix

  test('is to reach the server that is asked', () => {
    expect(adviceOf({ asksTimeServer: true })).toContain('has no answer yet: check its network')
    expect(adviceOf({ asksTimeServer: true, nowMs: 5000 })).toContain('has no answer yet')
  })

  test('is to ask one, if none is asked', () => {
    expect(adviceOf({ asksTimeServer: false })).toContain('run timedatectl set-ntp true')
  })

  test('knows the programs that ask by what they keep in /run', () => {
    const run = temporaryFolder()
    expect(asksTimeServer(run)).toBe(false)
    mkdirSync(join(run, 'systemd/timesync'), { recursive: true })
    expect(asksTimeServer(run)).toBe(true)
    rmSync(run, { recursive: true })
  })
})

describe('findings', () => {
  for (const [state, words, finding] of TABLE)
    test(`${finding.check} ${state}: ${finding.says}`, () => {
      expect(finding).toMatchObject({ state, says: expect.stringContaining(words) as string })
      // Anything that needs attention comes with what to do about it.
      expect(finding.fix !== undefined).toBe(state !== 'ok')
    })
})
