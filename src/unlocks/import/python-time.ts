import { timeMs } from '../../http/request/text.ts'

/** Returns the milliseconds since 1970 of a time as Python writes it, `2021-03-04 05:06:07.123456` or
 * with a T, in `zone` unless it has its own offset. Undefined if the text is not a time. */
export const pythonTimeMs = (text: string, zone: string): number | undefined => {
  const { day, time, offset } = TIME.exec(text.trim())?.groups ?? {}
  if (day === undefined || time === undefined) return undefined
  if (offset !== undefined) return timeMs(`${day}T${time}${rfc3339(offset)}`)
  try {
    const local = Temporal.PlainDateTime.from(`${day}T${time}`, { overflow: 'reject' })
    return timeMs(local.toZonedDateTime(zone).toInstant().toString())
  } catch {
    return undefined
  }
}

const TIME =
  /^(?<day>\d{4}-\d\d-\d\d)[T ](?<time>\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?) ?(?<offset>Z|[+-]\d\d(?::?\d\d)?)?$/i

/** Returns `+0130`, `+01` and `z` as RFC 3339 writes them. */
const rfc3339 = (offset: string): string => {
  if (offset.toUpperCase() === 'Z') return 'Z'
  const digits = offset.slice(1).replace(':', '').padEnd(4, '0')
  return `${offset[0]}${digits.slice(0, 2)}:${digits.slice(2)}`
}
