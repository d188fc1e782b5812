import { gateway } from '../api/session.ts'
import { DATE_LANGUAGE, dayText } from '../words/format.ts'
import { homeDay } from './time.tsx'
import { addDays, startOfDay } from './zone.ts'

/** The last day of access that ends at a time, in the home's zone, such as `2027-03-31`. An end at midnight
 * belongs to the day before. */
export const lastDayOf = (endsAt: string): string =>
  homeDay(new Date(Date.parse(endsAt) - 1).toISOString())

/** Today in the home's zone. */
export const today = (): string => homeDay(new Date().toISOString())

/** When access ends after this last day: RFC 3339. */
export const endOfDay = (day: string): string =>
  new Date(startOfDay(zone(), addDays(day, 1))).toISOString()

/** The last day in words, with the time of day if access ends before midnight: `Wednesday, 31 March`. */
export const lastDayText = (endsAt: string): string => {
  const day = lastDayOf(endsAt)
  const isThisYear = day.slice(0, 4) === today().slice(0, 4)
  const words = dayText(day, {
    weekday: 'long',
    month: 'long',
    ...(isThisYear ? {} : { year: 'numeric' }),
  })
  return endOfDay(day) === new Date(endsAt).toISOString() ? words : `${words}, ${clock(endsAt)}`
}

/** Whether access ends within the next seven days, about which people are warned. */
export const endsSoon = (endsAt: string): boolean =>
  Date.parse(endsAt) - Date.now() <= TOLD_BEFORE_MS

const TOLD_BEFORE_MS = 7 * 86_400_000

const clock = (at: string): string =>
  new Intl.DateTimeFormat(DATE_LANGUAGE, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: zone(),
  }).format(new Date(at))

const zone = (): string => gateway.value?.zone ?? 'UTC'
