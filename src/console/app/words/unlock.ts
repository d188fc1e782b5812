import { foldedText } from '../../../domain/text/folded-text.ts'
import type { EventAnswer } from '../../../unlocks/log/schema.ts'
import { FAILURES, REFUSALS } from './decision.ts'
import { theDoor } from './door-name.ts'
import { capital } from './capital.ts'

/** One unlock, or one attempt that was refused, as the log has it. */
export type Unlock = EventAnswer

/** What a receipt proves of it. */
export type ProvenUnlock = Omit<
  Unlock,
  'repeat_of' | 'unit' | 'token' | 'delivery' | 'outcome' | 'confirmed'
>

/** The method of an opening that somebody recorded in the console to see how it looks. */
export const TEST_METHOD = 'test'

/** Whether it is a refused login. The person whose password was guessed at did nothing, and nobody was
 * at the door. */
export const isGuess = ({ reason }: ProvenUnlock): boolean => reason === 'too_many_attempts'

/** True if the entry stands for lost unlocks. */
export const isLoss = ({ reason }: ProvenUnlock): boolean => reason === 'unlocks_lost'

/** True if the entry happened at a door. */
export const isAtDoor = (unlock: ProvenUnlock): boolean => !isGuess(unlock) && !isLoss(unlock)

/** Who did it, by the name at that time. */
export const whoOf = (unlock: ProvenUnlock): string => {
  if (isLoss(unlock)) return 'The log'
  if (isGuess(unlock) || unlock.username === '') return 'Somebody'
  return unlock.username ?? 'Erased person'
}

/** Whether a guest did it, whose name is the one that the host gave them. */
export const isGuest = ({ guest }: ProvenUnlock): boolean => guest !== null

/** Whether a controller says that the door opened although nobody asked the gateway, for example with a key. */
export const isUnasked = ({ source, result, attempt }: ProvenUnlock): boolean =>
  source === 'attested' && result === 'unlocked' && attempt === null

/** What they did: `unlocked the front door`. */
export const actionOf = (unlock: ProvenUnlock): string => {
  const { result, source, lock, username, method } = unlock
  if (isLoss(unlock)) return `continues without ${method ?? 'unlocks'} that were lost`
  if (isGuess(unlock)) return `guessed at ${username ?? 'an erased person'}’s password`
  if (isTest(unlock)) return 'recorded a test opening'
  if (source === 'decided') return `was refused at ${theDoor(lock)}`
  if (result === 'unlocked') return `unlocked ${theDoor(lock)}`
  return source === 'observed'
    ? 'was turned away by the gateway'
    : `was turned away at ${theDoor(lock)}`
}

/** The whole unlock without how and why, with the person in the middle: `The gateway let ada in at the
 * front door`. */
export const phraseOf = (unlock: ProvenUnlock): Phrase => {
  const { result, lock } = unlock
  const [door, guest] = [theDoor(lock), isGuest(unlock) ? 'guest ' : '']
  const who = whoOf(unlock)
  if (isUnasked(unlock))
    return { before: `${capital(door)} was opened without asking the gateway`, who: '', after: '' }
  if (result === 'permitted')
    return { before: `The gateway let ${guest}`, who, after: ` in at ${door}` }
  if (result === 'released')
    return { before: `The lock released ${door} for ${guest}`, who, after: '' }
  if (result === 'failed')
    return { before: `${capital(door)} did not open for ${guest}`, who, after: '' }
  return { before: capital(guest), who, after: ` ${actionOf(unlock)}` }
}

type Phrase = { readonly before: string; readonly who: string; readonly after: string }

/** The same as a text. */
export const phraseText = (unlock: ProvenUnlock): string => {
  const { before, who, after } = phraseOf(unlock)
  return before + who + after
}

/** Who says that it happened. */
export const PROVENANCE: Readonly<Record<Unlock['source'], string>> = {
  imported: 'from the old server',
  claimed: 'the phone says so',
  observed: 'the gateway says so',
  decided: 'the gateway decided',
  reported: 'the lock says so',
  attested: 'the lock signed it',
}

/** The same about one unlock: `the lock signed that it opened`. */
export const provenanceOf = ({
  source,
  result,
}: Pick<ProvenUnlock, 'source' | 'result'>): string => {
  if (source === 'attested' && result === 'unlocked') return 'the lock signed that it opened'
  return source === 'attested' && result === 'released'
    ? 'the lock signed that it released the door'
    : PROVENANCE[source]
}

/** Whether only a phone says that a lock opened which reports its openings. */
export const isUnconfirmed = ({ confirmed }: Unlock): boolean => confirmed === false

/** Whether the gateway itself did or saw it. */
export const isByGateway = ({ source }: ProvenUnlock): boolean =>
  source === 'observed' || source === 'decided'

/** Whether the lock itself says so. */
export const isByLock = ({ source }: ProvenUnlock): boolean =>
  source === 'reported' || source === 'attested'

/** How long a lock may take to say that it opened. */
const SILENCE_MS = 30_000

/** Says what the lock did not do after a permitted attempt; empty if the gateway did not ask it, or if it opened. */
export const silenceOf = (unlock: Unlock, nowMs = Date.now()): string => {
  const { delivery, outcome, happened_at: at } = unlock
  const isSilent = delivery === 'asked' && !outcome && nowMs - Date.parse(at) > SILENCE_MS
  if (delivery === 'unknown' || outcome?.result === 'unheard' || isSilent)
    return 'the lock said nothing'
  if (delivery === 'offline') return 'the lock was offline'
  if (outcome?.result === 'failed' && outcome.reason)
    return `it did not open: ${REASONS[outcome.reason]}`
  return delivery === 'failed' ? 'the lock did not open' : ''
}

/** Says how a permitted attempt ended, if the lock says that it opened; otherwise empty. */
export const openedWords = ({ outcome }: Unlock): string =>
  outcome !== null &&
  outcome.source !== null &&
  (outcome.result === 'unlocked' || outcome.result === 'released')
    ? provenanceOf({ source: outcome.source, result: outcome.result })
    : ''

/** The same after a semicolon. */
export const silenceAfter = (unlock: Unlock): string => {
  const silence = silenceOf(unlock)
  return silence && `; ${silence}`
}

/** Whether the gateway decided it by the rules, so that it can explain it. */
export const isDecision = ({ source }: ProvenUnlock): boolean => source === 'decided'

const isTest = ({ method, result }: ProvenUnlock): boolean =>
  result === 'unlocked' && method === TEST_METHOD

/** How they did it, with a space in front; empty if it is unknown or erased. */
export const methodOf = (unlock: ProvenUnlock): string => {
  const { method, result } = unlock
  if (method === null || isTest(unlock) || isUnasked(unlock)) return ''
  if (result === 'released' || result === 'failed' || isGuest(unlock)) return ''
  if (isByGateway(unlock)) return ''
  if (isByLock(unlock) && method === UNKNOWN) return ''
  return ` ${METHODS.get(foldedText(method)) ?? `using “${method}”`}`
}

/** The method of an opening that the lock does not explain. */
const UNKNOWN = 'unknown'

/** Apps choose the words for methods; these are the most common ones. */
const METHODS: ReadonlyMap<string, string> = new Map([
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
  ['keypad', 'with a code'],
  ['manual', 'by hand'],
  ['automatic', 'automatically'],
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
  session_ended: 'no longer logged in',
  too_many_attempts: 'too many failed logins',
  unlocks_lost: 'an older or another database was put in place',
  ...FAILURES,
  ...REFUSALS,
}

/** The whole unlock in one sentence, without the time. */
export const sentenceOf = (unlock: ProvenUnlock): string =>
  `${phraseText(unlock)}${methodOf(unlock)}${reasonOf(unlock)}.`

/** Why the door stayed locked, after a colon; empty if it did not. */
export const reasonOf = (unlock: ProvenUnlock): string =>
  unlock.reason && isAtDoor(unlock) ? `: ${REASONS[unlock.reason]}` : ''

/** Whose clock says when it happened. */
export const clockOwner = (unlock: ProvenUnlock): 'lock' | 'phone' =>
  isByLock(unlock) ? 'lock' : 'phone'

/** True if that clock is wrong by so much that people should know: a little is ordinary. */
export const isClockWrong = ({ doubted, delay_ms }: Unlock): boolean =>
  doubted && Math.abs(delay_ms ?? 0) > CLOCK_MS_MAX

const CLOCK_MS_MAX = 60_000
