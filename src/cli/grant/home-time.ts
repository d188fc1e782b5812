import { DAY_MS } from '../../domain/duration.ts'
import { clockChangeWords } from '../../domain/text/grant-words.ts'
import { timeMs } from '../../http/request/text.ts'
import type { GrantJson } from '../../locks/grants/schema.ts'
import { localTimeIn } from '../../locks/rules/explain.ts'
import { earlierReading } from '../../locks/rules/wall-clock.ts'

/** Returns an opening in local time of the home: `2027-03-30 09:00 to 13:00`. Says so if a change of the clocks
 * makes it shorter or longer than it looks. */
export const openingWords = (
  { from, until }: GrantJson['occurs'][number],
  zone: string,
): string => {
  const [day = '', begins = ''] = wallTime(from, zone)
  if (until === null) return `${day} ${begins}, without an end`
  const [lastDay = '', ends = ''] = wallTime(until, zone)
  const changed = clockChangeWords(
    `${day}T${begins}`,
    `${lastDay}T${ends}`,
    Date.parse(until) - Date.parse(from),
  )
  const note = changed === undefined ? '' : ` (${changed})`
  return `${day} ${begins} to ${lastDay === day ? '' : `${lastDay} `}${ends}${note}`
}

/** Returns the local date and time of day of the home. */
export const wallTime = (time: string, zone: string): readonly string[] =>
  localTimeIn(zone, Date.parse(time)).split('T')

/** Returns a time as a request takes it. A day alone counts as a whole: it begins at midnight and, as the
 * last one, ends at the next. Any other text stays as it is, for the request to refuse. */
export const boundFrom = (text: string, bound: 'first' | 'last'): string => {
  const dayMs = DAY.test(text) ? timeMs(`${text}T00:00:00Z`) : undefined
  if (dayMs === undefined) return withT(text)
  return new Date(bound === 'first' ? dayMs : dayMs + DAY_MS).toISOString().slice(0, 16)
}

const DAY = /^\d{4}-\d\d-\d\d$/

/** Times are printed with a space between day and clock, so they are read with one too. */
const withT = (text: string): string => text.replace(/^(\d{4}-\d\d-\d\d) (?=\d)/, '$1T')

/** Reads a time with an offset, or a local time of the home without one; undefined for any other text. */
export const timeFrom = (given: string, zone: string): number | undefined => {
  const text = withT(given)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined
  const hasOffset = /(?:Z|[+-]\d\d:\d\d)$/.test(text)
  const ms = timeMs(hasOffset ? text : `${text}Z`)
  if (ms === undefined) return undefined
  return hasOffset ? ms : earlierReading(zone, ms)
}
