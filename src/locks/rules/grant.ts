/** A time of day and week at which a grant opens, in the zone of the home. It belongs to the day on which it
 * begins; `until` at or before `from` is on the next day, and may be "24:00". */
export type Window = {
  readonly days: readonly Day[]
  /** "HH:MM". */
  readonly from: string
  readonly until: string
}

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof DAYS)[number]

/** The conditions of a grant besides its dates and uses. Intervals are cached by this object: `termsFrom`
 * returns the same one for the same text. */
export type Terms = {
  /** Undefined for always. */
  readonly windows: readonly Window[] | undefined
  /** What holds for windows that begin on a holiday: the same, nothing, or windows of their own, whose
   * days are ignored. */
  readonly holidays: 'ignore' | 'closed' | readonly Omit<Window, 'days'>[]
  /** True if it opens only on the home network. */
  readonly homeNetwork: boolean
}

/** A grant whose holder still exists, as decisions read it. */
export type Grant = {
  readonly id: string
  readonly version: number
  readonly terms: Terms
  /** The first instant, and the first one after the last; null for no bound. */
  readonly startsAtMs: number | null
  readonly endsAtMs: number | null
  readonly revokedAtMs: number | null
  /** Since when it waits for an owner to confirm it; null if it does not. */
  readonly suspendedAtMs: number | null
  readonly uses: number
  readonly usesMax: number | null
  /** The newest counted use: when, and by which session at which lock. */
  readonly usedAtMs: number | null
  readonly usedBy: string | null
}

/** What windows depend on. Intervals are cached by this object, so create a new one whenever the zone or the
 * holidays change, and only then. */
export type Home = {
  /** An IANA time zone, or `UTC`. */
  readonly zone: string
  /** Names of holidays by date, "YYYY-MM-DD". */
  readonly holidays: ReadonlyMap<string, string>
}

/** A span of time in milliseconds since 1970, without its end. */
export type Interval = { readonly fromMs: number; readonly untilMs: number }
