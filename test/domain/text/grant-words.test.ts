import { describe, expect, test } from 'bun:test'
import { DECISION_REASONS } from '../../../src/domain/access.ts'
import {
  type GrantInWords,
  clockChangeWords,
  grantSentence,
  grantWords,
  refusalWords,
  whyWords,
} from '../../../src/domain/text/grant-words.ts'
import { weekly } from '../../support/grants.ts'

/** Monday. */
const NOW = '2026-11-30T12:00'

const ALWAYS: GrantInWords = {
  windows: null,
  holidays: 'ignore',
  homeNetwork: false,
  startsAt: null,
  endsAt: null,
  usesMax: null,
}

const words = (parts: Partial<GrantInWords>) => grantWords({ ...ALWAYS, ...parts }, NOW)
const hours = (windows: string) => words({ windows: weekly(windows).windows ?? null })

test('the sentence of a grant names holder, doors, hours and dates', () => {
  const terms = words({
    windows: weekly('tue,thu 09:00-13:00').windows ?? null,
    holidays: 'closed',
    endsAt: '2027-04-01T00:00',
  })
  expect(grantSentence('Eva', ['Front door'], terms)).toBe(
    'Eva · Front door · Tue and Thu 09:00-13:00, closed on holidays · until 31 March',
  )
  expect(grantSentence('All members', 'all', words({}))).toBe('All members · All doors · always')
  const doors = ['A', 'B', 'C', 'D', 'E', 'F']
  expect(grantSentence('Eva', doors.slice(0, 4), 'always')).toBe('Eva · A, B, C and D · always')
  expect(grantSentence('Eva', doors, 'always')).toBe('Eva · A, B, C and 3 more doors · always')
})

describe('hours', () => {
  test.each([
    ['mon 08:00-18:00', 'Mon 08:00-18:00'],
    [
      'mon,tue,wed,thu,fri 08:00-12:00; mon,tue,wed,thu,fri 14:00-18:00',
      'Mon-Fri 08:00-12:00 and 14:00-18:00',
    ],
    ['mon,wed,fri 08:00-18:00', 'Mon, Wed and Fri 08:00-18:00'],
    ['mon,tue,wed,sat,sun 08:00-18:00', 'Mon-Wed, Sat and Sun 08:00-18:00'],
    ['thu 09:00-13:00; tue 09:00-13:00', 'Tue and Thu 09:00-13:00'],
    ['mon 14:00-18:00; mon 08:00-12:00', 'Mon 08:00-12:00 and 14:00-18:00'],
    ['mon 08:00-18:00; sat 10:00-12:00', 'Mon 08:00-18:00, Sat 10:00-12:00'],
    ['sat,sun 00:00-24:00', 'Sat and Sun all day'],
    ['sat 22:00-06:00', 'Sat 22:00-06:00'],
    ['mon,tue,wed,thu,fri,sat,sun 06:00-22:00', 'every day 06:00-22:00'],
    ['mon,tue,wed,thu,fri,sat,sun 00:00-00:00', 'always'],
  ])('%s', (windows, expected) => {
    expect(hours(windows)).toBe(expected)
  })

  test('on holidays', () => {
    expect(words({ holidays: 'closed' })).toBe('always, closed on holidays')
    expect(words({ holidays: [{ from: '10:00', until: '12:00' }] })).toBe(
      'always, on holidays 10:00-12:00',
    )
  })
})

describe('dates, uses and places', () => {
  test.each<[Partial<GrantInWords>, string]>([
    [{ startsAt: '2027-05-03T15:00' }, 'from 3 May 15:00'],
    [{ startsAt: '2027-05-03T00:00' }, 'from 3 May'],
    [
      { startsAt: '2027-05-03T15:00', endsAt: '2027-05-05T10:00' },
      'from 3 May 15:00 until 5 May 10:00',
    ],
    [{ startsAt: '2026-12-01T09:00', endsAt: '2026-12-01T13:00' }, 'on 1 December 09:00-13:00'],
    [{ startsAt: '2026-12-01T00:00', endsAt: '2026-12-02T00:00' }, 'on 1 December'],
    [
      { startsAt: '2026-12-01T09:00', endsAt: '2026-12-02T00:00' },
      'from 1 December 09:00 until 1 December',
    ],
    [
      { startsAt: '2026-12-01T00:00', endsAt: '2026-12-01T13:00' },
      'from 1 December until 1 December 13:00',
    ],
    [{ endsAt: '2027-03-01T00:00' }, 'until 28 February'],
    [{ endsAt: '2028-03-31T13:00' }, 'until 31 March 2028 13:00'],
    [{ endsAt: '2026-05-03T15:00' }, 'until 3 May 2026 15:00'],
    [{ usesMax: 1 }, 'once'],
    [{ usesMax: 2, homeNetwork: true }, 'twice · only on the home network'],
    [{ usesMax: 5 }, '5 times'],
  ])('%j', (parts, expected) => {
    expect(words(parts)).toBe(expected)
  })
})

describe('a refusal', () => {
  test.each([
    ['2026-11-30T15:00', 'Opens today at 15:00.'],
    ['2026-12-01T08:00', 'Opens tomorrow at 08:00.'],
    ['2026-12-05T15:00', 'Opens Saturday 15:00.'],
    ['2026-12-07T15:00', 'Opens Monday 7 December 15:00.'],
    ['2027-11-15T08:00', 'Opens Monday 15 November 2027 08:00.'],
  ])('says when the door opens: %s', (nextAt, expected) => {
    expect(refusalWords('outside_schedule', nextAt, NOW)).toBe(expected)
  })

  test('says what else prevents opening', () => {
    expect(refusalWords('not_admitted', null, NOW)).toBe('An owner has to let you in first.')
    expect(refusalWords('no_grant', null, NOW)).toBe('No rule lets you open this door.')
    expect(refusalWords('closed_on_holiday', '2027-01-01T08:00', '2026-12-25T10:00')).toBe(
      'Closed for the holiday. Opens Friday 1 January 08:00.',
    )
    expect(refusalWords('expired', null, NOW)).toBe('Your access to this door has ended.')
  })

  test('has words of its own for each reason, to the holder and to anyone who asks why', () => {
    const toHolder = new Set(DECISION_REASONS.map((reason) => refusalWords(reason, null, NOW)))
    const why = new Set(DECISION_REASONS.map(whyWords))
    expect([toHolder.size, why.size]).toStrictEqual([
      DECISION_REASONS.length,
      DECISION_REASONS.length,
    ])
  })
})

describe('an opening during which the clocks change', () => {
  const HOUR_MS = 3_600_000
  test.each([
    ['2027-03-27T22:00', '2027-03-28T06:00', 7, 'an hour shorter, as the clocks change'],
    ['2026-10-24T22:00', '2026-10-25T06:00', 9, 'an hour longer, as the clocks change'],
    ['2026-04-05T01:45', '2026-04-05T02:15', 1, '30 minutes longer, as the clocks change'],
    ['2027-03-28T22:00', '2027-03-29T06:00', 8, undefined],
    // It has begun at 22:00:40.
    ['2027-03-28T22:00', '2027-03-29T06:00', 8 - 40 / 3600, undefined],
    ['2027-03-01T00:00', '2027-04-01T00:00', 31 * 24 - 1, undefined],
  ])('%s to %s takes %d hours', (from, until, taken, expected) => {
    expect(clockChangeWords(from, until, taken * HOUR_MS)).toBe(expected)
  })
})
