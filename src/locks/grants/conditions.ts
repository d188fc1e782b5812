import type { GrantTerms } from '../rules/terms.ts'
import type { Granted } from './store.ts'

/** Returns conditions in the form of requests, answers and records. */
export const conditionsJson = ({ terms, startsAtMs, endsAtMs, usesMax }: GrantTerms) => ({
  starts_at: timeJson(startsAtMs),
  ends_at: timeJson(endsAtMs),
  windows:
    terms.windows?.map(({ days, from, until }) => ({ days: [...days], from, until })) ?? null,
  holidays: typeof terms.holidays === 'string' ? terms.holidays : [...terms.holidays],
  uses: usesMax,
  home_network: terms.homeNetwork,
})

export const timeJson = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString()

/** Returns whether two grants grant the same, to whomever. */
export const isSame = (one: Granted, other: Granted): boolean =>
  Bun.deepEquals(comparable(one), comparable(other))

const comparable = ({ locks, conditions }: Granted) => ({
  locks: locks === 'all' ? locks : locks.map(({ id }) => id).toSorted(),
  ...conditionsJson(conditions),
})
