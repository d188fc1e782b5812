import { describe, expect, test } from 'bun:test'
import canonicalize from 'canonicalize'
import { AppError } from '../../../src/errors.ts'
import {
  type GivenTerms,
  readTerms,
  requireOpening,
  termsFrom,
  termsText,
} from '../../../src/locks/rules/terms.ts'
import { at, berlin, homeIn, weekly } from '../../support/grants.ts'

const reading = { zone: 'Europe/Berlin', nowMs: at('2026-11-30T12:00Z'), canTellHome: true }
const read = (given: GivenTerms) => readTerms(given, reading)

const ALWAYS = {
  terms: { windows: undefined, holidays: 'ignore' as const, homeNetwork: false },
  startsAtMs: null,
  endsAtMs: null,
  usesMax: null,
}

/** What a request is told about each field that is refused. */
const refusal = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return error.details.fields
    throw error
  }
  return undefined
}

describe('terms', () => {
  test('that say nothing are always open', () => {
    expect(read({})).toStrictEqual(ALWAYS)
    expect(
      read({
        windows: null,
        holidays: null,
        home_network: null,
        starts_at: null,
        ends_at: null,
        uses: null,
      }),
    ).toStrictEqual(ALWAYS)
  })

  test('are read from what a request says', () => {
    expect(
      read({
        windows: [{ days: ['thu', 'tue'], from: '09:00', until: '24:00' }],
        holidays: [{ from: '22:00', until: '06:00' }],
        home_network: true,
        starts_at: '2026-12-01T00:00:00+01:00',
        ends_at: '2027-03-31T13:00:00.250Z',
        uses: 1000,
      }),
    ).toStrictEqual({
      terms: {
        windows: [{ days: ['tue', 'thu'], from: '09:00', until: '24:00' }],
        holidays: [{ from: '22:00', until: '06:00' }],
        homeNetwork: true,
      },
      startsAtMs: at('2026-11-30T23:00Z'),
      endsAtMs: at('2027-03-31T13:00:00.250Z'),
      usesMax: 1000,
    })
  })

  test.each([
    ['winter', '2026-12-01T13:00', '2026-12-01T12:00Z'],
    ['summer, with seconds', '2027-07-01T13:00:30', '2027-07-01T11:00:30Z'],
    ['the gap, which is its end', '2027-03-28T02:15', '2027-03-28T01:00Z'],
  ])('without an offset are read in the zone of the home: in %s', (_, time, instant) => {
    expect(read({ starts_at: time }).startsAtMs).toBe(at(instant))
    expect(read({ ends_at: time }).endsAtMs).toBe(at(instant))
  })

  test('that begin or end in the hour that comes twice are open all of it', () => {
    expect(read({ starts_at: '2027-10-31T02:30' }).startsAtMs).toBe(at('2027-10-31T00:30Z'))
    expect(read({ ends_at: '2027-10-31T02:30' }).endsAtMs).toBe(at('2027-10-31T01:30Z'))
  })

  const window = { days: ['mon'], from: '08:00', until: '18:00' }
  const WINDOWS = '1 to 20 windows, each with days, from and until'
  const DAYS = 'one or more of mon, tue, wed, thu, fri, sat, sun, each once'
  const FROM = 'a time from "00:00" to "23:59"'
  const UNTIL = 'a time from "00:00" to "24:00"; if not after from, it is on the next day'
  const TIME = 'a time such as 2027-03-31T13:00:00Z, or without an offset in Europe/Berlin'
  test.each<[GivenTerms, Record<string, string>]>([
    [{ windows: [] }, { windows: WINDOWS }],
    [{ windows: 'always' }, { windows: WINDOWS }],
    [{ windows: Array.from({ length: 21 }, () => window) }, { windows: WINDOWS }],
    [{ windows: [{ ...window, days: [] }] }, { 'windows[0].days': DAYS }],
    [{ windows: [{ ...window, days: ['mon', 'mon'] }] }, { 'windows[0].days': DAYS }],
    [{ windows: [{ ...window, days: ['Mon'] }] }, { 'windows[0].days': DAYS }],
    [{ windows: [{ ...window, days: 'mon' }] }, { 'windows[0].days': DAYS }],
    [{ windows: [window, { ...window, from: '24:00' }] }, { 'windows[1].from': FROM }],
    [{ windows: [{ ...window, from: '8:00' }] }, { 'windows[0].from': FROM }],
    [{ windows: [{ ...window, until: '24:01' }] }, { 'windows[0].until': UNTIL }],
    [{ windows: [{ days: ['mon'] }] }, { 'windows[0].from': FROM, 'windows[0].until': UNTIL }],
    [
      { windows: [null] },
      { 'windows[0]': 'a window, such as {"from": "22:00", "until": "06:00"}' },
    ],
    [
      { holidays: 'open' },
      { holidays: '"ignore", "closed" or 1 to 20 windows, each with from and until' },
    ],
    [{ holidays: [{ from: '10:00', until: 12 }] }, { 'holidays[0].until': UNTIL }],
    [{ home_network: 'yes' }, { home_network: 'true or false' }],
    [{ uses: 0 }, { uses: 'a whole number from 1 to 1000' }],
    [{ uses: 1001 }, { uses: 'a whole number from 1 to 1000' }],
    [{ uses: 1.5 }, { uses: 'a whole number from 1 to 1000' }],
    [{ starts_at: '2027-02-30T10:00:00Z' }, { starts_at: TIME }],
    [{ starts_at: '2027-02-28' }, { starts_at: TIME }],
    [{ starts_at: 1_800_000_000_000 }, { starts_at: TIME }],
    [{ ends_at: '2027-03-31T13:00 Europe/Berlin' }, { ends_at: TIME }],
    [{ ends_at: '1999-12-31T23:59:59Z' }, { ends_at: TIME }],
    [{ ends_at: '2026-11-30T12:00:00Z' }, { ends_at: 'a time in the future' }],
    [
      { starts_at: '2027-01-01T00:00', ends_at: '2027-01-01T00:00' },
      { ends_at: 'a time after starts_at' },
    ],
    [
      { uses: 0, windows: [] },
      { windows: WINDOWS, uses: 'a whole number from 1 to 1000' },
    ],
  ])('%j is refused', (given, fields) => {
    expect(refusal(() => read(given))).toStrictEqual(fields)
  })

  test('for the home network are refused where nobody can tell who is there', () => {
    const hidden = { ...reading, canTellHome: false }
    expect(refusal(() => readTerms({ home_network: true }, hidden))).toStrictEqual({
      home_network: 'false, because a proxy or container hides the addresses of clients here',
    })
    expect(readTerms({ home_network: false }, hidden)).toStrictEqual(ALWAYS)
  })
})

describe('a change', () => {
  const current = {
    ...read({
      windows: [{ days: ['mon'], from: '08:00', until: '18:00' }],
      ends_at: '2027-01-01T00:00',
      uses: 5,
    }),
    uses: 3,
  }
  const { uses: _, ...unchanged } = current
  const change = (given: GivenTerms, over = current) => readTerms(given, reading, over)

  test('keeps omitted fields, and null clears one', () => {
    expect(change({})).toStrictEqual(unchanged)
    expect(change({ ends_at: null })).toStrictEqual({ ...unchanged, endsAtMs: null })
    expect(change({ windows: null, uses: 6 })).toStrictEqual({
      ...unchanged,
      terms: ALWAYS.terms,
      usesMax: 6,
    })
  })

  test('cannot undo uses that were made', () => {
    expect(refusal(() => change({ uses: 2 }))).toStrictEqual({
      uses: 'a whole number from 3 to 1000',
    })
    expect(change({ uses: 3 }).usesMax).toBe(3)
  })

  test('is checked together with the dates that stay', () => {
    expect(refusal(() => change({ starts_at: '2027-01-01T00:00' }))).toStrictEqual({
      starts_at: 'a time before ends_at',
    })
    const ended = { ...current, endsAtMs: at('2026-11-01T00:00Z') }
    expect(change({ uses: 9 }, ended).endsAtMs).toBe(ended.endsAtMs)
  })
})

describe('the text of terms', () => {
  const terms = read({
    windows: [{ until: '13:00', from: '09:00', days: ['thu', 'tue'] }],
    holidays: [{ until: '12:00', from: '10:00' }],
    home_network: true,
  }).terms

  test('is RFC 8785 JSON', () => {
    expect(termsText(terms)).toBe(
      '{"holidays":[{"from":"10:00","until":"12:00"}],"home_network":true,' +
        '"windows":[{"days":["tue","thu"],"from":"09:00","until":"13:00"}]}',
    )
    expect(termsText(terms)).toBe(String(canonicalize(JSON.parse(termsText(terms)))))
    expect(termsText(ALWAYS.terms)).toBe(
      '{"holidays":"ignore","home_network":false,"windows":null}',
    )
  })

  test('gives the terms back, as the same object each time', () => {
    expect(termsFrom(termsText(terms))).toStrictEqual(terms)
    expect(termsFrom(termsText(terms))).toBe(termsFrom(termsText(terms)))
    expect(termsFrom(termsText(ALWAYS.terms))).toStrictEqual(ALWAYS.terms)
  })
})

test('a grant that never opens is refused', () => {
  const sundays = { ...ALWAYS, terms: weekly('sun 10:00-12:00'), endsAtMs: at('2026-12-05T00:00Z') }
  expect(() => requireOpening(sundays, berlin, reading.nowMs)).toThrow(
    expect.objectContaining({ code: 'invalid', reason: 'never_opens' }),
  )
  requireOpening({ ...sundays, endsAtMs: at('2026-12-06T09:00:00.001Z') }, berlin, reading.nowMs)
  requireOpening(ALWAYS, homeIn('UTC'), reading.nowMs)
})
