import { BoundedMap } from '../../domain/bounded-map.ts'
import { DAY_MS } from '../../domain/duration.ts'

/** A local time, as milliseconds since 1970 without a zone: `Date.UTC` of its digits. */
export type WallMs = number

/** Returns the local time at an instant. */
export const wallClockAt = (zone: string, ms: number): WallMs => {
  const span = spansAround(zone, ms).findLast(({ fromMs }) => ms >= fromMs)
  return ms + (span?.offsetMs ?? 0)
}

/** Returns the first instant at a local time. A time that is skipped when clocks go forward is read as the end
 * of the gap. */
export const earlierReading = (zone: string, wallMs: WallMs): number => {
  const span = spansAround(zone, wallMs).find(
    ({ untilMs, offsetMs }) => wallMs - offsetMs < untilMs,
  )
  return span ? Math.max(span.fromMs, wallMs - span.offsetMs) : wallMs
}

/** Returns the last instant at a local time: the second one if it is repeated when clocks go back. A skipped
 * time is read as the end of the gap. */
export const laterReading = (zone: string, wallMs: WallMs): number => {
  const span = spansAround(zone, wallMs).findLast(
    ({ fromMs, offsetMs }) => wallMs - offsetMs >= fromMs,
  )
  return span ? Math.min(span.untilMs, wallMs - span.offsetMs) : wallMs
}

/** A time between two changes of a zone's offset from UTC. */
type Span = { readonly fromMs: number; readonly untilMs: number; readonly offsetMs: number }

/** Spans are looked up for about a year at a time and cached, so that a conversion is plain arithmetic. */
const STRETCH_MS = 366 * DAY_MS
const STRETCHES_MAX = 500
const stretches = new BoundedMap<string, readonly Span[]>(STRETCHES_MAX)

const spansAround = (zone: string, ms: number): readonly Span[] => {
  const stretch = Math.floor(ms / STRETCH_MS)
  const key = `${zone} ${stretch}`
  const known = stretches.get(key)
  if (known) return known
  const spans = spansBetween(
    zone,
    stretch * STRETCH_MS - MARGIN_MS,
    (stretch + 1) * STRETCH_MS + MARGIN_MS,
  )
  stretches.set(key, spans)
  return spans
}

/** More than any offset from UTC, and more than a skipped day (Apia, 2011-12-30). */
const MARGIN_MS = 3 * DAY_MS

const spansBetween = (zone: string, fromMs: number, untilMs: number): readonly Span[] => {
  const spans: Span[] = []
  let spanFromMs = -Infinity
  let at: Temporal.ZonedDateTime =
    Temporal.Instant.fromEpochMilliseconds(fromMs).toZonedDateTimeISO(zone)
  for (;;) {
    const next = at.getTimeZoneTransition('next')
    const offsetMs = at.offsetNanoseconds / 1e6
    if (!next || next.epochMilliseconds > untilMs)
      return [...spans, { fromMs: spanFromMs, untilMs: Infinity, offsetMs }]
    spans.push({ fromMs: spanFromMs, untilMs: next.epochMilliseconds, offsetMs })
    spanFromMs = next.epochMilliseconds
    at = next
  }
}
