import { describe, expect, test } from 'bun:test'
import {
  bookingKey,
  bookingPlan,
  calendarPrefix,
  type Step,
} from '../../../src/cli/grant/booking-plan.ts'
import type { Booking } from '../../../src/cli/grant/bookings.ts'
import type { StoredGrant } from '../../../src/locks/grants/reads-store.ts'
import { grantOf } from '../../support/grants.ts'

const NOW = Date.UTC(2040, 2, 19)
const DAY = 86_400_000

const booking = (uid: string, given: Partial<Booking> = {}): Booking => ({
  uid,
  summary: 'Reserved',
  startMs: NOW + DAY,
  endMs: NOW + 3 * DAY,
  isCancelled: false,
  ...given,
})

const grant = (uid: string, given: Partial<StoredGrant> = {}): StoredGrant => ({
  ...grantOf({ id: `grant-${uid}`, startsAtMs: NOW + DAY, endsAtMs: NOW + 3 * DAY }),
  key: bookingKey('Flat', uid),
  holder: 'pass:1',
  pass: null,
  username: null,
  isHolderDisabled: false,
  holderEndsAtMs: null,
  madeBy: null,
  createdAtMs: 0,
  revokedWhy: null,
  locks: [
    { id: '1', label: 'front-door', name: 'Front door' },
    { id: '2', label: 'garage', name: 'Garage' },
  ],
  ...given,
})

const LOCKS = ['garage', 'front-door']

const plan = (
  bookings: readonly Booking[],
  known: readonly StoredGrant[] = [],
  locks: readonly string[] | 'all' = LOCKS,
) => bookingPlan(bookings, { calendar: 'Flat', known, locks, nowMs: NOW })

const words = (steps: readonly Step[]) =>
  steps.map((step) => ('why' in step ? `${step.does}: ${step.why}` : step.does))

describe('a booking', () => {
  test('gets a grant by its UID, unless it is over or cancelled', () => {
    expect(plan([booking('1')])).toStrictEqual([
      { does: 'make', key: 'ics:Flat:1', booking: booking('1') },
    ])
    expect(words(plan([booking('1', { startMs: 0, endMs: NOW })]))).toStrictEqual(['skip'])
    expect(words(plan([booking('1', { startMs: 0, endMs: NOW + 1 })]))).toStrictEqual(['make'])
    expect(words(plan([booking('1', { isCancelled: true })]))).toStrictEqual(['skip'])
  })

  test('that is as before changes nothing', () => {
    expect(words(plan([booking('1')], [grant('1')]))).toStrictEqual(['keep'])
    expect(words(plan([booking('1')], [grant('1', { locks: 'all' })], 'all'))).toStrictEqual([
      'keep',
    ])
  })

  test.each<[string, Booking, readonly string[]]>([
    ['comes later', booking('1', { startMs: NOW + 2 * DAY }), LOCKS],
    ['stays longer', booking('1', { endMs: NOW + 4 * DAY }), LOCKS],
    ['may open other doors', booking('1'), ['garage']],
  ])('whose guest %s changes its grant, and with it the same link', (_, moved, locks) => {
    const before = grant('1')
    expect(plan([moved], [before], locks)).toStrictEqual([
      { does: 'change', grant: before, booking: moved },
    ])
  })

  test('whose grant somebody revoked stays without', () => {
    const revoked = grant('1', { revokedAtMs: 1 })
    expect(words(plan([booking('1')], [revoked]))).toStrictEqual(['leave'])
    expect(words(plan([booking('1', { isCancelled: true })], [revoked]))).toStrictEqual(['skip'])
  })

  test('that is cancelled or gone is revoked, unless its grant has ended', () => {
    const known = [
      grant('1'),
      grant('2'),
      grant('3', { endsAtMs: NOW }),
      grant('4', { revokedAtMs: 1 }),
    ]
    expect(words(plan([booking('1', { isCancelled: true })], known))).toStrictEqual([
      'revoke: booking cancelled',
      'revoke: booking removed',
      'skip',
      'skip',
    ])
  })
})

describe('a key', () => {
  test('of one calendar is never that of another', () => {
    expect(bookingKey('a:b', '1').startsWith(calendarPrefix('a'))).toBeFalse()
    expect(bookingKey('a%3Ab', '1').startsWith(calendarPrefix('a:b'))).toBeFalse()
    expect(bookingKey('a', 'b:1')).not.toBe(bookingKey('a:b', '1'))
  })

  test('fits, however long the UID is', () => {
    const [one, other] = [
      bookingKey('a:'.repeat(20), 'x'.repeat(500)),
      bookingKey('a:'.repeat(20), 'x'.repeat(501)),
    ]
    expect(one.length).toBeLessThanOrEqual(200)
    expect(one).not.toBe(other)
  })
})
