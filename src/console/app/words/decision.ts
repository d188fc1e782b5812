import type { DecisionReason } from '../../../domain/access.ts'
import type { Decision } from '../api/doors.ts'

/** Why a door stays closed to a person, as a part of a sentence about anyone. */
export const REFUSALS: Readonly<Record<DecisionReason, string>> = {
  lock_disabled: 'the door is switched off',
  holder_disabled: 'the account is disabled or has ended',
  not_admitted: 'not let in yet by an owner or admin',
  lockdown: 'the door is locked down',
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

/** The result of a permitted attempt. */
export const DELIVERIES: Readonly<Record<Decision['delivery'], string>> = {
  asked: 'Let in. The lock was asked to open.',
  no_controller: 'Let in. No lock is connected, so nothing moved; use your app or key.',
}
