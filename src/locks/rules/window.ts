import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import { DAYS, type Grant, type Home, type Interval, type Terms, type Window } from './grant.ts'
import { earlierReading, laterReading, wallClockAt } from './wall-clock.ts'

/** What opens, and when: the parts of a grant that do not depend on who asks. */
export type Timed = Pick<Grant, 'terms' | 'startsAtMs' | 'endsAtMs'>

/** Returns whether windows are open at an instant; terms without windows always are, except on holidays that
 * they name.
 *
 * A window is open whenever the local time is inside it; in the hour that is repeated in autumn, it may stay
 * open longer. */
export const isOpenAt = (terms: Terms, home: Home, ms: number): boolean =>
  isAlwaysOpen(terms) || openIntervalAt(terms, home, ms) !== undefined

/** Returns the interval of a window that is open at an instant, or undefined. */
export const openIntervalAt = (terms: Terms, home: Home, ms: number): Interval | undefined => {
  const today = dayOf(wallClockAt(home.zone, ms))
  return intervalsAround(terms, home, today).find(
    ({ fromMs, untilMs }) => fromMs <= ms && ms < untilMs,
  )
}

type Around = { readonly home: Home; readonly day: DayNumber; readonly found: readonly Interval[] }

/** The intervals used last, because many people come through a door on one day: with the same `Terms` and
 * `Home`, finding them takes no time. */
const around = new WeakMap<Terms, Around>()

const intervalsAround = (terms: Terms, home: Home, day: DayNumber): readonly Interval[] => {
  const known = around.get(terms)
  if (known?.home === home && known.day === day) return known.found
  const found: Interval[] = []
  for (let offset = -DAYS_BEFORE; offset <= DAYS_AFTER; offset++)
    found.push(...intervalsOn(terms, home, day + offset))
  around.set(terms, { home, day, found })
  return found
}

/** A window may end a day after it began. Where clocks go back just after midnight, as in St. John's until
 * 2011, a repeated time moves either end to the next day. */
const DAYS_BEFORE = 2
const DAYS_AFTER = 1

/** How far ahead openings are searched for. */
const SCAN_DAYS = 370

/** Returns the first instant from `fromMs` on at which dates and windows are open, or undefined if there is
 * none within `scanDays`. */
export const nextOpening = (
  grant: Timed,
  home: Home,
  fromMs: number,
  scanDays = SCAN_DAYS,
): number | undefined => {
  const [first] = nextOpenings(grant, home, fromMs, { countMax: 1, scanDays })
  return first && Math.max(first.fromMs, fromMs)
}

type Scan = { readonly countMax?: number; readonly scanDays?: number }

/** Returns the openings from `fromMs` on, five at most, each the union of windows that overlap or touch. The
 * first may have begun before, and one that still goes on after `scanDays` ends at Infinity, unless the dates
 * end it. */
export const nextOpenings = (
  grant: Timed,
  home: Home,
  fromMs: number,
  { countMax = 5, scanDays = SCAN_DAYS }: Scan = {},
): readonly Interval[] => {
  const bounds = { fromMs: grant.startsAtMs ?? -Infinity, untilMs: grant.endsAtMs ?? Infinity }
  const scanFromMs = Math.max(fromMs, bounds.fromMs)
  if (scanFromMs >= bounds.untilMs) return []
  if (isAlwaysOpen(grant.terms)) return [{ fromMs: scanFromMs, untilMs: bounds.untilMs }]
  const openings: Interval[] = []
  for (const interval of unions(grant.terms, home, scanFromMs, scanDays)) {
    const clipped = {
      fromMs: Math.max(interval.fromMs, bounds.fromMs),
      untilMs: Math.min(interval.untilMs, bounds.untilMs),
    }
    if (interval.fromMs >= bounds.untilMs) break
    if (clipped.untilMs > scanFromMs) openings.push(clipped)
    if (openings.length === countMax) break
  }
  return openings
}

/** Returns whether a grant never opens from `nowMs` on. */
export const neverOpens = (grant: Timed, home: Home, nowMs: number): boolean => {
  // Every week has an opening, unless a holiday or a gap of the clock takes it, and no gap comes twice in a
  // row: so one that has not opened after a week for each holiday, and two more, has to be over.
  const scanDays = 7 * (home.holidays.size + 2) + DAYS_AFTER
  return nextOpening(grant, home, nowMs, scanDays) === undefined
}

/** Yields unions of the windows that begin in the days before and after an instant, in order. Windows begin in
 * the order of their local times. */
function* unions(
  terms: Terms,
  home: Home,
  fromMs: number,
  scanDays: number,
): Generator<Interval, void> {
  const today = dayOf(wallClockAt(home.zone, fromMs))
  let union: Interval | undefined
  for (let day = today - DAYS_BEFORE; day <= today + scanDays; day++)
    for (const interval of intervalsOn(terms, home, day)) {
      if (!union) union = interval
      else if (interval.fromMs > union.untilMs) {
        yield union
        union = interval
      } else if (interval.untilMs > union.untilMs)
        union = { fromMs: union.fromMs, untilMs: interval.untilMs }
    }
  const endMs = earlierReading(home.zone, (today + scanDays + 1) * DAY_MS)
  if (union) yield union.untilMs < endMs ? union : { fromMs: union.fromMs, untilMs: Infinity }
}

const isAlwaysOpen = ({ windows, holidays }: Terms): boolean =>
  windows === undefined && holidays === 'ignore'

/** A day of the calendar, counted from 1970-01-01. */
type DayNumber = number

const dayOf = (wallMs: number): DayNumber => Math.floor(wallMs / DAY_MS)

const dateOf = (day: DayNumber): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** Returns the intervals of the windows that begin on a day, in order. */
const intervalsOn = (
  terms: Terms,
  { zone, holidays }: Home,
  day: DayNumber,
): readonly Interval[] => {
  const schedule = scheduleOf(terms)
  const isHoliday = schedule.onHolidays && holidays.size > 0 && holidays.has(dateOf(day))
  const windows = (isHoliday ? schedule.onHolidays : schedule.weekly[weekdayOf(day)]) ?? []
  return windows
    .map(({ fromMs, untilMs }) => ({
      fromMs: earlierReading(zone, day * DAY_MS + fromMs),
      untilMs: laterReading(zone, day * DAY_MS + untilMs),
    }))
    .filter(({ fromMs, untilMs }) => fromMs < untilMs)
}

/** Monday is 0, as in DAYS; 1970-01-01 was a Thursday. */
const weekdayOf = (day: DayNumber): number => (((day + 3) % 7) + 7) % 7

/** Windows as milliseconds of local time after midnight, in the order in which they begin. */
type Schedule = {
  readonly weekly: readonly (readonly Interval[])[]
  /** Undefined if holidays are days like any other. */
  readonly onHolidays: readonly Interval[] | undefined
}

const schedules = new WeakMap<Terms, Schedule>()

const scheduleOf = (terms: Terms): Schedule => {
  const known = schedules.get(terms)
  if (known) return known
  const { windows = [ALL_WEEK], holidays } = terms
  const schedule = {
    weekly: DAYS.map((day) => spansOf(windows.filter(({ days }) => days.includes(day)))),
    onHolidays: holidays === 'ignore' ? undefined : spansOf(holidays === 'closed' ? [] : holidays),
  }
  schedules.set(terms, schedule)
  return schedule
}

const ALL_WEEK: Window = { days: DAYS, from: '00:00', until: '24:00' }

const spansOf = (windows: readonly Omit<Window, 'days'>[]): readonly Interval[] =>
  windows
    .map(({ from, until }) => ({
      fromMs: timeOfDayMs(from),
      untilMs: timeOfDayMs(until) + (until <= from ? DAY_MS : 0),
    }))
    .toSorted((left, right) => left.fromMs - right.fromMs)

const timeOfDayMs = (time: string): number =>
  (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * MINUTE_MS
