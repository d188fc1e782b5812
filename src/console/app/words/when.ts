import { ruleWords } from '../../../domain/text/rule-words.ts'
import type { When } from '../api/targets.ts'
import { theDoor } from './door-name.ts'

type Reader = {
  /** Returns what to call a person, by their public id. */
  readonly nameOf: (publicId: string) => string
  /** Whether it is a connection of somebody's own, which hears of nobody else. */
  readonly isOwn: boolean
}

/** What a connection hears of, as a part of a sentence: `when ada opens the front door between 22:00 and 06:00`. */
export const whenWords = (when: When, { nameOf, isOwn }: Reader): string =>
  ruleWords(when, { door: theDoor, person: nameOf, isOwn })

/** What an event is called that a connection was told of. */
export const EVENTS: Readonly<Record<When['on'], string>> = {
  unlocked: 'An unlock',
  denied: 'A refusal',
  'log.problem': 'A problem of the log',
  'account.waiting': 'Somebody new',
}

/** Whether people and doors make a difference. */
export const isAtDoors = ({ on }: Pick<When, 'on'>): boolean => on === 'unlocked' || on === 'denied'
