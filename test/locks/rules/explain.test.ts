import { describe, expect, test } from 'bun:test'
import type { Asking } from '../../../src/locks/rules/decide.ts'
import {
  explain,
  localTimeIn,
  nextAt,
  occurrences,
  wordsOf,
} from '../../../src/locks/rules/explain.ts'
import { askingOf, at, grantOf, homeIn, interval, weekly } from '../../support/grants.ts'

const { nowMs, holder } = askingOf()
const wednesdays = grantOf({ id: 'wednesdays', terms: weekly('wed 08:00-18:00') })
const spent = grantOf({ id: 'spent', usesMax: 1, uses: 1 })

describe('the next opening', () => {
  test('case 1: is the beginning of the night, and a week later after its end', () => {
    const grants = [grantOf({ terms: weekly('sat 22:00-06:00') })]
    const next = (time: string) => nextAt(askingOf({ grants, nowMs: at(time) }))
    expect(next('2027-03-27T20:59:59.999Z')).toBe(at('2027-03-27T21:00Z'))
    expect(next('2027-03-28T04:00Z')).toBe(at('2027-04-03T20:00Z'))
  })

  test('case 6: of one that is spent and one that opens on Wednesday is Wednesday', () => {
    const asking = askingOf({ grants: [spent, wednesdays] })
    expect(explain(asking).decision.reason).toBe('uses_spent')
    expect(nextAt(asking)).toBe(at('2026-12-02T07:00Z'))
  })

  test('case 10: is after the holiday', () => {
    const grant = grantOf({ terms: { ...weekly('fri 08:00-18:00'), holidays: 'closed' } })
    const home = homeIn('Europe/Berlin', ['2026-12-25'])
    const asking = askingOf({ grants: [grant], home, nowMs: at('2026-12-25T09:00Z') })
    expect(explain(asking)).toMatchObject({
      decision: { reason: 'closed_on_holiday' },
      nextAtMs: at('2027-01-01T07:00Z'),
    })
  })

  test('is the earliest of all grants', () => {
    const later = grantOf({ startsAtMs: at('2026-12-01T12:00Z') })
    expect(nextAt(askingOf({ grants: [wednesdays, later] }))).toBe(at('2026-12-01T12:00Z'))
  })

  test.each<[string, Partial<Asking>]>([
    ['a grant that is revoked', { grants: [{ ...wednesdays, revokedAtMs: nowMs }] }],
    [
      'a grant that is spent, whatever its hours',
      { grants: [{ ...wednesdays, usesMax: 1, uses: 1 }] },
    ],
    [
      'a grant that ends before',
      { grants: [{ ...wednesdays, endsAtMs: at('2026-12-02T07:00Z') }] },
    ],
    [
      'a holder who ends before',
      { grants: [wednesdays], holder: { ...holder, endsAtMs: at('2026-12-02T07:00Z') } },
    ],
    ['a holder who waits', { grants: [wednesdays], holder: { ...holder, isAdmitted: false } }],
    ['a doubted clock', { grants: [wednesdays], isClockDoubted: true }],
    [
      'another network',
      { grants: [grantOf({ terms: { ...grantOf().terms, homeNetwork: true } })], isHome: false },
    ],
    [
      'a lockdown without an end',
      { grants: [wednesdays], lock: { state: 'enabled', lockdowns: [{ untilMs: null }] } },
    ],
    ['no grant', {}],
    ['a door that opens now', { grants: [grantOf(), wednesdays] }],
  ])('is not known for %s', (_, parts) => {
    expect(nextAt(askingOf(parts))).toBeNull()
  })

  test('after a lockdown is its end, or the first opening after it', () => {
    const lockdown = (hours: number) => ({ untilMs: nowMs + hours * 3_600_000 })
    const during = (grants: Asking['grants'], ...lockdowns: ReturnType<typeof lockdown>[]) =>
      nextAt(askingOf({ grants, lock: { state: 'enabled', lockdowns } }))
    expect(during([grantOf()], lockdown(1), lockdown(2))).toBe(nowMs + 2 * 3_600_000)
    expect(during([wednesdays], lockdown(1))).toBe(at('2026-12-02T07:00Z'))
    expect(during([spent], lockdown(1))).toBeNull()
  })
})

describe('why', () => {
  test('is explained for each grant, with its words and its next five openings', () => {
    const grants = [
      grantOf({ id: 'a', terms: weekly('tue,thu 09:00-13:00'), endsAtMs: at('2026-12-09T23:00Z') }),
      grantOf({ id: 'b', revokedAtMs: nowMs - 1 }),
      spent,
    ]
    expect(explain(askingOf({ grants }))).toStrictEqual({
      decision: { decision: 'denied', reason: 'uses_spent', grantId: null, use: null },
      nextAtMs: at('2026-12-01T08:00Z'),
      grants: [
        {
          id: 'a',
          reason: 'outside_schedule',
          words: 'Tue and Thu 09:00-13:00 · until 9 December',
          occurs: [
            interval('2026-12-01T08:00Z', '2026-12-01T12:00Z'),
            interval('2026-12-03T08:00Z', '2026-12-03T12:00Z'),
            interval('2026-12-08T08:00Z', '2026-12-08T12:00Z'),
          ],
        },
        { id: 'b', reason: 'revoked', words: 'always', occurs: [] },
        { id: 'spent', reason: 'uses_spent', words: 'once', occurs: [] },
      ],
    })
  })

  test('shows a night that summer time shortens before it comes', () => {
    const grants = [grantOf({ terms: weekly('sat 22:00-06:00') })]
    const [first] = explain(askingOf({ grants, nowMs: at('2027-03-25T12:00Z') })).grants
    expect(first?.occurs).toHaveLength(5)
    expect(first?.occurs[0]).toStrictEqual(interval('2027-03-27T21:00Z', '2027-03-28T04:00Z'))
    expect(first?.occurs[1]).toStrictEqual(interval('2027-04-03T20:00Z', '2027-04-04T04:00Z'))
  })

  test('is explained for the past, before a grant was revoked, and for the future', () => {
    const revoked = grantOf({ revokedAtMs: nowMs })
    const then = (time: string) =>
      explain(askingOf({ grants: [revoked], nowMs: at(time) })).decision
    expect(then('2026-11-30T10:59:59.999Z').decision).toBe('permitted')
    expect(then('2026-11-30T11:00Z').reason).toBe('revoked')
    const later = askingOf({ grants: [wednesdays], nowMs: at('2030-01-02T12:00Z') })
    expect(explain(later)).toMatchObject({ decision: { grantId: 'wednesdays' }, nextAtMs: null })
  })

  test('openings of an account with an end date end with it', () => {
    const held = { ...askingOf(), holder: { endsAtMs: at('2026-12-02T12:00Z') } }
    expect(occurrences(wednesdays, held)).toStrictEqual([
      interval('2026-12-02T07:00Z', '2026-12-02T12:00Z'),
    ])
  })
})

test('times are written as local times', () => {
  expect(localTimeIn('Europe/Berlin', at('2027-03-28T00:59Z'))).toBe('2027-03-28T01:59')
  expect(localTimeIn('Europe/Berlin', at('2027-03-28T01:00Z'))).toBe('2027-03-28T03:00')
  expect(localTimeIn('America/New_York', at('2026-01-01T03:00Z'))).toBe('2025-12-31T22:00')
})

test('the words of a grant have its dates in local time of the home', () => {
  const dates = { startsAtMs: at('2027-03-27T23:00Z'), endsAtMs: at('2027-03-28T22:00Z') }
  expect(wordsOf(grantOf(dates), askingOf())).toBe('on 28 March')
  expect(wordsOf(grantOf(dates), { ...askingOf(), home: homeIn('UTC') })).toBe(
    'from 27 March 23:00 until 28 March 22:00',
  )
})
