/** The language that this browser prefers, for days and times of day; `LANG=C` results in a tag that is not a language. */
const LANGUAGE =
  navigator.languages.find((language) => {
    try {
      return Intl.DateTimeFormat.supportedLocalesOf(language).length > 0
    } catch {
      return false
    }
  }) ?? 'en-GB'

const formatter = (zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat(LANGUAGE, { timeZone: zone, ...options })

const DAY = { weekday: 'short', day: 'numeric', month: 'short' } as const

/** The time of day in a zone: `09:02`. */
export const clock = (ms: number, zone: string): string =>
  formatter(zone, { timeStyle: 'short' }).format(ms)

/** A time to come, as people say it: `today 15:00`, `Saturday 15:00`, `Sat 5 Dec 15:00`. */
export const coming = (at: string, nowMs: number, zone: string): string => {
  const atMs = Date.parse(at)
  const days = dayOf(atMs, zone) - dayOf(nowMs, zone)
  const near = ['today', 'tomorrow'][days]
  const day = near ?? formatter(zone, days < 7 ? { weekday: 'long' } : DAY).format(atMs)
  return `${day} ${clock(atMs, zone)}`
}

/** A span of time: `Tue 1 Dec, 09:00–13:00`. */
export const span = (from: string, until: string | null, zone: string): string => {
  const format = formatter(zone, { ...DAY, hour: 'numeric', minute: '2-digit' })
  return until === null
    ? `from ${format.format(Date.parse(from))}`
    : format.formatRange(Date.parse(from), Date.parse(until))
}

/** Numbers the days of a zone, to tell today from tomorrow. */
const dayOf = (ms: number, zone: string): number => Math.floor(wallClockMs(ms, zone) / DAY_MS)

/** Whether the clocks of a zone show another time than this phone. */
export const differsHere = (zone: string, nowMs: number): boolean =>
  wallClockMs(nowMs, zone) !== wallClockMs(nowMs, Intl.DateTimeFormat().resolvedOptions().timeZone)

/** What the clocks of a zone show, as if it were UTC. */
const wallClockMs = (ms: number, timeZone: string): number => {
  const parts = new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  })
    .formatToParts(ms)
    .map(({ type, value }) => [type, Number(value)] as const)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = Object.fromEntries(parts)
  return Date.UTC(year, month - 1, day, hour, minute)
}

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A length of time in its two largest units: `2 h 05 min`. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, Math.ceil(ms / SECOND_MS))
  const two = (count: number) => String(count).padStart(2, '0')
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ]
  if (days > 1) return `${days} days`
  if (hours > 0) return `${hours} h ${two(minutes % 60)} min`
  return minutes > 0 ? `${minutes} min ${two(seconds % 60)} s` : `${seconds} s`
}

/** How long ago something was, in words: `5 minutes ago`. */
export const ago = (ms: number): string => {
  const [count, unit] =
    ms < MINUTE_MS
      ? [Math.round(ms / SECOND_MS), 'second']
      : ms < HOUR_MS
        ? [Math.round(ms / MINUTE_MS), 'minute']
        : [Math.round(ms / HOUR_MS), 'hour']
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`
}
