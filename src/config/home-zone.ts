import { readlinkSync } from 'node:fs'

/** Returns the current IANA name of a time zone, such as `Europe/Kyiv` for `Europe/Kiev`, or undefined if it is
 * not the zone of a place: an offset, `Etc/GMT+1`, or an abbreviation such as `EST` or `CET`, which do not say
 * when clocks change. */
export const canonicalZone = (name: string): string | undefined => {
  const zone = zoneOf(name)
  if (!zone || (zone.timeZoneId !== 'UTC' && NO_PLACE.test(zone.timeZoneId))) return undefined
  const names = Intl.supportedValuesOf('timeZone')
  if (names.includes(zone.timeZoneId)) return zone.timeZoneId
  return names.find((candidate) => zoneOf(candidate)?.equals(zone))
}

/** `Etc/GMT+1` and abbreviations. */
const NO_PLACE = /^Etc\/GMT|^[A-Z0-9]+$/

/** Zones of ZonedDateTimes are equal if one name links to the other (ECMA-262 TimeZoneEquals). */
const zoneOf = (name: string): Temporal.ZonedDateTime | undefined => {
  // Temporal also takes the zone of a time, `2026-11-30T12:00[Europe/Berlin]`.
  if (!/^[A-Za-z][\w/+-]*$/.test(name)) return undefined
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
  } catch {
    return undefined
  }
}

/** Returns the time zone of the hours of grants: the setting, else the zone of this machine (`TZ` or
 * /etc/localtime), else `UTC`. Loading the first zone takes milliseconds. */
export const homeZone = ({ homeZone: zone }: Setting): string => zone ?? systemZone()

/** Returns the same without loading it, so the name may be an old one, or none: equal to the current name of
 * a zone, it stands for that zone. Undefined if only `homeZone` can tell. */
export const homeZoneName = ({ homeZone: zone }: Setting): string | undefined =>
  zone ?? systemZoneName()

type Setting = { readonly homeZone: string | undefined }

const systemZone = (): string =>
  canonicalZone(systemZoneName() ?? '') ?? canonicalZone(Temporal.Now.timeZoneId()) ?? 'UTC'

/** Reads the name as `Temporal.Now.timeZoneId` does, without the 5 ms and 4 MiB that its first call takes.
 * Undefined if neither `TZ` nor the link names a zone. */
const systemZoneName = (): string | undefined => {
  const tz = process.env['TZ']
  if (tz !== undefined) return PATH.test(tz) ? undefined : tz.replace(/^:/, '')
  try {
    const [, name] = LOCALTIME.exec(readlinkSync('/etc/localtime')) ?? []
    return name === 'Etc/UTC' ? 'UTC' : name
  } catch {
    return undefined
  }
}

/** `TZ` may also be the path of a file. */
const PATH = /^:?\//

const LOCALTIME = /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/

/** Returns what is wrong if `TZ` is not a time zone: the home is then in UTC although somebody meant another
 * zone. */
export const systemZoneFault = (tz: string | undefined): string | undefined => {
  const name = tz?.trim().replace(/^:/, '')
  if (!name || /^(?:UTC|UCT|GMT|Etc\/)/i.test(name) || systemZone() !== 'UTC') return undefined
  return canonicalZone(name) === 'UTC'
    ? undefined
    : 'TZ is not a time zone that this program knows, so the home is in UTC; set HOME_ZONE, for example to Europe/Berlin'
}
