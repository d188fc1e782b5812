/** The state of a grant at a time; `now` includes the time between its windows. */
export const GRANT_STATES = ['now', 'later', 'ended', 'revoked'] as const
export type GrantState = (typeof GRANT_STATES)[number]

type Dated = {
  readonly startsAtMs: number | null
  readonly endsAtMs: number | null
  readonly uses: number
  readonly usesMax: number | null
  readonly revokedAtMs: number | null
}

/** Returns the state of a grant. A grant whose uses are spent has ended. */
export const grantStateOf = (grant: Dated, nowMs: number): GrantState => {
  if (grant.revokedAtMs !== null) return 'revoked'
  if ((grant.endsAtMs ?? Infinity) <= nowMs || grant.uses >= (grant.usesMax ?? Infinity))
    return 'ended'
  return (grant.startsAtMs ?? -Infinity) > nowMs ? 'later' : 'now'
}
