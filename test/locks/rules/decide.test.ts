import { describe, expect, test } from 'bun:test'
import type { DecisionReason } from '../../../src/domain/access.ts'
import {
  type Asking,
  type Decision,
  afterDecision,
  decide,
} from '../../../src/locks/rules/decide.ts'
import type { Grant } from '../../../src/locks/rules/grant.ts'
import { askingOf, at, grantOf, homeIn, weekly } from '../../support/grants.ts'

const permitted = (grantId: string, use: Decision['use'] = null): Decision => ({
  decision: 'permitted',
  reason: null,
  grantId,
  use,
})
const denied = (reason: DecisionReason): Decision => ({
  decision: 'denied',
  reason,
  grantId: null,
  use: null,
})

const holder = askingOf().holder
const open = grantOf()
const monday = grantOf({ id: 'monday', terms: weekly('mon 08:00-18:00') })
const closed = grantOf({ id: 'closed', terms: weekly('wed 08:00-18:00') })

describe('before any grant is looked at', () => {
  const lockedDown = { state: 'enabled', lockdowns: [{ untilMs: null }] } as const
  test.each<[string, Partial<Asking>, DecisionReason]>([
    ['a disabled lock is shut', { lock: { state: 'disabled', lockdowns: [] } }, 'lock_disabled'],
    ['a retired lock is shut', { lock: { state: 'retired', lockdowns: [] } }, 'lock_disabled'],
    [
      'a disabled holder is refused',
      { holder: { ...holder, isDisabled: true } },
      'holder_disabled',
    ],
    [
      'a holder is refused from the end date on',
      { holder: { ...holder, endsAtMs: askingOf().nowMs } },
      'holder_disabled',
    ],
    ['a waiting holder is refused', { holder: { ...holder, isAdmitted: false } }, 'not_admitted'],
    ['a lockdown refuses members', { lock: lockedDown }, 'lockdown'],
    [
      'a lockdown refuses admins',
      { lock: lockedDown, holder: { ...holder, role: 'admin' } },
      'lockdown',
    ],
    [
      'a disabled lock comes before a disabled holder',
      {
        lock: { state: 'disabled', lockdowns: [{ untilMs: null }] },
        holder: { ...holder, isDisabled: true },
      },
      'lock_disabled',
    ],
  ])('%s', (_, parts, reason) => {
    expect(decide(askingOf({ grants: [open], ...parts }))).toStrictEqual(denied(reason))
  })

  test('a lockdown lets owners in, and ends at its end', () => {
    const owner = { ...holder, role: 'owner' } as const
    expect(decide(askingOf({ grants: [open], lock: lockedDown, holder: owner }))).toStrictEqual(
      permitted('grant-1'),
    )
    const { nowMs } = askingOf()
    const until = (untilMs: number) => ({ state: 'enabled' as const, lockdowns: [{ untilMs }] })
    expect(decide(askingOf({ grants: [open], lock: until(nowMs + 1) }))).toStrictEqual(
      denied('lockdown'),
    )
    expect(decide(askingOf({ grants: [open], lock: until(nowMs) }))).toStrictEqual(
      permitted('grant-1'),
    )
    // A clock that is ahead does not end it.
    const doubted = askingOf({ grants: [open], lock: until(nowMs), isClockDoubted: true })
    expect(decide(doubted)).toStrictEqual(denied('lockdown'))
  })

  test('a holder is let in until the end date', () => {
    const ending = { ...holder, endsAtMs: askingOf().nowMs + 1 }
    expect(decide(askingOf({ grants: [open], holder: ending }))).toStrictEqual(permitted('grant-1'))
  })
})

describe('a grant', () => {
  const { nowMs } = askingOf()
  const home = homeIn('Europe/Berlin', ['2026-11-30'])
  test.each<[string, Partial<Grant>, Partial<Asking>, DecisionReason | null]>([
    ['opens from its beginning on', { startsAtMs: nowMs }, {}, null],
    ['is not yet valid before', { startsAtMs: nowMs + 1 }, {}, 'not_yet_valid'],
    ['opens until its end', { endsAtMs: nowMs + 1 }, {}, null],
    ['has expired at its end', { endsAtMs: nowMs }, {}, 'expired'],
    ['is stopped once revoked', { revokedAtMs: nowMs - 1, endsAtMs: nowMs }, {}, 'revoked'],
    [
      'is stopped if a clock that was set back shows a time before',
      { revokedAtMs: nowMs + 1 },
      {},
      'revoked',
    ],
    ['opens within a window', { terms: weekly('mon 12:00-12:01') }, {}, null],
    ['is shut outside', { terms: weekly('mon 11:00-12:00') }, {}, 'outside_schedule'],
    [
      'with dates and windows needs both',
      { terms: weekly('mon 12:00-12:01'), startsAtMs: nowMs + 1 },
      {},
      'not_yet_valid',
    ],
    [
      'is closed on a holiday',
      { terms: { ...weekly('mon 08:00-18:00'), holidays: 'closed' } },
      { home },
      'closed_on_holiday',
    ],
    [
      'that would be shut anyway is not closed by the holiday',
      { terms: { ...weekly('mon 13:00-18:00'), holidays: 'closed' } },
      { home },
      'outside_schedule',
    ],
    [
      'without windows is closed on a holiday, too',
      { terms: { windows: undefined, holidays: 'closed', homeNetwork: false } },
      { home },
      'closed_on_holiday',
    ],
    [
      'for the home network opens there',
      { terms: { ...open.terms, homeNetwork: true } },
      { isHome: true },
      null,
    ],
    [
      'for the home network is shut elsewhere',
      { terms: { ...open.terms, homeNetwork: true } },
      { isHome: false },
      'not_on_home_network',
    ],
    [
      'for the home network is shut where nobody can tell',
      { terms: { ...open.terms, homeNetwork: true } },
      { isHome: 'unknown' },
      'not_on_home_network',
    ],
    ['opens anywhere without that term', {}, { isHome: false }, null],
    ['is spent after its last use', { usesMax: 2, uses: 2 }, {}, 'uses_spent'],
  ])('%s', (_, parts, asking, reason) => {
    expect(decide(askingOf({ grants: [grantOf(parts)], ...asking })).reason).toBe(reason)
  })

  test('that does not exist is the reason if there is none', () => {
    expect(decide(askingOf())).toStrictEqual(denied('no_grant'))
  })

  test('that came furthest gives the reason', () => {
    const revoked = grantOf({ revokedAtMs: nowMs })
    const expired = grantOf({ endsAtMs: nowMs })
    const spent = grantOf({ usesMax: 1, uses: 1 })
    expect(decide(askingOf({ grants: [closed, revoked, expired] })).reason).toBe('outside_schedule')
    expect(decide(askingOf({ grants: [expired, revoked] })).reason).toBe('expired')
    expect(decide(askingOf({ grants: [spent, closed] })).reason).toBe('uses_spent')
  })
})

describe('case 3: a use is a visit', () => {
  const { nowMs, visitor } = askingOf()
  const once = grantOf({ usesMax: 1 })
  const asking = askingOf({ grants: [once] })
  const first = decide(asking)
  const used = afterDecision(once, first, asking)

  test('the first attempt counts, and another session finds it spent', () => {
    expect(first).toStrictEqual(permitted('grant-1', { number: 1, max: 1, isNew: true }))
    expect(used).toStrictEqual({ ...once, uses: 1, usedAtMs: nowMs, usedBy: visitor })
    expect(decide(askingOf({ grants: [used], visitor: 'session-2 front-door' }))).toStrictEqual(
      denied('uses_spent'),
    )
    expect(decide(askingOf({ grants: [used], visitor: 'session-1 garage' }))).toStrictEqual(
      denied('uses_spent'),
    )
  })

  test('119 seconds later it is the same use, 120 and 121 seconds later it is spent', () => {
    const later = (seconds: number) => askingOf({ grants: [used], nowMs: nowMs + seconds * 1000 })
    expect(decide(later(119))).toStrictEqual(
      permitted('grant-1', { number: 1, max: 1, isNew: false }),
    )
    expect(decide(later(120))).toStrictEqual(denied('uses_spent'))
    expect(decide(later(121))).toStrictEqual(denied('uses_spent'))
  })

  test('attempts in between do not make the visit longer', () => {
    const between = askingOf({ grants: [used], nowMs: nowMs + 60_000 })
    const same = afterDecision(used, decide(between), between)
    expect(same).toStrictEqual(used)
    expect(decide(askingOf({ grants: [same], nowMs: nowMs + 121_000 }))).toStrictEqual(
      denied('uses_spent'),
    )
  })

  test('64 attempts of different sessions on one use: one is permitted, 63 find it spent', () => {
    let grant = once
    const reasons = Array.from({ length: 64 }, (_, index) => {
      const attempt = askingOf({ grants: [grant], visitor: `session-${index} front-door` })
      const decision = decide(attempt)
      grant = afterDecision(grant, decision, attempt)
      return decision.reason
    })
    expect(reasons).toStrictEqual([
      null,
      ...Array.from({ length: 63 }, () => 'uses_spent' as const),
    ])
    expect(grant.uses).toBe(1)
  })
})

describe('case 4: while the clock is doubted', () => {
  const doubted = (grant: Grant, parts: Partial<Asking> = {}) =>
    decide(askingOf({ grants: [grant], nowMs: 0, isClockDoubted: true, ...parts }))

  test('a standing grant opens', () => {
    expect(doubted(open)).toStrictEqual(permitted('grant-1'))
    expect(doubted(grantOf({ usesMax: 3 }))).toStrictEqual(
      permitted('grant-1', { number: 1, max: 3, isNew: true }),
    )
  })

  test.each<[string, Partial<Grant>]>([
    ['has ended', { endsAtMs: -1 }],
    ['ends later', { endsAtMs: at('2026-12-01T00:00Z') }],
    ['begins later', { startsAtMs: at('2026-12-01T00:00Z') }],
    ['has begun', { startsAtMs: -1 }],
    ['has a window that is open', { terms: weekly('thu 00:00-24:00') }],
    ['has a window that is shut', { terms: weekly('mon 00:00-24:00') }],
    ['is closed on holidays', { terms: { ...open.terms, holidays: 'closed' } }],
  ])('a grant that %s is uncertain', (_, parts) => {
    expect(doubted(grantOf(parts))).toStrictEqual(denied('clock_uncertain'))
  })

  test('nothing opens for a holder with an end date, and nobody is told that it has come', () => {
    const ending = { ...holder, endsAtMs: at('2026-12-01T00:00Z') }
    expect(doubted(open, { holder: ending })).toStrictEqual(denied('clock_uncertain'))
    expect(doubted(open, { holder: { ...holder, endsAtMs: -1 } })).toStrictEqual(
      denied('clock_uncertain'),
    )
  })

  test('a revoked grant stays revoked, and a spent one spent', () => {
    expect(doubted(grantOf({ revokedAtMs: at('2026-11-01T00:00Z') }))).toStrictEqual(
      denied('revoked'),
    )
    expect(doubted(grantOf({ uses: 1, usesMax: 1 }))).toStrictEqual(denied('uses_spent'))
  })
})

describe('case 6: of several grants that open', () => {
  test('one with a window comes before one that counts', () => {
    const counted = grantOf({ id: 'counted', usesMax: 5, endsAtMs: at('2026-12-01T00:00Z') })
    expect(decide(askingOf({ grants: [counted, monday] }))).toStrictEqual(permitted('monday'))
  })

  test('of two that count, the one that ends first is used', () => {
    const sooner = grantOf({ id: 'sooner', usesMax: 5, endsAtMs: at('2026-12-01T00:00Z') })
    const later = grantOf({ id: 'later', usesMax: 5, endsAtMs: at('2026-12-02T00:00Z') })
    const never = grantOf({ id: 'never', usesMax: 5 })
    expect(decide(askingOf({ grants: [never, later, sooner] })).grantId).toBe('sooner')
    expect(decide(askingOf({ grants: [never, later] })).grantId).toBe('later')
  })

  test('of two that are alike, the older one is used', () => {
    const grants = ['b', 'a', 'c'].map((id) => grantOf({ id }))
    expect(decide(askingOf({ grants })).grantId).toBe('a')
  })

  test('a use that is already counted comes before another one', () => {
    const { nowMs, visitor } = askingOf()
    const used = grantOf({
      id: 'used',
      usesMax: 5,
      uses: 1,
      usedAtMs: nowMs - 1000,
      usedBy: visitor,
    })
    const sooner = grantOf({ id: 'sooner', usesMax: 5, endsAtMs: nowMs + 1000 })
    expect(decide(askingOf({ grants: [sooner, used] }))).toStrictEqual(
      permitted('used', { number: 1, max: 5, isNew: false }),
    )
  })
})

test('case 10: a holiday that is added during an open window closes it from the next decision on', () => {
  const grant = grantOf({ terms: { ...weekly('fri 08:00-18:00'), holidays: 'closed' } })
  const nowMs = at('2026-12-25T09:00Z')
  expect(decide(askingOf({ grants: [grant], nowMs })).decision).toBe('permitted')
  const home = homeIn('Europe/Berlin', ['2026-12-25'])
  expect(decide(askingOf({ grants: [grant], nowMs, home })).reason).toBe('closed_on_holiday')
})
