/** Returns the last day of access that ends at an instant, such as `31 March 2027`. An end at midnight belongs
 * to the day before. */
export const lastDay = (endsAtMs: number, zone: string): string => {
  const { day, month, year } = dateOf(endsAtMs - 1, zone)
  return `${day} ${MONTHS[month - 1]} ${year}`
}

/** The same with the day of the week: `Wednesday, 31 March 2027`. */
export const lastDayOfWeek = (endsAtMs: number, zone: string): string =>
  `${DAYS[dateOf(endsAtMs - 1, zone).dayOfWeek - 1]}, ${lastDay(endsAtMs, zone)}`

/** Returns when a day (`2027-03-31`) ends in a zone, or undefined if there is no such day. */
export const endOfDay = (day: string, zone: string): number | undefined => {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return undefined
  try {
    const next = Temporal.PlainDate.from(day).add({ days: 1 })
    return next.toZonedDateTime(zone).epochMilliseconds
  } catch {
    return undefined
  }
}

const dateOf = (ms: number, zone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)

// By hand, because loading Intl would cost every start some milliseconds and megabytes.
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
