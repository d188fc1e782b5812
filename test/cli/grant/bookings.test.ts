import { describe, expect, test } from 'bun:test'
import { bookingsFrom } from '../../../src/cli/grant/bookings.ts'
import { AppError } from '../../../src/errors.ts'
import { AIRBNB, BOOKING, GOOGLE, OUTLOOK, eventWith } from '../../support/calendars.ts'

const options = { zone: 'Europe/Berlin', arrival: '15:00', departure: '11:00' }

const read = (text: string) => bookingsFrom(text, options)

/** What the calendar calls it, and from when until when. */
const stays = (text: string) =>
  read(text).bookings.map(({ summary, startMs, endMs }) => [
    summary,
    new Date(startMs).toISOString(),
    new Date(endMs).toISOString(),
  ])

const faultOf = (text: string): string => {
  try {
    return JSON.stringify(read(text))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return `${error.code}: ${error.message}`
  }
}

describe('a calendar', () => {
  test('of Airbnb has days: guests arrive and leave by the clock of the home, also when it changes', () => {
    expect(read(AIRBNB).calendar).toBeUndefined()
    expect(stays(AIRBNB)).toStrictEqual([
      ['Reserved', '2040-03-23T14:00:00.000Z', '2040-03-26T09:00:00.000Z'],
      ['Airbnb (Not available)', '2040-03-28T13:00:00.000Z', '2040-03-30T09:00:00.000Z'],
    ])
    expect(read(AIRBNB).bookings[0]?.uid).toBe(
      '1418fb94e984-2c5a3f7e9b1d4c6a8e0f2b4d6c8a0e1f@airbnb.com',
    )
  })

  test('of Booking.com has a name', () => {
    expect(read(BOOKING).calendar).toBe('Garden flat')
    expect(stays(BOOKING)).toStrictEqual([
      ['CLOSED - Not available', '2040-03-22T14:00:00.000Z', '2040-03-24T10:00:00.000Z'],
    ])
  })

  test('of Google has times in a zone, in UTC or with a length, and cancelled events', () => {
    expect(stays(GOOGLE)).toStrictEqual([
      ['Pottery, beginners', '2040-03-24T09:00:00.000Z', '2040-03-24T11:00:00.000Z'],
      ['Kiln', '2040-03-25T08:00:00.000Z', '2040-03-25T09:30:00.000Z'],
    ])
    expect(read(GOOGLE).bookings.map(({ isCancelled }) => isCancelled)).toStrictEqual([false, true])
  })

  test('of Outlook describes its own zones', () => {
    expect(stays(OUTLOOK)).toStrictEqual([
      ['Painter', '2040-03-23T08:00:00.000Z', '2040-03-26T07:00:00.000Z'],
    ])
  })
})

describe('an event', () => {
  test('without a zone is by the clock of the home', () => {
    expect(stays(eventWith('DTSTART:20400324T100000', 'DTEND:20400324T110000'))).toStrictEqual([
      ['', '2040-03-24T09:00:00.000Z', '2040-03-24T10:00:00.000Z'],
    ])
  })

  test.each([
    ['without an end', ['DTSTART;VALUE=DATE:20400323']],
    ['that ends on that day', ['DTSTART;VALUE=DATE:20400323', 'DTEND;VALUE=DATE:20400323']],
  ])('of a day %s ends on the next one', (_, event) => {
    expect(stays(eventWith(...event))).toStrictEqual([
      ['', '2040-03-23T14:00:00.000Z', '2040-03-24T10:00:00.000Z'],
    ])
  })

  test('that is in the file twice counts by its highest sequence', () => {
    const text = (first: number, second: number) => {
      const event = (sequence: number, day: number) =>
        `BEGIN:VEVENT\nUID:1\nSEQUENCE:${sequence}\nDTSTART;VALUE=DATE:204003${day}\nEND:VEVENT\n`
      return `BEGIN:VCALENDAR\n${event(first, 20)}${event(second, 25)}END:VCALENDAR\n`
    }
    const dayOf = (calendar: string) => stays(calendar).map(([, start]) => start?.slice(8, 10))
    expect(dayOf(text(0, 1))).toStrictEqual(['25'])
    expect(dayOf(text(2, 1))).toStrictEqual(['20'])
  })

  test.each([
    [['SUMMARY:Stay'], 'The event “Stay” has no valid start and end'],
    [['DTSTART:20400324T100000'], 'The event “1” has no valid start and end'],
    [['DTSTART;VALUE=DATE:20400231'], 'The event “1” has no valid start and end'],
    [
      ['DTSTART:20401399T990000', 'DTEND:20400324T110000'],
      'The event “1” has no valid start and end',
    ],
    [
      ['DTSTART;VALUE=DATE:2040032', 'DTEND;VALUE=DATE:20400324'],
      'The event “1” has no valid start and end',
    ],
    [['DTSTART:20400324T110000Z', 'DTEND:20400324T110000Z'], 'The event “1” ends before it starts'],
    [
      ['DTSTART;TZID=Nowhere:20400324T100000', 'DTEND;TZID=Nowhere:20400324T110000'],
      'The time zone Nowhere is not known',
    ],
    [
      ['SUMMARY:Yoga', 'DTSTART;VALUE=DATE:20400324', 'RRULE:FREQ=WEEKLY'],
      'The event “Yoga” repeats: give regular guests a pass with weekly hours instead',
    ],
    [
      ['DTSTART;VALUE=DATE:20400324', 'RECURRENCE-ID;VALUE=DATE:20400324'],
      'The event “1” repeats: give regular guests a pass with weekly hours instead',
    ],
  ])('with %j is refused: %s', (event, says) => {
    expect(faultOf(eventWith(...event))).toBe(`invalid: ${says}`)
  })

  test('without a UID is refused, since a change could not be followed', () => {
    const text = eventWith('SUMMARY:Stay', 'DTSTART;VALUE=DATE:20400324').replace('UID:1\r\n', '')
    expect(faultOf(text)).toBe('invalid: The event “Stay” has no UID')
  })
})

test.each([
  ['empty', ''],
  ['a page', '<html><body>Not found</body></html>'],
  ['cut off', AIRBNB.slice(0, 500)],
  ['two calendars', AIRBNB + AIRBNB],
  ['something else', 'BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nEND:VCARD\n'],
  ['with a broken line', AIRBNB.replace('SUMMARY:Reserved', 'SUMMARY')],
])('a file that is %s is refused', (_, text) => {
  expect(faultOf(text)).toStartWith('invalid: The file is not a whole iCalendar file')
})

test('a calendar without events is one, and no file may have too many', () => {
  expect(read('BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n').bookings).toBeEmpty()
  const event = (uid: number) =>
    `BEGIN:VEVENT\nUID:${uid}\nDTSTART;VALUE=DATE:20400324\nEND:VEVENT\n`
  const many = (count: number) =>
    `BEGIN:VCALENDAR\n${Array.from({ length: count }, (_, uid) => event(uid)).join('')}END:VCALENDAR\n`
  expect(read(many(1000)).bookings).toHaveLength(1000)
  expect(faultOf(many(1001))).toBe('invalid: The file has more than 1000 events')
})
