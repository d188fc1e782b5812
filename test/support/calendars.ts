// iCalendar files in the shapes that booking sites and calendars export; the people and bookings are made up.

const lines = (...all: readonly string[]): string => `${all.join('\r\n')}\r\n`

/** Airbnb: stays are days, and days that the host has blocked look the same but for their name. */
export const AIRBNB = lines(
  'BEGIN:VCALENDAR',
  'PRODID:-//Airbnb Inc//Hosting Calendar 1.0//EN',
  'CALSCALE:GREGORIAN',
  'VERSION:2.0',
  'BEGIN:VEVENT',
  'DTSTAMP:20400319T100000Z',
  'DTSTART;VALUE=DATE:20400323',
  'DTEND;VALUE=DATE:20400326',
  'SUMMARY:Reserved',
  'UID:1418fb94e984-2c5a3f7e9b1d4c6a8e0f2b4d6c8a0e1f@airbnb.com',
  'DESCRIPTION:Reservation URL: https://www.airbnb.com/hosting/reservations/de',
  ' tails/HMAAAAAAAA\\nPhone Number (Last 4 Digits): 0000',
  'END:VEVENT',
  'BEGIN:VEVENT',
  'DTSTAMP:20400319T100000Z',
  'DTSTART;VALUE=DATE:20400328',
  'DTEND;VALUE=DATE:20400330',
  'SUMMARY:Airbnb (Not available)',
  'UID:7f662ec65913-8b0d2f4a6c8e1a3c5e7f9b1d3f5a7c9e@airbnb.com',
  'END:VEVENT',
  'END:VCALENDAR',
)

/** Booking.com: everything is closed, and nobody has a name. */
export const BOOKING = lines(
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'METHOD:PUBLISH',
  'PRODID:-//admin.booking.com//calendarsync 1.0//EN',
  'X-WR-CALNAME:Garden flat',
  'BEGIN:VEVENT',
  'DTSTART;VALUE=DATE:20400322',
  'DTEND;VALUE=DATE:20400324',
  'UID:c0ffee00c0ffee00c0ffee00c0ffee00@booking.com',
  'SUMMARY:CLOSED - Not available',
  'END:VEVENT',
  'END:VCALENDAR',
)

const BERLIN = [
  'BEGIN:VTIMEZONE',
  'TZID:W. Europe Standard Time',
  'BEGIN:STANDARD',
  'DTSTART:16010101T030000',
  'TZOFFSETFROM:+0200',
  'TZOFFSETTO:+0100',
  'RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10',
  'END:STANDARD',
  'BEGIN:DAYLIGHT',
  'DTSTART:16010101T020000',
  'TZOFFSETFROM:+0100',
  'TZOFFSETTO:+0200',
  'RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3',
  'END:DAYLIGHT',
  'END:VTIMEZONE',
]

/** Google: times with a zone, in UTC, or with a length; a cancelled event stays in the file. */
export const GOOGLE = lines(
  'BEGIN:VCALENDAR',
  'PRODID:-//Google Inc//Google Calendar 70.9054//EN',
  'VERSION:2.0',
  'CALSCALE:GREGORIAN',
  'METHOD:PUBLISH',
  'X-WR-CALNAME:Workshop',
  'X-WR-TIMEZONE:Europe/Berlin',
  'BEGIN:VEVENT',
  'DTSTART;TZID=Europe/Berlin:20400324T100000',
  'DTEND;TZID=Europe/Berlin:20400324T120000',
  'DTSTAMP:20400319T100000Z',
  'UID:0abc@google.com',
  'SEQUENCE:1',
  'STATUS:CONFIRMED',
  'SUMMARY:Pottery\\, beginners',
  'END:VEVENT',
  'BEGIN:VEVENT',
  'DTSTART:20400325T080000Z',
  'DURATION:PT1H30M',
  'UID:0def@google.com',
  'STATUS:CANCELLED',
  'SUMMARY:Kiln',
  'END:VEVENT',
  'END:VCALENDAR',
)

/** Outlook: zones by names of Windows, which the file describes. */
export const OUTLOOK = lines(
  'BEGIN:VCALENDAR',
  'PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN',
  'VERSION:2.0',
  ...BERLIN,
  'BEGIN:VEVENT',
  'DTSTART;TZID="W. Europe Standard Time":20400323T090000',
  'DTEND;TZID="W. Europe Standard Time":20400326T090000',
  'UID:040000008200E00074C5B7101A82E008',
  'SUMMARY:Painter',
  'END:VEVENT',
  'END:VCALENDAR',
)

/** One event with these lines besides its UID. */
export const eventWith = (...event: readonly string[]): string =>
  lines(
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'BEGIN:VEVENT',
    'UID:1',
    ...event,
    'END:VEVENT',
    'END:VCALENDAR',
  )
