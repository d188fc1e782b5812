import { ruleWords } from '../../../domain/text/rule-words.ts'
import { theDoor } from './door-name.ts'
import type { When } from '../api/targets.ts'

/** Returns what to call an account, by its public id. */
type NameOf = (publicId: string) => string

/** A rule as part of a sentence: `when ada opens the front door between 22:00 and 06:00`. */
export const whenWords = (when: When, nameOf: NameOf): string =>
  ruleWords(when, { door: theDoor, person: nameOf })

/** The name of each event. */
export const EVENTS: Readonly<Record<When['on'], string>> = {
  unlocked: 'An unlock',
  denied: 'A refusal',
  'log.problem': 'A problem with the log',
  'account.waiting': 'A new account',
}

/** Whether people and doors make a difference. */
export const isAtDoors = ({ on }: Pick<When, 'on'>): boolean => on === 'unlocked' || on === 'denied'

/** `ada, grace or oli`. */
export const orList = (names: readonly string[]): string =>
  names.length < 2
    ? (names[0] ?? '')
    : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1] ?? ''}`
