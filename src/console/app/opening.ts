import type { EventAnswer } from '../../unlocks/log/schema.ts'

/** What the log holds of one time that somebody opened the door, or was refused. */
export type Opening = EventAnswer

/** Who it was, by the name of then. */
export const whoOf = ({ username }: Pick<Opening, 'username'>): string =>
  username ?? 'Somebody who was erased'

/** What they did: `opened the front door`. */
export const deedOf = ({ result, source, lock }: Opening): string => {
  if (result === 'unlocked') return `opened ${theLock(lock)}`
  return source === 'observed'
    ? 'was turned away by this gateway'
    : `was refused at ${theLock(lock)}`
}

const theLock = (lock: string): string => `the ${lockWords(lock)}`

export const lockWords = (lock: string): string => lock.replaceAll('-', ' ')

/** How they did it, with a space in front; nothing where nobody heard, or it was erased. */
export const byOf = ({ method, source }: Opening): string => {
  if (method === null || source === 'observed') return ''
  return ` ${WAYS.get(method.toLowerCase()) ?? `by “${method}”`}`
}

/** Methods are the apps' own words; these are what apps say most. */
const WAYS: ReadonlyMap<string, string> = new Map([
  ['fingerprint', 'with a fingerprint'],
  ['finger', 'with a fingerprint'],
  ['pin', 'with a PIN'],
  ['code', 'with a code'],
  ['passcode', 'with a code'],
  ['face', 'by face'],
  ['face id', 'by face'],
  ['card', 'with a card'],
  ['nfc', 'with a card'],
  ['key', 'with a key'],
  ['app', 'with the app'],
  ['phone', 'with the phone'],
  ['bluetooth', 'with the phone'],
  ['remote', 'from afar'],
])

/** Why the door stayed shut, in words. */
export const reasonWords: Readonly<Record<NonNullable<Opening['reason']>, string>> = {
  unspecified: 'the lock gave no reason',
  invalid_credential: 'what they showed the lock was not right',
  disabled_user_denied: 'the account is disabled',
  restricted: 'not allowed at that time',
  insufficient_battery: 'the battery of the lock was too low',
  session_ended: 'their session had ended',
  too_many_attempts: 'too many failed logins',
}

/** All of it in a sentence without the time. */
export const sentenceOf = (opening: Opening): string => {
  const why = opening.reason ? `: ${reasonWords[opening.reason]}` : ''
  return `${whoOf(opening)} ${deedOf(opening)}${byOf(opening)}${why}.`
}

/** When it happened as far as that is known: by the phone's clock where the gateway heard of it
 * late, and by the legacy server's where it was imported. */
export const happenedAt = ({ source, late, occurred_at, received_at }: Opening): string =>
  (source === 'imported' || late ? occurred_at : null) ?? received_at

/** The newest that this gateway recorded itself; else the newest of what was imported. */
export const lastOf = (openings: readonly Opening[]): Opening | undefined =>
  openings.find(({ source }) => source !== 'imported') ?? openings[0]
