import { theDoor } from './door-name.ts'
import type { When } from '../api/targets.ts'

/** Returns what to call an account, by its public id. */
type NameOf = (publicId: string) => string

/** What a target hears of, as a part of a sentence: `when ada opens the front door between 22:00 and 06:00`. */
export const whenWords = ({ on, locks, people, hours }: When, nameOf: NameOf): string =>
  [WORDS[on](whoWords(people, nameOf), doorWords(locks)), hoursWords(hours)]
    .filter((part) => part !== '')
    .join(' ')

const WORDS: Readonly<Record<When['on'], (who: string, doors: string) => string>> = {
  unlocked: (who, doors) => `when ${who} opens ${doors}`,
  denied: (who, doors) => `when ${who} is refused at ${doors}`,
  'log.problem': () => 'when the log has a problem',
  'account.waiting': () => 'when somebody new wants to be let in',
}

/** What an event is called that a target was told of. */
export const EVENTS: Readonly<Record<When['on'], string>> = {
  unlocked: 'An unlock',
  denied: 'A refusal',
  'log.problem': 'A problem of the log',
  'account.waiting': 'Somebody new',
}

/** Whether people and doors make a difference. */
export const isAtDoors = ({ on }: Pick<When, 'on'>): boolean => on === 'unlocked' || on === 'denied'

/** `ada, grace or oli`. */
export const orList = (names: readonly string[]): string =>
  names.length < 2
    ? (names[0] ?? '')
    : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1] ?? ''}`

const whoWords = (people: When['people'], nameOf: NameOf): string =>
  people === undefined ? 'anybody' : orList(people.map(nameOf))

const doorWords = (locks: When['locks']): string =>
  locks === undefined ? 'any door' : orList(locks.map(theDoor))

const hoursWords = (hours: When['hours']): string =>
  hours === undefined ? '' : `between ${hours.from} and ${hours.to}`
