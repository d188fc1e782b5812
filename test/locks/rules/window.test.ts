import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Home, Terms, Window } from '../../../src/locks/rules/grant.ts'
import { DAYS } from '../../../src/locks/rules/grant.ts'
import {
  isOpenAt,
  neverOpens,
  nextOpening,
  nextOpenings,
  openIntervalAt,
} from '../../../src/locks/rules/window.ts'
import { at, berlin, homeIn, interval, timed, weekly } from '../../support/grants.ts'

describe('cases 1, 2 and 10: nights and hours that clocks change', () => {
  test.each([
    [
      '1: a night into summer time is 7 hours',
      'sat 22:00-06:00',
      '2027-03-28T00:00Z',
      '2027-03-27T21:00Z',
      '2027-03-28T04:00Z',
    ],
    [
      '2: a night into winter time is 9 hours',
      'sat 22:00-06:00',
      '2026-10-25T00:00Z',
      '2026-10-24T20:00Z',
      '2026-10-25T05:00Z',
    ],
    [
      '2: an end that comes twice is the second',
      'sat 22:00-02:30',
      '2026-10-25T00:00Z',
      '2026-10-24T20:00Z',
      '2026-10-25T01:30Z',
    ],
    [
      '2: an end in the gap is the end of the gap',
      'sun 01:00-02:30',
      '2027-03-28T00:30Z',
      '2027-03-28T00:00Z',
      '2027-03-28T01:00Z',
    ],
    [
      '2: a beginning in the gap is the end of the gap',
      'sun 02:30-04:00',
      '2027-03-28T01:00Z',
      '2027-03-28T01:00Z',
      '2027-03-28T02:00Z',
    ],
  ])('%s', (_, windows, ms, fromMs, untilMs) => {
    expect(openIntervalAt(weekly(windows), berlin, at(ms))).toStrictEqual(interval(fromMs, untilMs))
  })

  test('1: shut a millisecond before, open at the beginning, shut at the end, then a week later', () => {
    const night = weekly('sat 22:00-06:00')
    expect(isOpenAt(night, berlin, at('2027-03-27T20:59:59.999Z'))).toBeFalse()
    expect(isOpenAt(night, berlin, at('2027-03-27T21:00Z'))).toBeTrue()
    expect(isOpenAt(night, berlin, at('2027-03-28T03:59:59.999Z'))).toBeTrue()
    expect(isOpenAt(night, berlin, at('2027-03-28T04:00Z'))).toBeFalse()
    expect(nextOpening(timed(night), berlin, at('2027-03-27T20:59:59.999Z'))).toBe(
      at('2027-03-27T21:00Z'),
    )
    expect(nextOpening(timed(night), berlin, at('2027-03-28T04:00Z'))).toBe(at('2027-04-03T20:00Z'))
  })

  test('2: a window wholly in the gap does not occur that week', () => {
    const window = timed(weekly('sun 02:15-02:45'))
    expect(nextOpenings(window, berlin, at('2027-03-22T00:00Z'), { countMax: 1 })).toStrictEqual([
      interval('2027-04-04T00:15Z', '2027-04-04T00:45Z'),
    ])
  })

  test('2: Lord Howe changes its clocks by half an hour', () => {
    const window = weekly('sun 01:45-02:15')
    // 02:00 becomes 01:30: the first 01:45 is at UTC+11, and 02:15 at UTC+10:30.
    expect(
      openIntervalAt(window, homeIn('Australia/Lord_Howe'), at('2026-04-04T15:00Z')),
    ).toStrictEqual(interval('2026-04-04T14:45Z', '2026-04-04T15:45Z'))
  })

  test('2: Apia has no Friday 2011-12-30', () => {
    const apia = homeIn('Pacific/Apia')
    const fridays = timed(weekly('fri 08:00-18:00'))
    expect(nextOpening(fridays, apia, at('2011-12-24T06:00Z'))).toBe(at('2012-01-05T18:00Z'))
    // The night from Thursday ends with the Thursday, as Friday 06:00 is left out.
    expect(
      nextOpenings(timed(weekly('thu 22:00-06:00')), apia, at('2011-12-29T00:00Z'), {
        countMax: 1,
      }),
    ).toStrictEqual([interval('2011-12-30T08:00Z', '2011-12-30T10:00Z')])
  })

  test('2: an end of a window that comes twice may be on another day', () => {
    // St. John's put its clocks back at 00:01, to 23:01 of the day before.
    const stJohns = homeIn('America/St_Johns')
    const night = weekly('sun 00:00-08:00')
    expect(openIntervalAt(night, stJohns, at('2010-11-07T02:45Z'))).toStrictEqual(
      interval('2010-11-07T02:30Z', '2010-11-07T11:30Z'),
    )
    const day = weekly('fri 23:45-23:30')
    expect(openIntervalAt(day, stJohns, at('2010-11-07T02:30:30Z'))).toStrictEqual(
      interval('2010-11-06T02:15Z', '2010-11-07T03:00Z'),
    )
  })

  test('10: a holiday closes the windows that begin on it, and no night from the day before', () => {
    const home = homeIn('Europe/Berlin', ['2026-12-25'])
    const friday = { ...weekly('fri 08:00-18:00'), holidays: 'closed' as const }
    const night = { ...weekly('thu 22:00-06:00'), holidays: 'closed' as const }
    expect(isOpenAt(friday, home, at('2026-12-25T09:00Z'))).toBeFalse()
    expect(nextOpening(timed(friday), home, at('2026-12-25T09:00Z'))).toBe(at('2027-01-01T07:00Z'))
    expect(isOpenAt(night, home, at('2026-12-25T02:00Z'))).toBeTrue()
  })
})

describe('holidays', () => {
  const home = homeIn('Europe/Berlin', ['2026-12-25'])

  test('windows of their own replace the weekly ones that begin on that date', () => {
    const terms = { ...weekly('fri 08:00-18:00'), holidays: [{ from: '10:00', until: '12:00' }] }
    expect(openIntervalAt(terms, home, at('2026-12-25T09:30Z'))).toStrictEqual(
      interval('2026-12-25T09:00Z', '2026-12-25T11:00Z'),
    )
    expect(isOpenAt(terms, home, at('2026-12-25T08:30Z'))).toBeFalse()
  })

  test('that are ignored change nothing', () => {
    expect(isOpenAt(weekly('fri 08:00-18:00'), home, at('2026-12-25T09:00Z'))).toBeTrue()
  })

  test('close a grant without windows from midnight to midnight', () => {
    const terms: Terms = { ...weekly(''), windows: undefined, holidays: 'closed' }
    expect(nextOpenings(timed(terms), home, at('2026-12-24T22:00Z'))).toStrictEqual([
      interval('2026-12-21T23:00Z', '2026-12-24T23:00Z'),
      { fromMs: at('2026-12-25T23:00Z'), untilMs: Infinity },
    ])
  })
})

describe('openings', () => {
  test('are the union of windows that overlap or touch, within the dates', () => {
    const grant = timed(
      weekly(
        'mon,tue 08:00-12:00; mon 11:00-14:00; mon 14:00-15:00; mon 20:00-24:00; tue 00:00-02:00',
      ),
      {
        startsAtMs: at('2026-11-30T08:00Z'),
        endsAtMs: at('2026-12-01T08:00Z'),
      },
    )
    expect(nextOpenings(grant, berlin, at('2026-01-01T00:00Z'))).toStrictEqual([
      interval('2026-11-30T08:00Z', '2026-11-30T14:00Z'),
      interval('2026-11-30T19:00Z', '2026-12-01T01:00Z'),
      interval('2026-12-01T07:00Z', '2026-12-01T08:00Z'),
    ])
  })

  test('include one that is running, from its beginning', () => {
    const grant = timed(weekly('mon 09:00-13:00'))
    const openings = nextOpenings(grant, berlin, at('2026-11-30T10:00Z'))
    expect(openings).toHaveLength(5)
    expect(openings[0]).toStrictEqual(interval('2026-11-30T08:00Z', '2026-11-30T12:00Z'))
    expect(nextOpening(grant, berlin, at('2026-11-30T10:00Z'))).toBe(at('2026-11-30T10:00Z'))
  })

  test('of a grant without windows are its dates', () => {
    const terms = { ...weekly(''), windows: undefined }
    const endsAtMs = at('2026-12-01T00:00Z')
    expect(nextOpenings(timed(terms, { endsAtMs }), berlin, at('2026-11-30T00:00Z'))).toStrictEqual(
      [interval('2026-11-30T00:00Z', '2026-12-01T00:00Z')],
    )
    expect(nextOpenings(timed(terms, { endsAtMs }), berlin, endsAtMs)).toStrictEqual([])
  })

  test('all week long have no end', () => {
    const always = timed(weekly('mon,tue,wed,thu,fri,sat,sun 00:00-24:00'))
    expect(nextOpenings(always, berlin, at('2026-11-30T12:00Z'))).toStrictEqual([
      { fromMs: at('2026-11-27T23:00Z'), untilMs: Infinity },
    ])
  })

  test('are searched for 370 days ahead', () => {
    const grant = timed({ ...weekly('fri 08:00-18:00'), holidays: 'closed' })
    const fridays = Array.from({ length: 60 }, (_, week) =>
      new Date(at('2026-12-04T00:00Z') + week * 7 * 86_400_000).toISOString().slice(0, 10),
    )
    const from = at('2026-12-01T00:00Z')
    expect(nextOpening(grant, homeIn('Europe/Berlin', fridays), from)).toBeUndefined()
    expect(nextOpening(grant, homeIn('Europe/Berlin', fridays.slice(0, 50)), from)).toBe(
      at('2027-11-19T07:00Z'),
    )
    // This opens in 60 weeks, after all these holidays.
    expect(neverOpens(grant, homeIn('Europe/Berlin', fridays), from)).toBeFalse()
  })
})

describe('a grant never opens', () => {
  const now = at('2026-11-30T12:00Z')

  test.each([
    [
      'if no day of its windows is within its dates',
      'sat 10:00-12:00',
      '2026-11-30T00:00Z',
      '2026-12-05T09:00Z',
      true,
    ],
    [
      'but if the last minute of a window is',
      'sat 10:00-12:00',
      '2026-12-05T10:59Z',
      '2026-12-06T00:00Z',
      false,
    ],
    ['if what was open is over', 'mon 08:00-10:00', '2026-11-30T00:00Z', '2026-12-01T00:00Z', true],
    [
      'if its only window is in the gap',
      'sun 02:15-02:45',
      '2027-03-27T00:00Z',
      '2027-03-29T00:00Z',
      true,
    ],
    ['but if that comes again', 'sun 02:15-02:45', '2027-03-27T00:00Z', '2027-04-05T00:00Z', false],
  ])('%s', (_, windows, startsAt, endsAt, isNever) => {
    const grant = timed(weekly(windows), { startsAtMs: at(startsAt), endsAtMs: at(endsAt) })
    expect(neverOpens(grant, berlin, now)).toBe(isNever)
  })

  test('if holidays close all its days', () => {
    const dates = { startsAtMs: at('2026-12-24T23:00Z'), endsAtMs: at('2026-12-26T23:00Z') }
    const terms: Terms = { windows: undefined, holidays: 'closed', homeNetwork: false }
    const home = homeIn('Europe/Berlin', ['2026-12-25', '2026-12-26'])
    expect(neverOpens(timed(terms, dates), home, now)).toBeTrue()
    expect(
      neverOpens(timed(terms, dates), homeIn('Europe/Berlin', ['2026-12-25']), now),
    ).toBeFalse()
  })
})

/** Zones with changes at midnight, of half an hour, of two hours, in Ramadan, and of a whole day. */
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Havana',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Antarctica/Troll',
  'Asia/Kathmandu',
  'Pacific/Chatham',
  'America/Sao_Paulo',
]
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The local time of each minute of a UTC day, such as `2026-11-30 09:15`, by walking through its instants. */
const walls = new Map<string, readonly string[]>()
const wallsOn = (zone: string, day: number): readonly string[] => {
  const key = `${zone} ${day}`
  const known = walls.get(key)
  if (known) return known
  const shown = Array.from({ length: DAY / MINUTE }, (_, minute) =>
    Temporal.Instant.fromEpochMilliseconds(day * DAY + minute * MINUTE)
      .toZonedDateTimeISO(zone)
      .toPlainDateTime()
      .toString()
      .slice(0, 16),
  )
  walls.set(key, shown)
  return shown
}
const wallAt = (zone: string, ms: number): string => {
  const day = Math.floor(ms / DAY)
  return String(wallsOn(zone, day)[(ms - day * DAY) / MINUTE])
}

/** Whether a time on the wall is within a window: a comparison of texts and names of days. */
const isWithin = (terms: Terms, { holidays }: Home, wall: string): boolean => {
  const today = Temporal.PlainDate.from(wall.slice(0, 10))
  const time = wall.slice(11)
  const windowsOf = (date: Temporal.PlainDate): readonly Omit<Window, 'days'>[] => {
    if (terms.holidays !== 'ignore' && holidays.has(date.toString()))
      return terms.holidays === 'closed' ? [] : terms.holidays
    const weekday = DAYS[date.dayOfWeek - 1]
    return (terms.windows ?? []).filter(({ days }) => days.some((day) => day === weekday))
  }
  return (
    windowsOf(today).some(({ from, until }) => time >= from && (until <= from || time < until)) ||
    windowsOf(today.subtract({ days: 1 })).some(({ from, until }) => until <= from && time < until)
  )
}

/** Changes of each zone's clocks from 2005 to 2026. */
const changes = ZONES.map((zone) => {
  const found: number[] = []
  let change: Temporal.ZonedDateTime | null = Temporal.ZonedDateTime.from(
    `2005-01-01T00:00[${zone}]`,
  )
  while ((change = change.getTimeZoneTransition('next')) && change.year < 2027)
    found.push(change.epochMilliseconds)
  return found
})

const minutes = fc.integer({ min: 0, max: 23 * 60 + 59 })
/** Times of day, most of them where clocks change. */
const timeOfDay = fc
  .oneof(
    { weight: 1, arbitrary: minutes },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 * 4 }).map((quarter) => quarter * 15) },
    { weight: 1, arbitrary: fc.integer({ min: 22 * 4, max: 24 * 4 - 1 }).map((q) => q * 15) },
  )
  .map(
    (minute) =>
      `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`,
  )
const span = fc.record({
  from: timeOfDay,
  until: fc.oneof(
    { weight: 9, arbitrary: timeOfDay },
    { weight: 1, arbitrary: fc.constant('24:00') },
  ),
})
const window = fc
  .tuple(span, fc.subarray([...DAYS], { minLength: 1 }))
  .map(([times, days]) => ({ ...times, days }))
const terms: fc.Arbitrary<Terms> = fc.record({
  windows: fc.array(window, { minLength: 1, maxLength: 3 }),
  holidays: fc.oneof(
    { weight: 2, arbitrary: fc.constant('ignore' as const) },
    { weight: 1, arbitrary: fc.constant('closed' as const) },
    { weight: 1, arbitrary: fc.array(span, { minLength: 1, maxLength: 2 }) },
  ),
  homeNetwork: fc.constant(false),
})
/** An instant: four of five times within hours of a change of the clocks. */
const moment = fc.integer({ min: 0, max: ZONES.length - 1 }).chain((index) => {
  const zone = String(ZONES[index])
  const near = fc
    .tuple(
      fc.constantFrom(...(changes[index] ?? []), at('2016-02-29T00:00Z')),
      fc.integer({ min: -8, max: 8 }),
    )
    .map(([ms, hours]) => ms + hours * HOUR)
  const any = fc
    .integer({ min: 0, max: 40 })
    .map((step) => at('2005-03-01T00:00Z') + step * 193 * DAY)
  return fc.record({
    zone: fc.constant(zone),
    ms: fc.oneof({ weight: 4, arbitrary: near }, { weight: 1, arbitrary: any }),
    holidays: fc.subarray([-1, 0, 1]),
  })
})

/** Minutes around an instant, or around the change of the clocks that is near it. */
const STEPS = [-2, -1, 0, 1, ...Array.from({ length: 44 }, (_, index) => index * 7 - 150)]

test('a window is open whenever the local time is inside it; longer only in the repeated hour', () => {
  const seen = { open: 0, longer: 0, nearChange: 0 }
  fc.assert(
    fc.property(terms, moment, (windows, { zone, ms, holidays }) => {
      const day = Math.floor(ms / DAY)
      const dates = holidays.map((offset) =>
        wallAt(zone, (day + offset) * DAY + DAY / 2).slice(0, 10),
      )
      const home = homeIn(zone, dates)
      const near = changes[ZONES.indexOf(zone)]?.find((change) => Math.abs(change - ms) < 9 * HOUR)
      if (near) seen.nearChange++
      const centre = Math.floor((near ?? ms) / MINUTE) * MINUTE
      for (const step of STEPS) {
        const instant = centre + step * MINUTE
        const wall = wallAt(zone, instant)
        const isOpen = isOpenAt(windows, home, instant)
        if (isOpen) seen.open++
        if (isOpen === isWithin(windows, home, wall)) continue
        expect([zone, wall, isOpen]).toStrictEqual([zone, wall, true])
        // Open for longer: the wall shows this minute twice.
        const others = [-120, -60, -30, 30, 60, 120].map((shift) =>
          wallAt(zone, instant + shift * MINUTE),
        )
        expect(others).toContain(wall)
        seen.longer++
      }
    }),
    { numRuns: 5000 },
  )
  // The cases were what they should be.
  expect(seen.nearChange).toBeGreaterThan(2500)
  expect(seen.open).toBeGreaterThan(12_500)
  expect(seen.longer).toBeGreaterThan(25)
}, 240_000)

test('intervals of windows agree with local time at their ends', () => {
  fc.assert(
    fc.property(terms, moment, (windows, { zone, ms }) => {
      const home = homeIn(zone)
      for (const { fromMs, untilMs } of nextOpenings(timed(windows), home, ms, {
        countMax: 3,
        scanDays: 20,
      })) {
        expect(isOpenAt(windows, home, fromMs)).toBeTrue()
        if (untilMs === Infinity) continue
        expect(isOpenAt(windows, home, untilMs - 1)).toBeTrue()
        expect(isOpenAt(windows, home, untilMs)).toBeFalse()
      }
    }),
    { numRuns: 2000 },
  )
})
