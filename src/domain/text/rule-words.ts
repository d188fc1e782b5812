// The rules of targets in words, for the command line and the console.
import type { Rule } from '../home-event.ts'

type Names = {
  /** Returns what to call a door within a sentence, by the label of its lock; see `doorWords`. */
  readonly door: (label: string) => string
  /** Returns the name of a person by their public id, or undefined if they are gone. */
  readonly person: (publicId: string) => string | undefined
  /** Whether the reader receives only events of their own. */
  readonly isOwn?: boolean
}

/** Returns a rule as the end of a sentence that begins with "Notify Ada": `when anyone opens the front door between
 * 22:00 and 06:00`. */
export const ruleWords = (rule: Rule, names: Names): string => {
  const { from, to } = rule.hours ?? {}
  const hours = from === undefined || to === undefined ? '' : ` between ${from} and ${to}`
  return `when ${happeningWords(rule, names)}${hours}`
}

const happeningWords = (rule: Rule, names: Names): string => {
  switch (rule.on) {
    case 'unlocked':
      return `${whoWords(rule, names, 'anyone')} ${names.isOwn ? 'open' : 'opens'} ${lockWords(rule, names) ?? 'any door'}`
    case 'denied': {
      const lock = lockWords(rule, names)
      const where = lock === undefined ? '' : ` at ${lock}`
      return `${whoWords(rule, names, 'somebody')} ${names.isOwn ? 'are' : 'is'} refused${where}`
    }
    case 'guest.opened': {
      const lock = lockWords(rule, names)
      return `${aGuest(names)} is let in${lock === undefined ? '' : ` at ${lock}`}`
    }
    case 'guest.problem':
      return names.isOwn
        ? 'the pass of a guest of yours is tried on another phone, or they ask for help'
        : 'a guest pass is tried on another phone, or a guest asks for help'
    case 'controller.silent':
      return 'the controller of a door stops answering'
    case 'controller.alarm':
      return 'a door opens although nobody was let in, or its controller was copied'
    case 'log.problem':
      return 'the log has a problem'
    case 'account.waiting':
      break
  }
  return 'a new account is waiting'
}

const aGuest = ({ isOwn }: Names): string => (isOwn ? 'a guest of yours' : 'a guest')

const whoWords = ({ people }: Rule, { person, isOwn }: Names, other: string): string => {
  if (isOwn) return 'you'
  if (!people) return other
  return alternatives(people.map((publicId) => person(publicId) ?? 'an erased person'))
}

const lockWords = ({ locks }: Rule, { door }: Names): string | undefined =>
  locks && alternatives(locks.map(door))

const NAMED_MAX = 3

/** Returns `Ada, Ben or Cleo`, or `Ada, Ben, Cleo or one of 4 others`. */
const alternatives = (names: readonly string[]): string => {
  const more = names.length - NAMED_MAX
  const shown = more > 1 ? [...names.slice(0, NAMED_MAX), `one of ${more} others`] : names
  return shown.length < 2
    ? shown.join('')
    : `${shown.slice(0, -1).join(', ')} or ${String(shown[shown.length - 1])}`
}
