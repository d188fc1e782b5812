import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { QUARTER_MS, newSums } from '../summary/packed-tallies.ts'
import { NOBODY, type Span, type UnlockCounts } from './stats-store.ts'

type Wanted = Span & {
  /** A name in the IANA time zone database. */
  readonly zone: string
}

export type Stats = {
  readonly total: number
  /** By local day, `2026-11-22`: every day of the span, including those without an event. */
  readonly days: ReadonlyMap<string, number>
  /** By hour of the local day, 0 to 23. */
  readonly hours: readonly number[]
  /** The methods with the most events, most first. Methods that differ only in case or composition count as
   * one, in the spelling of most of its events, or of most of its newest ones if they are many; null if
   * erased. */
  readonly methods: readonly { readonly method: string | null; readonly count: number }[]
  /** The accounts with the most events, most first. */
  readonly accounts: readonly (typeof NOBODY & { readonly count: number })[]
}

/** How many methods and accounts are listed. */
export const NAMES_MAX = 100

/** How many spellings of methods are counted, because apps may make up any number. */
const SPELLINGS_MAX = 10_000

/** Counts unlocks by local day, hour, method and account. Throws `invalid` for an unknown zone. */
export const unlockStats = async (
  counts: UnlockCounts,
  { zone, ...span }: Wanted,
): Promise<Stats> => {
  const { fromMs, toMs } = span
  const local = localClock(zone, fromMs, toMs)
  const sums = newSums(Math.floor(fromMs / QUARTER_MS))
  const spellings = spellingCounter()
  await counts.add(sums, span, spellings.count)
  const hours = Array.from({ length: 24 }, () => 0)
  const days = new Map<number, number>()
  for (let day = dayOf(local(fromMs)); day <= dayOf(local(toMs - 1)); day += 1) days.set(day, 0)
  let total = 0
  for (const [at, count] of sums.quarters.entries()) {
    if (count === 0) continue
    const localMs = local(Math.max((sums.firstQuarter + at) * QUARTER_MS, fromMs))
    const day = dayOf(localMs)
    const hour = Math.floor((localMs - day * DAY_MS) / HOUR_MS)
    total += count
    hours[hour] = (hours[hour] ?? 0) + count
    days.set(day, (days.get(day) ?? 0) + count)
  }
  const spellingOf = async (method: number): Promise<string | undefined> =>
    method === 0 ? undefined : (spellings.mostFrequent(method) ?? counts.spellingOf(method, span))
  return {
    total,
    days: new Map([...days].map(([day, count]) => [dateOf(day), count])),
    hours,
    methods: await Promise.all(
      mostCounted(sums.methods).map(async ([number, count]) => ({
        method: (await spellingOf(number)) ?? null,
        count,
      })),
    ),
    accounts: await Promise.all(
      mostCounted(sums.accounts).map(async ([id, count]) => ({
        ...(id === 0 ? NOBODY : await counts.accountOf(id)),
        count,
      })),
    ),
  }
}

/** Returns the numbers with the highest counts, highest first. */
const mostCounted = (counts: readonly number[]): readonly (readonly [number, number])[] =>
  [...counts.entries()]
    .filter(([, count]) => count > 0)
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, NAMES_MAX)

/** Counts how methods are written. */
const spellingCounter = () => {
  const byMethod = new Map<number, Map<string, number>>()
  let size = 0
  return {
    count: (method: number, spelling: string): void => {
      const spellings = byMethod.get(method) ?? new Map<string, number>()
      const known = spellings.get(spelling)
      if (known === undefined && size >= SPELLINGS_MAX) return
      if (known === undefined) size += 1
      byMethod.set(method, spellings.set(spelling, (known ?? 0) + 1))
    },
    mostFrequent: (method: number): string | undefined =>
      [...(byMethod.get(method) ?? [])].toSorted(([, left], [, right]) => right - left)[0]?.[0],
  }
}

/** Returns the day, since 1970, of a local time. */
const dayOf = (localMs: number): number => Math.floor(localMs / DAY_MS)

const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** Returns a function from a time to the local time of a zone, as if that were UTC. Looks up the
 * zone's offset once for each change within the span, not for each time. */
const localClock = (zone: string, fromMs: number, toMs: number): ((ms: number) => number) => {
  const offsets: { readonly untilMs: number; readonly offsetMs: number }[] = []
  let at: Temporal.ZonedDateTime | null = inZone(fromMs, zone)
  while (at && at.epochMilliseconds < toMs) {
    const next: Temporal.ZonedDateTime | null = at.getTimeZoneTransition('next')
    offsets.push({
      untilMs: next?.epochMilliseconds ?? Infinity,
      offsetMs: at.offsetNanoseconds / 1e6,
    })
    at = next
  }
  return (ms) => ms + (offsets.find(({ untilMs }) => ms < untilMs)?.offsetMs ?? 0)
}

const inZone = (ms: number, zone: string): Temporal.ZonedDateTime => {
  try {
    return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)
  } catch (error) {
    throw new AppError('invalid', 'Unknown zone; name one of the IANA time zone database', {
      cause: error,
      fields: { zone: 'a name in the IANA time zone database, such as Europe/Berlin' },
    })
  }
}
