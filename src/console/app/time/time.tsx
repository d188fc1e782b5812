import { signal } from '@preact/signals'
import { gateway } from '../api/session.ts'
import { DATE_LANGUAGE, ENGLISH, dayText } from '../words/format.ts'
import { addDays, dayIn } from './zone.ts'

const nowMs = signal(Date.now())
const TICK_MS = 15_000
setInterval(() => {
  nowMs.value = Date.now()
}, TICK_MS)

type Props = {
  /** RFC 3339. */
  readonly at: string
  /** `relative` shows how long ago, `exact` the day and the second, with the other one as tooltip.
   * `clock` is for times within the next hour, `minute` for those under the heading of a day, and
   * `printed` has the day and the minute. */
  readonly format?: 'relative' | 'exact' | 'clock' | 'minute' | 'printed'
}

/** A time in the home's zone. */
export const Time = ({ at, format: shown = 'relative' }: Props) => {
  const relative = ago(Date.parse(at), nowMs.value)
  const exact = format(at, EXACT)
  return (
    <time dateTime={at} title={shown === 'exact' ? relative : exact}>
      {shown === 'relative' ? relative : format(at, FORMATS[shown])}
    </time>
  )
}

/** The name of a day in the home's zone (`2026-11-22`), with today and yesterday in words. */
export const Day = ({ day }: { readonly day: string }) => {
  const today = dayIn(homeZone(), nowMs.value)
  const isThisYear = day.slice(0, 4) === today.slice(0, 4)
  const words = dayText(day, {
    weekday: 'long',
    ...(isThisYear ? {} : { year: 'numeric' }),
  })
  const near = day === today ? 'Today' : day === addDays(today, -1) ? 'Yesterday' : undefined
  return near ? (
    <>
      {near} <span class="quiet">{words}</span>
    </>
  ) : (
    <>{words}</>
  )
}

/** The day of a time in the home's zone: `2026-11-22`. */
export const homeDay = (at: string): string => dayIn(homeZone(), Date.parse(at))

const homeZone = (): string => gateway.value?.zone ?? 'UTC'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const ago = (atMs: number, now: number): string => {
  const pastMs = now - atMs
  if (Math.abs(pastMs) < MINUTE_MS) return 'just now'
  const sign = pastMs > 0 ? -1 : 1
  const minutes = Math.floor(Math.abs(pastMs) / MINUTE_MS)
  if (minutes < 60) return RELATIVE.format(sign * minutes, 'minute')
  const at = new Date(atMs).toISOString()
  const days = dayOf(now) - dayOf(atMs)
  if (days === 0 || Math.abs(pastMs) < 6 * HOUR_MS)
    return RELATIVE.format(sign * Math.floor(Math.abs(pastMs) / HOUR_MS), 'hour')
  if (days === 1) return `yesterday, ${format(at, CLOCK)}`
  if (days === -1) return `tomorrow, ${format(at, CLOCK)}`
  const isThisYear = format(at, YEAR) === format(new Date(now).toISOString(), YEAR)
  return format(at, isThisYear ? DAY : DAY_AND_YEAR)
}

const RELATIVE = new Intl.RelativeTimeFormat(ENGLISH, { numeric: 'always' })

const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
const YEAR = { year: 'numeric' } as const
const DAY = { weekday: 'short', day: 'numeric', month: 'short', ...CLOCK } as const
const DAY_AND_YEAR = { day: 'numeric', month: 'short', year: 'numeric', ...CLOCK } as const
const EXACT = {
  ...DAY_AND_YEAR,
  weekday: 'short',
  second: '2-digit',
  timeZoneName: 'short',
} as const

const FORMATS = {
  minute: CLOCK,
  clock: { ...CLOCK, second: '2-digit' },
  exact: EXACT,
  printed: { ...DAY_AND_YEAR, weekday: 'short' },
} as const

/** Formats a time in the home's zone. */
const format = (at: string, options: Intl.DateTimeFormatOptions): string =>
  formatter(options).format(new Date(at))

const formatters = new Map<string, Intl.DateTimeFormat>()

const formatter = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const timeZone = homeZone()
  const key = JSON.stringify([timeZone, options])
  const cached =
    formatters.get(key) ?? new Intl.DateTimeFormat(DATE_LANGUAGE, { timeZone, ...options })
  formatters.set(key, cached)
  return cached
}

/** Numbers the days in the home's zone, to tell yesterday from today. */
const dayOf = (ms: number): number => Date.parse(dayIn(homeZone(), ms)) / (24 * HOUR_MS)
