import ICAL from 'ical.js'
import { canonicalZone } from '../../config/home-zone.ts'
import { AppError } from '../../errors.ts'

/** An event of an iCalendar file (RFC 5545): somebody's stay. */
export type Booking = {
  readonly uid: string
  /** What the calendar calls it; may be empty. */
  readonly summary: string
  readonly startMs: number
  readonly endMs: number
  readonly isCancelled: boolean
}

export type Bookings = {
  /** The name that the file gives itself. */
  readonly calendar: string | undefined
  readonly bookings: readonly Booking[]
}

type Options = {
  /** The time zone of the home, for times that name none. */
  readonly zone: string
  /** When the guests of an all-day event arrive and leave, as `HH:MM`. */
  readonly arrival: string
  readonly departure: string
}

const BOOKINGS_MAX = 1000

/** Reads the events of an iCalendar file. Of events with one UID, that with the highest SEQUENCE counts. Throws
 * `invalid` for a file that is not one, and for an event without a UID, with a time that does not exist, or that
 * repeats. */
export const bookingsFrom = (text: string, options: Options): Bookings => {
  const calendar = calendarFrom(text)
  const events = calendar.getAllSubcomponents('vevent')
  if (events.length > BOOKINGS_MAX)
    throw new AppError('invalid', `The file has more than ${BOOKINGS_MAX} events`)
  const zones = new Map(
    calendar
      .getAllSubcomponents('vtimezone')
      .map((component) => [textOf(component, 'tzid'), new ICAL.Timezone(component)]),
  )
  const newest = new Map<string, { readonly sequence: number; readonly booking: Booking }>()
  for (const event of events) {
    const booking = bookingOf(event, { ...options, zones })
    const sequence = Number(textOf(event, 'sequence')) || 0
    if ((newest.get(booking.uid)?.sequence ?? -1) <= sequence)
      newest.set(booking.uid, { sequence, booking })
  }
  return {
    calendar: textOf(calendar, 'x-wr-calname') || undefined,
    bookings: [...newest.values()].map(({ booking }) => booking),
  }
}

type Component = InstanceType<typeof ICAL.Component>
type Zones = ReadonlyMap<string, InstanceType<typeof ICAL.Timezone>>
type Reading = Options & { readonly zones: Zones }

const calendarFrom = (text: string): Component => {
  let parsed: unknown
  try {
    parsed = ICAL.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    // An empty text, or several calendars, make it fail in other ways.
    const why = error instanceof ICAL.parse.ParserError ? `: ${error.message.slice(0, 100)}` : ''
    throw new AppError('invalid', `${NO_CALENDAR}${why}`)
  }
  if (!Array.isArray(parsed) || parsed[0] !== 'vcalendar')
    throw new AppError('invalid', NO_CALENDAR)
  return new ICAL.Component(parsed)
}

const NO_CALENDAR = 'The file is not a whole iCalendar file'

const textOf = (component: Component, name: string): string => {
  const value: unknown = component.getFirstPropertyValue(name)
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}

const bookingOf = (event: Component, reading: Reading): Booking => {
  const uid = textOf(event, 'uid')
  const summary = textOf(event, 'summary')
  if (uid === '') throw new AppError('invalid', `The event “${summary}” has no UID`)
  for (const name of ['rrule', 'rdate', 'recurrence-id'])
    if (event.hasProperty(name))
      throw new AppError(
        'invalid',
        `The event “${summary || uid}” repeats: give regular guests a pass with weekly hours instead`,
      )
  const start = givenTime(event, 'dtstart')
  const startMs = start && msOf(start, reading, reading.arrival)
  const endMs = start && endOf(event, start, reading)
  if (startMs === undefined || endMs === undefined)
    throw new AppError('invalid', `The event “${summary || uid}” has no valid start and end`)
  if (endMs <= startMs)
    throw new AppError('invalid', `The event “${summary || uid}” ends before it starts`)
  const isCancelled = textOf(event, 'status').toUpperCase() === 'CANCELLED'
  return { uid, summary, startMs, endMs, isCancelled }
}

/** A date, or a date with a time, as the file has it: the library corrects dates that do not exist. */
type Given = { readonly text: string; readonly isDate: boolean; readonly tzid: string | undefined }

const givenTime = (event: Component, name: string): Given | undefined => {
  const property = event.getFirstProperty(name)
  if (!property) return undefined
  const json: unknown = property.toJSON()
  const [, , type, text] = Array.isArray(json) ? (json as readonly unknown[]) : []
  const tzid = property.getParameter('tzid')
  return typeof text === 'string' && (type === 'date' || type === 'date-time')
    ? { text, isDate: type === 'date', tzid: typeof tzid === 'string' ? tzid : undefined }
    : undefined
}

const endOf = (event: Component, start: Given, reading: Reading): number | undefined => {
  const end = givenTime(event, 'dtend')
  if (end)
    return end.isDate === start.isDate
      ? msOf(lastDay(end, start), reading, reading.departure)
      : undefined
  if (start.isDate) return msOf(nextDay(start), reading, reading.departure)
  const duration: unknown = event.getFirstPropertyValue('duration')
  const startMs = msOf(start, reading, reading.arrival)
  return duration instanceof ICAL.Duration && startMs !== undefined
    ? startMs + duration.toSeconds() * 1000
    : undefined
}

/** The end of an all-day event is not part of it; some programs write the day on which it starts. */
const lastDay = (end: Given, start: Given): Given =>
  end.isDate && end.text === start.text ? nextDay(start) : end

const nextDay = (given: Given): Given => ({
  ...given,
  text: plainDate(given.text)?.add({ days: 1 }).toString() ?? '',
})

/** Returns the time, or undefined if there is no such date, time or zone. */
const msOf = (given: Given, reading: Reading, timeOfDay: string): number | undefined => {
  const { isDate, tzid } = given
  const text = isDate ? `${given.text}T${timeOfDay}:00` : given.text
  if (isDate && !plainDate(given.text)) return undefined
  const isUtc = text.endsWith('Z')
  const local = plainTime(isUtc ? text.slice(0, -1) : text)
  if (!local) return undefined
  if (isUtc) return local.toZonedDateTime('UTC').epochMilliseconds
  if (isDate || tzid === undefined) return local.toZonedDateTime(reading.zone).epochMilliseconds
  const zone = canonicalZone(tzid)
  if (zone !== undefined) return local.toZonedDateTime(zone).epochMilliseconds
  const own = reading.zones.get(tzid)
  if (!own) throw new AppError('invalid', `The time zone ${tzid} is not known`)
  const time = ICAL.Time.fromDateTimeString(local.toString({ smallestUnit: 'second' }))
  time.zone = own
  return time.toUnixTime() * 1000
}

const plainDate = (text: string): Temporal.PlainDate | undefined => {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined
  try {
    return Temporal.PlainDate.from(text)
  } catch {
    return undefined
  }
}

const plainTime = (text: string): Temporal.PlainDateTime | undefined => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined
  try {
    return Temporal.PlainDateTime.from(text)
  } catch {
    return undefined
  }
}
