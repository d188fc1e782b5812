import { BoundedMap } from '../../domain/bounded-map.ts'
import { AppError } from '../../errors.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import { DAYS, type Grant, type Home, type Terms, type Window } from './grant.ts'
import { earlierReading, laterReading } from './wall-clock.ts'
import { neverOpens } from './window.ts'

/** The terms of a grant, regardless of its holder and its locks. */
export type GrantTerms = Pick<Grant, 'terms' | 'startsAtMs' | 'endsAtMs' | 'usesMax'>

/** Terms as a request gives them, not yet checked. */
export type GivenTerms = { readonly [Name in Field]?: unknown }

type Field = 'windows' | 'holidays' | 'home_network' | 'starts_at' | 'ends_at' | 'uses'

/** A grant that is always open. */
export const ALWAYS: GrantTerms & Pick<Grant, 'uses'> = {
  terms: { windows: undefined, holidays: 'ignore', homeNetwork: false },
  startsAtMs: null,
  endsAtMs: null,
  usesMax: null,
  uses: 0,
}

export const WINDOWS_MAX = 20
export const USES_MAX = 1000

type Reading = {
  /** The zone in which times without an offset are read. */
  readonly zone: string
  readonly nowMs: number
  /** False if the addresses of clients are hidden, so that nobody can tell who is at home. */
  readonly canTellHome: boolean
}

/** Reads the terms of a new grant, or changes to a `current` one: an omitted field stays as it is, and null
 * clears it. Throws `invalid`, which names each invalid field and what it accepts. */
export const readTerms = (
  given: GivenTerms,
  { zone, nowMs, canTellHome }: Reading,
  current = ALWAYS,
): GrantTerms => {
  const faults: Faults = new Map()
  const read = <Value>(
    name: Field,
    [kept, empty]: readonly [kept: Value, empty: Value],
    parse: Parse<Value>,
  ): Value => {
    const value = given[name]
    if (value === undefined) return kept
    return value === null ? empty : (parse(value, name, faults) ?? kept)
  }
  const { terms } = current
  const parsed = {
    terms: {
      windows: read('windows', [terms.windows, undefined], windowsOf),
      holidays: read('holidays', [terms.holidays, 'ignore'], holidaysOf),
      homeNetwork: read('home_network', [terms.homeNetwork, false], homeNetworkOf(canTellHome)),
    },
    startsAtMs: read('starts_at', [current.startsAtMs, null], timeOf(zone, earlierReading)),
    endsAtMs: read('ends_at', [current.endsAtMs, null], timeOf(zone, laterReading)),
    usesMax: read('uses', [current.usesMax, null], usesOf(current.uses)),
  }
  if (faults.size === 0) checkDates(parsed, given, { nowMs, faults })
  if (faults.size > 0) throw notAccepted(Object.fromEntries(faults))
  return parsed
}

export const NEVER_OPENS =
  'This would never open: no window is within these dates, or holidays close all of them'

/** Throws `never_opens` for a grant that never opens from `nowMs` on. */
export const requireOpening = (grant: GrantTerms, home: Home, nowMs: number): void => {
  if (neverOpens(grant, home, nowMs))
    throw new AppError('invalid', NEVER_OPENS, { reason: 'never_opens' })
}

/** Returns terms as RFC 8785 JSON: members in sorted order, and days in the order of the week. */
export const termsText = ({ windows, holidays, homeNetwork }: Terms): string =>
  JSON.stringify({
    holidays: typeof holidays === 'string' ? holidays : holidays.map(sortedTimes),
    home_network: homeNetwork,
    windows: windows?.map(({ days, ...times }) => ({ days, ...sortedTimes(times) })) ?? null,
  })

const sortedTimes = ({ from, until }: Times): Times => ({ from, until })

/** Returns the same object for the same text, so that what is cached by it is found. */
const KNOWN_MAX = 2000
const known = new BoundedMap<string, Terms>(KNOWN_MAX)

/** Returns the terms that `termsText` wrote. */
export const termsFrom = (text: string): Terms => {
  const found = known.get(text)
  if (found) return found
  const { windows, holidays, home_network: homeNetwork } = JSON.parse(text) as StoredTerms
  const terms = { windows: windows ?? undefined, holidays, homeNetwork }
  known.set(text, terms)
  return terms
}

type StoredTerms = Pick<Terms, 'holidays'> & {
  readonly windows: readonly Window[] | null
  readonly home_network: boolean
}

type Times = Omit<Window, 'days'>

/** What each invalid value accepts, by path. */
type Faults = Map<string, string>

/** Returns undefined for an invalid value, and notes what it accepts. */
type Parse<Value> = (value: unknown, path: string, faults: Faults) => Value | undefined

const fault = (faults: Faults, path: string, accepted: string): undefined => {
  faults.set(path, accepted)
}

const windowsOf: Parse<readonly Window[]> = (value, path, faults) =>
  listOf(value, { path, faults, what: '1 to 20 windows, each with days, from and until' }, windowOf)

const holidaysOf: Parse<Terms['holidays']> = (value, path, faults) => {
  if (value === 'ignore' || value === 'closed') return value
  const what = '"ignore", "closed" or 1 to 20 windows, each with from and until'
  return listOf(value, { path, faults, what }, timesOf)
}

type List = { readonly path: string; readonly faults: Faults; readonly what: string }

const listOf = <Item>(
  value: unknown,
  { path, faults, what }: List,
  parse: Parse<Item>,
): readonly Item[] | undefined => {
  if (!Array.isArray(value) || value.length === 0 || value.length > WINDOWS_MAX)
    return fault(faults, path, what)
  return value.flatMap((item, index) => parse(item, `${path}[${index}]`, faults) ?? [])
}

const windowOf: Parse<Window> = (value, path, faults) => {
  const times = timesOf(value, path, faults)
  if (!times) return undefined
  const given: unknown = (value as { readonly days?: unknown }).days
  const days = DAYS.filter((day) => Array.isArray(given) && given.includes(day))
  if (!Array.isArray(given) || days.length === 0 || days.length !== given.length)
    return fault(faults, `${path}.days`, `one or more of ${DAYS.join(', ')}, each once`)
  return { days, ...times }
}

const timesOf: Parse<Times> = (value, path, faults) => {
  if (typeof value !== 'object' || value === null)
    return fault(faults, path, 'a window, such as {"from": "22:00", "until": "06:00"}')
  const { from, until } = value as Partial<Record<'from' | 'until', unknown>>
  if (!isTimeOfDay(from)) fault(faults, `${path}.from`, 'a time from "00:00" to "23:59"')
  if (!isTimeOfDay(until) && until !== '24:00')
    fault(
      faults,
      `${path}.until`,
      'a time from "00:00" to "24:00"; if not after from, it is on the next day',
    )
  return isTimeOfDay(from) && (isTimeOfDay(until) || until === '24:00')
    ? { from, until }
    : undefined
}

const isTimeOfDay = (value: unknown): value is string =>
  typeof value === 'string' && /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(value)

const homeNetworkOf =
  (canTellHome: boolean): Parse<boolean> =>
  (value, path, faults) => {
    if (typeof value !== 'boolean') return fault(faults, path, 'true or false')
    return value && !canTellHome
      ? fault(
          faults,
          path,
          'false, because a proxy or container hides the addresses of clients here',
        )
      : value
  }

const usesOf =
  (used: number): Parse<number> =>
  (value, path, faults) => {
    const min = Math.max(used, 1)
    return Number.isInteger(value) && Number(value) >= min && Number(value) <= USES_MAX
      ? Number(value)
      : fault(faults, path, `a whole number from ${min} to ${USES_MAX}`)
  }

/** Reads an RFC 3339 time, or a local time without an offset. */
const timeOf =
  (zone: string, reading: (zone: string, wallMs: number) => number): Parse<number> =>
  (value, path, faults) => {
    const [, offset] = (typeof value === 'string' && TIME.exec(value)) || []
    const ms =
      offset === undefined
        ? undefined
        : instantOf(String(value), offset, (wallMs) => reading(zone, wallMs))
    return ms !== undefined && ms >= TIME_MS_MIN && ms <= TIME_MS_MAX
      ? ms
      : fault(faults, path, `a time such as 2027-03-31T13:00:00Z, or without an offset in ${zone}`)
  }

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(|Z|[+-]\d\d:\d\d)$/

const TIME_MS_MIN = Date.UTC(2000, 0, 1)
const TIME_MS_MAX = Date.UTC(10_000, 0, 1) - 1

/** Returns undefined for a date that does not exist. */
const instantOf = (
  time: string,
  offset: string,
  reading: (wallMs: number) => number,
): number | undefined => {
  try {
    const ms = Temporal.Instant.from(offset === '' ? `${time}Z` : time).epochMilliseconds
    return offset === '' ? reading(ms) : ms
  } catch {
    return undefined
  }
}

type Dates = Pick<GrantTerms, 'startsAtMs' | 'endsAtMs'>

const checkDates = (
  { startsAtMs, endsAtMs }: Dates,
  given: GivenTerms,
  { nowMs, faults }: { readonly nowMs: number; readonly faults: Faults },
): void => {
  if (endsAtMs === null) return
  const isEndGiven = given.ends_at !== undefined
  if (isEndGiven && endsAtMs <= nowMs) fault(faults, 'ends_at', 'a time in the future')
  if (startsAtMs === null || startsAtMs < endsAtMs) return
  if (isEndGiven) fault(faults, 'ends_at', 'a time after starts_at')
  else fault(faults, 'starts_at', 'a time before ends_at')
}
