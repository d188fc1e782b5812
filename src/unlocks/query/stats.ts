import { DAY_MS } from '../../domain/duration.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { foldedText } from '../../domain/folded-text.ts'
import { AppError } from '../../errors.ts'
import { QUARTER_MS, type Tally, type UnlockCounts } from './stats-store.ts'

type Wanted = {
  /** A name in the IANA time zone database. */
  readonly zone: string
  readonly account: string | undefined
  readonly unit?: string | undefined
  readonly fromMs: number
  readonly toMs: number
  /** Ends the counting once aborted. */
  readonly signal?: AbortSignal
}

type Counted<Key> = ReadonlyMap<Key, number>

export type Stats = {
  readonly total: number
  /** By local day, `2026-11-22`: every day of the span, including those without an event. */
  readonly days: Counted<string>
  /** By hour of the local day, 0 to 23. */
  readonly hours: readonly number[]
  /** Methods that differ only in case or composition count as one, written as it most often is. */
  readonly methods: Counted<string | null>
  /** By the number of the account. */
  readonly accounts: Counted<number | null>
}

/** Distinct methods and accounts counted by name: apps may make up methods as they like. */
const NAMES_MAX = 10_000

/** Counts unlocks by local day, hour, method and account. Throws `invalid` for an unknown zone. */
export const unlockStats = async (
  { tallies }: Pick<UnlockCounts, 'tallies'>,
  { zone, account, unit, fromMs, toMs, signal }: Wanted,
): Promise<Stats> => {
  const local = localClock(zone, fromMs, toMs)
  const hours = Array.from({ length: 24 }, () => 0)
  const days = new Map<string, number>()
  const methods = new Map<string | null, number>()
  const accounts = new Map<number | null, number>()
  for (let ms = startOfDay(local(fromMs)); ms <= local(toMs - 1); ms += DAY_MS)
    days.set(dayOf(ms), 0)
  let total = 0
  const count = (tally: Tally): void => {
    const localMs = local(Math.max(tally.quarter * QUARTER_MS, fromMs))
    const hour = new Date(localMs).getUTCHours()
    total += tally.count
    hours[hour] = (hours[hour] ?? 0) + tally.count
    add(days, dayOf(localMs), tally.count)
    add(methods, tally.method, tally.count)
    add(accounts, tally.account, tally.count)
  }
  for await (const batch of tallies({ account, unit, fromMs, toMs })) {
    for (const tally of batch) count(tally)
    await takeTurn(signal)
  }
  return { total, days, hours, methods: await merged(methods, signal), accounts }
}

const add = <Key>(counts: Map<Key, number>, key: Key, count: number): void => {
  const known = counts.get(key)
  if (known !== undefined || counts.size < NAMES_MAX) counts.set(key, (known ?? 0) + count)
}

/** Methods compared before other work continues: one may take 40 µs. */
const STEP_METHODS = 100

/** Returns the counts with those of all spellings of a method under the most frequent one. */
const merged = async (
  methods: Counted<string | null>,
  signal?: AbortSignal,
): Promise<Counted<string | null>> => {
  const bySpelling = new Map<string | null, { readonly method: string | null; total: number }>()
  for (const [index, [method, count]] of [...methods].toSorted(byCount).entries()) {
    if (index % STEP_METHODS === STEP_METHODS - 1) await takeTurn(signal)
    const key = method === null ? null : foldedText(method)
    const known = bySpelling.get(key)
    if (known) known.total += count
    else bySpelling.set(key, { method, total: count })
  }
  return new Map([...bySpelling.values()].map(({ method, total }) => [method, total]))
}

const byCount = ([, left]: MethodCount, [, right]: MethodCount): number => right - left

type MethodCount = readonly [string | null, number]

const startOfDay = (localMs: number): number => Math.floor(localMs / DAY_MS) * DAY_MS

const dayOf = (localMs: number): string => new Date(localMs).toISOString().slice(0, 10)

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
