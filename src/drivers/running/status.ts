import type { BoltState, Observation } from '../observation.ts'

/** The known status of a lock. */
export type Status = {
  /** Null if unknown. */
  readonly state: BoltState | null
  /** Since when, as far as known; null if unknown. */
  readonly stateAtMs: number | null
  /** Null if it does not say. */
  readonly isOnline: boolean | null
  /** When the lock was last heard from. */
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

/** Returns the status after an observation. */
export const statusAfter = (status: Status, observation: Observation, nowMs: number): Status => {
  // A retained message is from some earlier time.
  const isOld = observation.kind === 'state' && observation.isOld
  const heard = isOld ? status : { ...status, heardAtMs: nowMs }
  if (observation.kind === 'availability') return { ...heard, isOnline: observation.isOnline }
  if (observation.kind !== 'state') return heard
  const { state } = observation
  const isSame = status.state === state && status.stateAtMs !== null
  const sinceMs = isSame ? status.stateAtMs : nowMs
  return { ...heard, state, stateAtMs: isOld ? null : sinceMs }
}
