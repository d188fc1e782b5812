import { DAY_MS } from '../duration.ts'
import type { Hours } from '../home-event.ts'

/** Returns whether a moment is within hours of the home; always, without hours. */
export const isWithinHours = (
  hours: Hours | undefined,
  ms: number,
  /** The time zone of the home, whose first use takes milliseconds. */
  zone: () => string,
): boolean => {
  if (!hours) return true
  const { from, to } = hours
  const time = clockTime(inZone(ms, zone()))
  return from < to ? time >= from && time < to : time >= from || time < to
}

/** Returns how long such hours still last, in milliseconds; 0 outside them. */
export const restOfHours = (hours: Hours, ms: number, zone: () => string): number => {
  if (!isWithinHours(hours, ms, zone)) return 0
  const now = inZone(ms, zone())
  const end = [now, now.add({ days: 1 })]
    .map((day) => day.withPlainTime(hours.to).epochMilliseconds)
    .find((endMs) => endMs > ms)
  return (end ?? ms + DAY_MS) - ms
}

const inZone = (ms: number, zone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)

const clockTime = (time: Temporal.ZonedDateTime): string =>
  time.toPlainTime().toString({ smallestUnit: 'minute' })
