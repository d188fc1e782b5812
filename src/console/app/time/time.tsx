import { signal } from '@preact/signals'
import { gateway } from '../api/session.ts'
import { DATE_LANGUAGE, ENGLISH, dayText } from '../words/format.ts'
import { addDays, clockIn, dayIn } from './zone.ts'

const nowMs = signal(Date.now())
const TICK_MS = 15_000
setInterval(() => {
  nowMs.value = Date.now()
}, TICK_MS)

type Props = {
  /** RFC 3339. */
  readonly at: string
  /** `relative` shows how long ago, `exact` the day and the second, with the other one as tooltip. `clock` is
   * for times within the next hour, `minute` for those under the heading of a day, `printed` has the day and
   * the minute, and `coming` is for times in the future: `Saturday 15:00`. */
  readonly format?: 'relative' | 'exact' | 'clock' | 'minute' | 'printed' | 'coming'
}

/** A time in the home's zone. */
export const Time = ({ at, format: shown = 'relative' }: Props) => {
  const relative = ago(Date.parse(at), nowMs.value)
  const exact = format(at, EXACT)
  return (
    <time dateTime={at} title={shown === 'exact' ? relative : exact}>
      {textOf(at, shown, relative)}
    </time>
  )
}

const textOf = (at: string, shown: NonNullable<Props['format']>, relative: string): string => {
  if (shown === 'relative') return relative
  return shown === 'coming' ? coming(at, nowMs.value) : format(at, FORMATS[shown])
}

type SpanProps = {
  /** Null for no beginning. */
  readonly from: string | null
  /** The first instant after it; null for no end. */
  readonly until: string | null
}

/** A span of time in the home's zone: `Tue 1 Dec, 09:00–13:00`. The end of a day is 24:00. */
export const TimeSpan = ({ from, until }: SpanProps) => {
  if (from === null)
    return (
      <>
        {until === null ? (
          'at any time'
        ) : (
          <>
            until <Time at={until} format="printed" />
          </>
        )}
      </>
    )
  if (until === null)
    return (
      <>
        from <Time at={from} format="printed" />
      </>
    )
  const last = new Date(Date.parse(until) - 1).toISOString()
  const clock = format(until, CLOCK)
  const isMidnight = clock === '00:00'
  const isOneDay = homeDay(from) === homeDay(last)
  const end = isMidnight ? '24:00' : clock
  return (
    <span class="span">
      {format(from, isThisYear(from) ? WEEKDAY : WEEKDAY_AND_YEAR)}, {format(from, CLOCK)}–
      {isOneDay ? end : `${format(isMidnight ? last : until, WEEKDAY)}, ${end}`}
    </span>
  )
}

const WEEKDAY = { weekday: 'short', day: 'numeric', month: 'short' } as const
const WEEKDAY_AND_YEAR = { ...WEEKDAY, year: 'numeric' } as const

/** A time in the future, as people say it. */
const coming = (at: string, now: number): string => {
  const days = dayOf(Date.parse(at)) - dayOf(now)
  const clock = format(at, CLOCK)
  if (days === 0) return `today ${clock}`
  if (days === 1) return `tomorrow ${clock}`
  if (days > 1 && days < 7) return `${format(at, { weekday: 'long' })} ${clock}`
  return format(at, isThisYear(at) ? DAY : DAY_AND_YEAR)
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

/** The local time of the home at a time, such as `2027-03-31T13:00`. */
export const wallClock = (at: string): string => wallClockAt(Date.parse(at))

/** The local time of the home now; components that read it render again as time passes. */
export const wallClockNow = (): string => wallClockAt(nowMs.value)

const wallClockAt = (ms: number): string => `${dayIn(homeZone(), ms)}T${clockIn(homeZone(), ms)}`

/** The zone that days and times are shown in. */
export const homeZone = (): string => gateway.value?.zone ?? 'UTC'

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
  return format(at, isThisYear(at) ? DAY : DAY_AND_YEAR)
}

const isThisYear = (at: string): boolean =>
  format(at, YEAR) === format(new Date(nowMs.value).toISOString(), YEAR)

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
