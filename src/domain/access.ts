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

/** What became of a permitted attempt at the lock: nothing can be asked of it, it was asked, it took the command, it
 * opened, it did not, or nobody knows. */
export const DELIVERIES = [
  'no_controller',
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
  /** The access token with which somebody asked, if they did with one. */
  readonly tokenId?: string
}

/** Why a lock stayed shut, as the lock or an app says: OperationErrorEnum of the Matter Door Lock cluster. */
export const LOCK_REASONS = [
  'unspecified',
  'invalid_credential',
  'disabled_user_denied',
  'restricted',
  'insufficient_battery',
] as const
export type LockReason = (typeof LOCK_REASONS)[number]

/** The account of an event whose person is unknown, or has no account here. */
export const NO_ACCOUNT = ''

/** What a lock itself reports: a leaf of the unlock log. */
export type NewReport = {
  /** The label of the lock. */
  readonly lock: string
  readonly result: 'unlocked' | 'denied'
  /** Null if it unlocked. */
  readonly reason: LockReason | null
  /** `NO_ACCOUNT` if the lock does not tell who it was, or names somebody unknown. */
  readonly accountPublicId: string
  readonly username: string
  readonly method: string
  /** When it happened, by the lock's clock; null if it does not say. */
  readonly occurredAtMs: number | null
  /** The kind of the driver that heard it, as a word of `a-z`, `0-9`, `_` and `-`. */
  readonly reporter: string
  /** The attempt that it carries out, if it is one. */
  readonly attemptId?: string | undefined
  /** What names it in the lock's own log: reported again, it does not become a second event. */
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
  'holiday.changed',
  'zone.changed',
] as const
export type RecordKind = (typeof RECORD_KINDS)[number]

/** A change to who may open what: a leaf of the unlock log that commits to its body. */
export type NewRecord = {
  readonly kind: RecordKind
  /** What or whom it is about: `lock:<id>`, `grant:<id>` or `home`. Not part of the leaf. */
  readonly subject: string
  /** The public ids of the person who did it and of the person it is about, or null: erasing either blanks the
   * record. Not part of the leaf. */
  readonly by: string | null
  readonly about: string | null
  /** Who did what, as JSON; the leaf has only a salted commitment to it. */
  readonly body: Readonly<Record<string, unknown>>
}
