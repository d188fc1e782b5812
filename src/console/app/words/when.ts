import { ruleWords } from '../../../domain/text/rule-words.ts'
import type { When } from '../api/targets.ts'
import { theDoor } from './door-name.ts'

type Reader = {
  /** Returns what to call a person, by their public id. */
  readonly nameOf: (publicId: string) => string
  /** True for a person's own connection, which is only about them. */
  readonly isOwn: boolean
}

/** A rule as part of a sentence: `when ada opens the front door between 22:00 and 06:00`. */
export const whenWords = (when: When, { nameOf, isOwn }: Reader): string =>
  ruleWords(when, { door: theDoor, person: nameOf, isOwn })

/** The name of each event. */
export const EVENTS: Readonly<Record<When['on'], string>> = {
  unlocked: 'An unlock',
  denied: 'A refusal',
  'guest.opened': 'A guest is let in',
  'guest.problem': 'A guest needs help',
  'controller.silent': 'A controller is silent',
  'controller.alarm': 'A controller raises an alarm',
  'log.problem': 'A problem of the log',
  'account.waiting': 'Somebody new',
}

/** Whether doors make a difference. */
export const isAtDoors = ({ on }: Pick<When, 'on'>): boolean =>
  isOfPeople({ on }) || on === 'guest.opened'

/** Whether people with an account make a difference. */
export const isOfPeople = ({ on }: Pick<When, 'on'>): boolean =>
  on === 'unlocked' || on === 'denied'
