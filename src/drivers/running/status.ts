import type { BoltState, Observation } from '../observation.ts'

/** What is known of a lock. */
export type Status = {
  /** Null if it is not known. */
  readonly state: BoltState | null
  /** Since when, as far as we heard; null if nobody knows. */
  readonly stateAtMs: number | null
  /** Null if it does not say. */
  readonly isOnline: boolean | null
  /** When anything was last heard of it. */
  readonly heardAtMs: number | null
}

export const NOTHING_KNOWN: Status = {
  state: null,
  stateAtMs: null,
  isOnline: null,
  heardAtMs: null,
}

/** States that a lock does not stay in. */
const PASSING: ReadonlySet<BoltState> = new Set(['locking', 'unlocking', 'opening'])

export const isPassing = (state: BoltState | null): boolean => state !== null && PASSING.has(state)

/** Returns what is known after an observation. */
export const statusAfter = (status: Status, observation: Observation, nowMs: number): Status => {
  // What the broker had kept was said at some time before.
  const isOld = observation.kind === 'state' && observation.isOld
  const heard = isOld ? status : { ...status, heardAtMs: nowMs }
  if (observation.kind === 'availability') return { ...heard, isOnline: observation.isOnline }
  if (observation.kind !== 'state') return heard
  const { state } = observation
  const isSame = status.state === state && status.stateAtMs !== null
  const sinceMs = isSame ? status.stateAtMs : nowMs
  return { ...heard, state, stateAtMs: isOld ? null : sinceMs }
}
