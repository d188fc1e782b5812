import type {
  AttemptResult,
  DecisionReason,
  Delivery,
  FailureReason,
} from '../../../domain/access.ts'

/** Why a door stays closed to a person, as a part of a sentence about anyone. */
export const REFUSALS: Readonly<Record<DecisionReason, string>> = {
  lock_disabled: 'the door is switched off',
  holder_disabled: 'the account is disabled or has ended',
  not_admitted: 'not let in yet by an owner or admin',
  lockdown: 'the door is locked down',
  device_revoked: 'the phone was removed from the pass',
  bad_signature: 'the signature was not that of the phone',
  replayed: 'the signed request had been used before',
  another_device: 'the pass is in use on another phone',
  no_grant: 'no rule for this door',
  revoked: 'the rule was revoked',
  suspended: 'the pass is switched off',
  expired: 'the rule has ended',
  not_yet_valid: 'the rule has not started',
  closed_on_holiday: 'closed on this holiday',
  outside_schedule: 'outside the hours',
  clock_uncertain: 'the gateway was not sure of the time',
  not_on_home_network: 'not on the home network',
  uses_spent: 'all visits are used up',
}

/** Why a lock did not open. */
export const FAILURES: Readonly<Record<FailureReason, string>> = {
  motor_blocked: 'the bolt was blocked',
  command_failed: 'its controller could not move it',
  interrupted: 'its controller was interrupted',
}

/** What has become of a permitted attempt at the lock. */
export type Outcome = {
  readonly delivery: Delivery
  /** How it ended, as the lock says; null if nothing is known yet, or never will be. */
  readonly result?: AttemptResult | null
  /** Why it failed, if the lock says so. */
  readonly failure?: FailureReason | null
}

/** What became of a permitted attempt at the lock, for the person at the door. */
export const outcomeWords = ({ delivery, result = null, failure = null }: Outcome): string => {
  if (result === 'released') return 'The lock released the door. Push.'
  if (result === 'failed' && failure !== null)
    return `The lock did not open: ${FAILURES[failure]}. Try again, or use your key.`
  if (result === null) return DELIVERIES[delivery]
  return DELIVERIES[ENDS[result]]
}

/** Whether the door may have stayed shut. */
export const isBadOutcome = ({ delivery, result = null }: Outcome): boolean =>
  result === null
    ? delivery === 'failed' || delivery === 'unknown' || delivery === 'offline'
    : result === 'failed' || result === 'unheard'

const ENDS = { unlocked: 'happened', failed: 'failed', unheard: 'unknown' } as const

const DELIVERIES: Readonly<Record<Delivery, string>> = {
  offline: 'Let in, but the lock is offline. Use your key.',
  asked: 'Opening…',
  accepted: 'Let in. The lock was asked to open.',
  happened: 'Opened.',
  failed: 'The lock did not open. Try again, or use your key.',
  unknown: 'The lock has not answered. Check whether the door is open, or use your key.',
  no_controller: 'Let in. No lock is connected, so nothing moved; use your app or key.',
}
