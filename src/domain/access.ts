/** The lock label of unlocks that do not name a lock. */
export const DEFAULT_LOCK = 'front-door'

/** The states of a lock. A retired lock opens for nobody, and its label is never reused. */
export const LOCK_STATES = ['enabled', 'disabled', 'retired'] as const
export type LockState = (typeof LOCK_STATES)[number]

/** Why the gateway refuses to open a lock. */
export const DECISION_REASONS = [
  'lock_disabled',
  'holder_disabled',
  'not_admitted',
  'lockdown',
  'device_revoked',
  'bad_signature',
  'replayed',
  'another_device',
  'no_grant',
  'revoked',
  'suspended',
  'expired',
  'not_yet_valid',
  'closed_on_holiday',
  'outside_schedule',
  'clock_uncertain',
  'not_on_home_network',
  'uses_spent',
] as const
export type DecisionReason = (typeof DECISION_REASONS)[number]

/** The outcome of a permitted attempt at the lock: it has neither driver nor controller, its controller is offline, it
 * was asked, it accepted the command, it opened, it did not, or the outcome is unknown. */
export const DELIVERIES = [
  'no_controller',
  'offline',
  'asked',
  'accepted',
  'happened',
  'failed',
  'unknown',
] as const
export type Delivery = (typeof DELIVERIES)[number]

/** What the gateway decided: a leaf of the unlock log. */
export type NewDecision = {
  readonly id: string
  readonly attemptId: string
  readonly grantId: string | null
  /** The label of the lock. */
  readonly lock: string
  readonly result: 'permitted' | 'denied'
  readonly reason: DecisionReason | null
  readonly accountPublicId: string
  readonly username: string
  readonly method: string
  /** The access token that was used, if any. */
  readonly tokenId?: string
  /** The guest who asked, if it was one; then there is no account. */
  readonly guest?: GuestFacts
  /** What the guest's device signed, if it signs. */
  readonly statement?: Uint8Array
}

/** A guest and the device that asked. */
export type GuestFacts = {
  readonly passId: string
  readonly deviceId: string | null
  /** The counter of the device's statement; null without one. */
  readonly counter: number | null
}

/** Why a lock stayed shut, as reported by the lock or an app: OperationErrorEnum of the Matter Door Lock cluster. */
export const LOCK_REASONS = [
  'unspecified',
  'invalid_credential',
  'disabled_user_denied',
  'restricted',
  'insufficient_battery',
] as const
export type LockReason = (typeof LOCK_REASONS)[number]

/** Why the controller of a lock could not open it. `interrupted`: it was stopped before it could say. */
export const FAILURE_REASONS = ['motor_blocked', 'command_failed', 'interrupted'] as const
export type FailureReason = (typeof FAILURE_REASONS)[number]

/** How a permitted attempt ended at its lock; `released`: whether the door opened is not known, `unheard`: nor whether it
 * was released. */
export const ATTEMPT_RESULTS = ['unlocked', 'released', 'failed', 'unheard'] as const
export type AttemptResult = (typeof ATTEMPT_RESULTS)[number]

/** Returns how an attempt ended, as far as known, and why it failed, if its controller says so. */
export const attemptResult = (
  delivery: Delivery,
  says: string | null,
): { readonly result: AttemptResult | null; readonly failure: FailureReason | null } => {
  const ended = (result: AttemptResult | null) => ({ result, failure: null })
  if (delivery === 'happened') return ended(says === 'released' ? 'released' : 'unlocked')
  if (delivery === 'unknown') return ended('unheard')
  if (delivery !== 'failed') return ended(null)
  return {
    result: 'failed',
    failure: FAILURE_REASONS.find((reason) => reason === says) ?? null,
  }
}

/** Stands for the account in an event whose person is unknown or has no account here. */
export const NO_ACCOUNT = ''

/** A lock’s own report, to become a leaf of the unlock log. */
export type NewReport = {
  /** The label of the lock. */
  readonly lock: string
  /** `released`: a controller released the lock, and has no sensor to tell whether it opened. `failed`: it could not. */
  readonly result: 'unlocked' | 'denied' | 'released' | 'failed'
  /** Null if it unlocked or released. */
  readonly reason: LockReason | FailureReason | null
  /** `NO_ACCOUNT` if the lock names nobody, or somebody unknown. */
  readonly accountPublicId: string
  readonly username: string
  readonly method: string
  /** When it happened, by the lock's clock; null if unknown. */
  readonly occurredAtMs: number | null
  /** The kind of the driver that received it, or the id of the controller: a word of `a-z`, `0-9`, `_` and `-`. */
  readonly reporter: string
  /** What the controller signed, with its counter; only controllers sign. */
  readonly signed?: { readonly statement: Uint8Array; readonly counter: number } | undefined
  /** The guest whose attempt it results from, if any. */
  readonly guest?: GuestFacts | undefined
  /** The attempt that it results from, if any. */
  readonly attemptId?: string | undefined
  /** Identifies it in the lock's own log. A repeated report does not become a second event. */
  readonly entry?: string | undefined
}

/** Kinds of records: leaves that are not unlocks. */
export const RECORD_KINDS = [
  'lock.made',
  'lock.renamed',
  'lock.disabled',
  'lock.enabled',
  'lock.retired',
  'lockdown.begun',
  'lockdown.ended',
  'grant.made',
  'grant.changed',
  'grant.revoked',
  'grant.suspended',
  'grant.confirmed',
  'grant.use_returned',
  'pass.bound',
  'pass.rekeyed',
  'device.enrolled',
  'device.revoked',
  'device.forked',
  'gap.found',
  'gap.filled',
  'door_key.made',
  'door_key.ended',
  'holiday.changed',
  'zone.changed',
  'home.moved',
  'home.move_undone',
] as const
export type RecordKind = (typeof RECORD_KINDS)[number]

/** A change to who may open what: a leaf of the unlock log that commits to its body. */
export type NewRecord = {
  readonly kind: RecordKind
  /** What or whom it is about: `lock:<id>`, `grant:<id>`, `pass:<id>`,
   * `controller:<id>` or `home`. Not part of the leaf. */
  readonly subject: string
  /** The public ids of the person who did it and of the person it is about, or null: erasing either blanks the
   * record. Not part of the leaf. */
  readonly by: string | null
  readonly about: string | null
  /** Who did what, as JSON; the leaf has only a salted commitment to it. */
  readonly body: Readonly<Record<string, unknown>>
}
