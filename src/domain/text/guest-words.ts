// Sentences that guests read at a door. A guest never learns whether a pass was revoked or never opened a door.
import type { AttemptResult, DecisionReason, Delivery, FailureReason } from '../access.ts'

type Reader = {
  /** Who made the pass; null if it was made on the command line. */
  readonly host: string | null
}

/** Whom to ask: `Ask Ada`. */
const askHost = ({ host }: Reader): string => `Ask ${host ?? 'the person who sent you the link'}`

/** Returns why a door stays closed to a guest. `opens` is when it opens next, as a part of a sentence and in local time
 * of the home (`Saturday 15:00`), or null if it does not open again. */
export const guestRefusal = (
  reason: DecisionReason,
  { opens, ...reader }: Reader & { readonly opens: string | null },
): string =>
  opens !== null && TIMED.has(reason) ? `Opens ${opens}.` : REFUSALS[reason](askHost(reader))

const PASS_HAS_ENDED = 'This pass has ended.'

type Sentence = (ask: string) => string

const NOT_THIS_DOOR: Sentence = () => 'This pass does not open this door.'
const SWITCHED_OFF: Sentence = (ask) => `This pass is switched off. ${ask}.`
const NOT_NOW: Sentence = () => 'This door is not open to you now.'
const ENDED: Sentence = () => PASS_HAS_ENDED
const CLOSED: Sentence = () => 'The door is closed to everyone right now.'
const NOT_THIS_PHONE: Sentence = () => 'This phone is not the one that the pass is tied to.'

const REFUSALS: Readonly<Record<DecisionReason, Sentence>> = {
  no_grant: NOT_THIS_DOOR,
  revoked: NOT_THIS_DOOR,
  not_admitted: () => 'An owner has to let you in first.',
  holder_disabled: SWITCHED_OFF,
  device_revoked: SWITCHED_OFF,
  suspended: SWITCHED_OFF,
  not_yet_valid: NOT_NOW,
  outside_schedule: NOT_NOW,
  closed_on_holiday: NOT_NOW,
  expired: ENDED,
  uses_spent: ENDED,
  lockdown: CLOSED,
  lock_disabled: CLOSED,
  not_on_home_network: () => 'This works only on the Wi-Fi of the house.',
  clock_uncertain: (ask) => `The door does not know the time. ${ask}.`,
  bad_signature: NOT_THIS_PHONE,
  replayed: NOT_THIS_PHONE,
  another_device: NOT_THIS_PHONE,
}

/** Reasons for which the next opening says enough. */
const TIMED: ReadonlySet<DecisionReason> = new Set([
  'not_yet_valid',
  'outside_schedule',
  'closed_on_holiday',
  // The host may open the door at another time.
  'suspended',
  'expired',
  'uses_spent',
])

type Outcome = {
  readonly delivery: Delivery
  /** Null if nothing is known yet, and for locks that never tell. */
  readonly result: AttemptResult | null
  /** Why it failed, if the lock said so. */
  readonly failure: FailureReason | null
}

/** Returns what a guest reads after a permitted attempt. */
export const guestOutcome = ({ delivery, result, failure }: Outcome, reader: Reader): string => {
  const ask = askHost(reader)
  return result === null ? DELIVERED[delivery](ask) : RESULTS[result](ask, failure)
}

const OPEN: Sentence = () => 'Open: push'

const FAILED = (ask: string, failure: FailureReason | null): string =>
  `${FAILURES[failure ?? 'command_failed']} Press again. ${ask} if it stays shut.`

const UNHEARD: Sentence = (ask) =>
  `Let in, but the lock said nothing. Try the door. ${ask} if it stays shut.`

const RESULTS: Readonly<Record<AttemptResult, typeof FAILED>> = {
  unlocked: OPEN,
  released: OPEN,
  failed: FAILED,
  unheard: UNHEARD,
}

const DELIVERED: Readonly<Record<Delivery, Sentence>> = {
  no_controller: (ask) => `Let in, but no lock is connected, so nothing moved. ${ask}.`,
  offline: (ask) => `Let in, but the lock is offline. ${ask}.`,
  asked: () => 'Opening…',
  accepted: () => 'Let in. Push the door.',
  happened: OPEN,
  failed: (ask) => FAILED(ask, null),
  unknown: UNHEARD,
}

const FAILURES: Readonly<Record<FailureReason, string>> = {
  motor_blocked: 'The bolt is stuck.',
  command_failed: 'The lock did not open.',
  interrupted: 'The lock was interrupted.',
}
