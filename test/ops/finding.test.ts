import { describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Role } from '../../src/domain/account.ts'
import {
  type Finding,
  backupFinding,
  clockFinding,
  diskFinding,
  logFinding,
  ownerFinding,
  registrationFinding,
  tlsFinding,
  walFinding,
} from '../../src/ops/finding.ts'
import { asksTimeServer } from '../../src/ops/kernel-clock.ts'
import { temporaryFolder } from '../support/binary.ts'
import { guessFindings, metricsFindings, proxyFindings } from '../../src/ops/stranger-findings.ts'
import { startApp } from '../support/app.ts'
import { diskReserves } from '../../src/storage/disk-space.ts'

const NOW_MS = Date.UTC(2026, 10, 25, 12)
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MIB = 1024 ** 2

const RESERVES = diskReserves(64 * MIB, 1024 * MIB)

const clock = { nowMs: NOW_MS, newestMs: NOW_MS - 1000, isSynchronised: true, asksTimeServer: true }
const tls = { nowMs: NOW_MS, isLoopback: false }
const unused = { cert: '/data/tls/server.pem', key: '/data/tls/server-key.pem' }
const daily = { nowMs: NOW_MS, everyMs: DAY_MS }
const never = { nowMs: NOW_MS, newestMs: undefined, everyMs: undefined }
const failure = { atMs: NOW_MS - HOUR_MS, reason: 'the disk is full' }

const guessAt = (role: Role) => ({
  account: { publicId: 'd0', username: 'dora', role },
  addresses: ['192.168.1.40'],
  times: 12,
  lockedAtMs: Date.UTC(2026, 10, 28, 1),
})

type Row = readonly [Finding['state'], string, Finding]

const rows = (
  state: Finding['state'],
  words: string,
  findings: readonly Finding[],
): readonly Row[] => findings.map((finding) => [state, words, finding])

/** Expected state and words of each finding. */
const TABLE: readonly Row[] = [
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
  ['ok', 'There is an owner', ownerFinding(true)],
  ['warning', 'There is no owner yet', ownerFinding(false)],
  ['warning', 'open', registrationFinding('open')],
  ['ok', 'invitation', registrationFinding('invite')],
  ['ok', 'closed', registrationFinding('closed')],
  ['warning', 'off', tlsFinding({ ...tls, expiresAtMs: undefined })],
  [
    'warning',
    'although there is a certificate',
    tlsFinding({ ...tls, unused, expiresAtMs: undefined }),
  ],
  ['ok', 'loopback', tlsFinding({ ...tls, isLoopback: true, expiresAtMs: undefined })],
  ['ok', '2027-11-25', tlsFinding({ ...tls, expiresAtMs: NOW_MS + 365 * DAY_MS })],
  ['warning', 'expires on', tlsFinding({ ...tls, expiresAtMs: NOW_MS + 29 * DAY_MS })],
  ['fault', 'expired on', tlsFinding({ ...tls, expiresAtMs: NOW_MS })],
  ['warning', 'There is no backup:', backupFinding(never)],
  [
    'ok',
    'made with the backup command',
    backupFinding({ ...never, byHandMs: NOW_MS - 29 * DAY_MS }),
  ],
  [
    'warning',
    'made with the backup command',
    backupFinding({ ...never, byHandMs: NOW_MS - 31 * DAY_MS }),
  ],
  ['ok', 'newest', backupFinding({ ...daily, newestMs: NOW_MS - 30 * HOUR_MS })],
  ['fault', 'newest', backupFinding({ ...daily, newestMs: NOW_MS - 49 * HOUR_MS })],
  ['warning', 'There is no backup yet', backupFinding({ ...daily, newestMs: undefined })],
  ['ok', 'newest', backupFinding({ ...daily, newestMs: 1, byHandMs: NOW_MS - HOUR_MS })],
  ['fault', 'disk is full', backupFinding({ ...daily, newestMs: NOW_MS - DAY_MS, failure })],
  [
    'fault',
    'disk is full',
    backupFinding({ ...daily, newestMs: 1, byHandMs: failure.atMs - 1, failure }),
  ],
  [
    'warning',
    'The last automatic backup failed: the disk is full',
    backupFinding({ ...daily, newestMs: 1, byHandMs: NOW_MS, failure }),
  ],
  ...rows('ok', 'No unknown proxy', proxyFindings({ forwarders: [], silent: [] })),
  ...rows(
    'warning',
    '10.0.0.',
    proxyFindings({ forwarders: ['10.0.0.1', '10.0.0.2'], silent: [] }),
  ),
  ...rows('warning', 'at 127.0.0.1', proxyFindings({ forwarders: [], silent: ['127.0.0.1'] })),
  ...rows('ok', 'Nobody', metricsFindings([])),
  ...rows('warning', '10.0.0.1', metricsFindings(['10.0.0.1'])),
  ...rows('ok', 'Nobody was locked out', guessFindings([], true)),
  ...rows(
    'warning',
    'Somebody guessed at dora’s password (12 times, from 192.168.1.40)',
    guessFindings([guessAt('owner')], true),
  ),
  ...rows(
    'warning',
    'Somebody guessed at dora’s password (12 times)',
    guessFindings([guessAt('owner')], false),
  ),
  ...rows('warning', 'from 192.168.1.40', guessFindings([guessAt('admin')], false)),
  ...rows(
    'warning',
    'Somebody guessed at names and passwords (1,200 times, from several addresses)',
    guessFindings(
      [
        {
          ...guessAt('member'),
          account: undefined,
          addresses: ['10.0.0.1', '10.0.0.2'],
          times: 1200,
        },
      ],
      true,
    ),
  ),
  ['ok', 'first time', logFinding(undefined)],
  ['ok', '1,000 entries', logFinding({ ok: true, size: 1000 })],
  [
    'ok',
    'intact: 0 entries verified, 173 recorded since',
    logFinding({ ok: true, size: 0, since: 173 }),
  ],
  ['fault', 'Event 7: it was', logFinding({ ok: false, seq: 7, fault: 'Event 7: it was changed' })],
]

describe('the advice for a clock without a time server', () => {
  const adviceOf = (facts: object) =>
    clockFinding({ ...clock, isSynchronised: false, ...facts }).fix

  test('is to reach the server that is asked', () => {
    expect(adviceOf({ asksTimeServer: true })).toContain('has not answered yet: check the network')
    expect(adviceOf({ asksTimeServer: true, nowMs: 5000 })).toContain('has not answered yet')
  })

  test('is to ask one, if none is asked', () => {
    expect(adviceOf({ asksTimeServer: false })).toContain('Run timedatectl set-ntp true')
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
      expect(finding.state).toBe(state)
      expect(finding.says).toContain(words)
      // Anything that needs attention comes with what to do about it, and where; a warning can be
      // accepted.
      expect(finding.fix !== undefined).toBe(state !== 'ok')
      expect(finding.page !== undefined).toBe(state !== 'ok')
      expect(finding.id !== undefined).toBe(state === 'warning')
      expect(finding.says).toMatch(/^[A-Z].*[^.]$/)
      expect(finding.fix ?? 'Do nothing').toMatch(/^[A-Z].*[^.]$/)
      expect(finding.id ?? 'a').toMatch(/^[a-z0-9-]{1,64}$/)
    })

  test('every page that mends something exists, with the section that its address names', async () => {
    await using app = await startApp()
    const pages = new Set(TABLE.flatMap(([, , { page }]) => page ?? []))
    expect(pages.size).toBeGreaterThan(8)
    for (const page of pages) {
      const [path = '', section] = page.split('#')
      const answer = await app.get(path)
      expect([page, answer.status]).toStrictEqual([page, 200])
      if (section) expect(await answer.text()).toContain(`id="${section}"`)
    }
  })

  test('the same finding about something else has another id', () => {
    const ids = [
      ...proxyFindings({ forwarders: ['10.0.0.1', '10.0.0.2'], silent: ['10.0.0.1'] }),
      ...metricsFindings(['10.0.0.1']),
      ...guessFindings(
        [
          guessAt('member'),
          { ...guessAt('member'), addresses: ['192.168.1.41'] },
          { ...guessAt('member'), lockedAtMs: Date.UTC(2026, 10, 29) },
        ],
        true,
      ),
    ].map(({ id }) => id)
    expect(new Set(ids).size).toBe(7)
    // More of the same is the same.
    const [once] = guessFindings([guessAt('member')], true)
    const [again] = guessFindings(
      [{ ...guessAt('member'), times: 500, lockedAtMs: Date.UTC(2026, 10, 28, 23) }],
      true,
    )
    expect(once?.id).toBe(again?.id ?? '-')
  })
})
