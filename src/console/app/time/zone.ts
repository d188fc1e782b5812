/** Returns the day (`2026-11-22`) of a time in a zone of the IANA time zone database. */
export const dayIn = (zone: string, ms: number): string => {
  const parts = formatter(zone).formatToParts(ms)
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? ''
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`
}

const formatters = new Map<string, Intl.DateTimeFormat>()

const formatter = (timeZone: string): Intl.DateTimeFormat => {
  const cached =
    formatters.get(timeZone) ??
    new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    })
  formatters.set(timeZone, cached)
  return cached
}

/** Returns the time of day (`15:00`) of a time in a zone. */
export const clockIn = (zone: string, ms: number): string => {
  const cached =
    clocks.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  clocks.set(zone, cached)
  return cached.format(ms)
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** Whether a text is a day that exists in the calendar. */
export const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && addDays(text, 0) === text

/** Returns the day that many days later. */
export const addDays = (day: string, count: number): string => {
  const ms = Date.parse(`${day}T00:00:00Z`) + count * DAY_MS
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString().slice(0, 10)
}

const DAY_MS = 86_400_000

/** Returns when a day begins in a zone, in milliseconds. This is not midnight on a day whose clocks
 * are put forward at midnight. */
export const startOfDay = (zone: string, day: string): number => {
  const midnightMs = Date.parse(`${day}T00:00:00Z`)
  // No zone is further from UTC than a day.
  let before = midnightMs - DAY_MS
  let at = midnightMs + DAY_MS
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2)
    if (dayIn(zone, middle) < day) before = middle
    else at = middle
  }
  return at
}

/** Returns the first time at which clocks of a zone show a day and time of day (`15:00`), or a later one of
 * that day where clocks skip it. */
export const instantIn = (zone: string, day: string, clock: string): number => {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number)
  const wanted = hours * 60 + minutes
  const startMs = startOfDay(zone, day)
  const endMs = startOfDay(zone, addDays(day, 1))
  for (let at = startMs; at < endMs; at += MINUTE_MS) {
    const [h = 0, m = 0] = clockIn(zone, at).split(':').map(Number)
    if (h * 60 + m >= wanted) return at
  }
  return endMs - MINUTE_MS
}

const MINUTE_MS = 60_000
