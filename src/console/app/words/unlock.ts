import type { EventAnswer } from '../../../unlocks/log/schema.ts'

/** One unlock, or one attempt that was refused, as the log has it. */
export type Unlock = EventAnswer

/** What a receipt proves of it. */
export type ProvenUnlock = Omit<Unlock, 'repeat_of'>

/** The person's name at that time. */
export const whoOf = ({ username }: Pick<Unlock, 'username'>): string => username ?? 'Erased person'

/** What they did: `unlocked the front door`. */
export const actionOf = ({ result, source, lock }: ProvenUnlock): string => {
  if (result === 'unlocked') return `unlocked the ${lockName(lock)}`
  return source === 'observed'
    ? 'was refused by the gateway'
    : `was refused at the ${lockName(lock)}`
}

export const lockName = (lock: string): string => lock.replaceAll('-', ' ')

/** How they did it, with a space in front; empty if it is unknown or erased. */
export const methodOf = ({ method, source }: ProvenUnlock): string => {
  if (method === null || source === 'observed') return ''
  return ` ${METHODS.get(method.toLowerCase()) ?? `using “${method}”`}`
}

/** The method of an unlock that somebody records in the console, to see what one looks like. */
export const TEST_METHOD = 'test'

/** Apps choose the words for methods; these are the most common ones. */
const METHODS: ReadonlyMap<string, string> = new Map([
  [TEST_METHOD, 'as a test'],
  ['fingerprint', 'with a fingerprint'],
  ['finger', 'with a fingerprint'],
  ['pin', 'with a PIN'],
  ['code', 'with a code'],
  ['passcode', 'with a code'],
  ['face', 'with face recognition'],
  ['face id', 'with Face ID'],
  ['card', 'with a card'],
  ['nfc', 'with a card'],
  ['key', 'with a key'],
  ['app', 'with the app'],
  ['phone', 'with the phone'],
  ['bluetooth', 'with the phone'],
  ['remote', 'remotely'],
])

/** Why the door stayed locked. */
export const REASONS: Readonly<Record<NonNullable<Unlock['reason']>, string>> = {
  unspecified: 'the lock gave no reason',
  invalid_credential: 'wrong code, card or fingerprint',
  disabled_user_denied: 'the account is disabled',
  restricted: 'not allowed at this time',
  insufficient_battery: 'the battery of the lock was too low',
  session_ended: 'the session had ended',
  too_many_attempts: 'too many failed logins',
}

/** The whole unlock in one sentence, without the time. */
export const sentenceOf = (unlock: ProvenUnlock): string => {
  const reason = unlock.reason ? `: ${REASONS[unlock.reason]}` : ''
  return `${whoOf(unlock)} ${actionOf(unlock)}${methodOf(unlock)}${reason}.`
}

/** When it happened, as far as anyone knows: by the phone's clock if it was reported late, and by the
 * legacy server's clock if it was imported. */
export const happenedAt = ({ source, late, occurred_at, received_at }: Unlock): string =>
  (source === 'imported' || late ? occurred_at : null) ?? received_at

/** The newest unlock that this gateway recorded itself, or else the newest imported one. */
export const latestOf = <Any extends Unlock>(unlocks: readonly Any[]): Any | undefined =>
  unlocks.find(({ source }) => source !== 'imported') ?? unlocks[0]
