import { HOME_EVENTS, type HomeEventKind, type Rule } from '../../domain/home-event.ts'
import { UsageError } from '../command/command.ts'

const EVENTS = Object.keys(HOME_EVENTS) as HomeEventKind[]

/** How `--when` is written. */
export const WHEN_FORM = 'EVENT[,who=NAME][,lock=LABEL][,hours=HH:MM-HH:MM]'

/** Parses a rule: `unlocked,who=ada,hours=22:00-06:00`. `idOf` returns the public id of a person by
 * name. */
export const ruleFrom = async (
  text: string,
  idOf: (username: string) => Promise<string>,
): Promise<Rule> => {
  const [event, ...conditions] = text.split(',')
  const on = EVENTS.find((known) => known === event)
  if (!on) throw new UsageError(`--when must begin with ${EVENTS.join(', ')}, as in ${WHEN_FORM}`)
  const locks: string[] = []
  const people: string[] = []
  let hours: Rule['hours']
  for (const condition of conditions) {
    const [, name, value = ''] = /^(who|lock|hours)=(.+)$/s.exec(condition) ?? []
    if (name === 'who') people.push(await idOf(value))
    else if (name === 'lock') locks.push(value)
    else if (name === 'hours') hours = hoursFrom(value, '--when')
    else throw new UsageError(`--when must look like ${WHEN_FORM}`)
  }
  return {
    on,
    ...(locks.length > 0 ? { locks } : {}),
    ...(people.length > 0 ? { people } : {}),
    ...(hours ? { hours } : {}),
  }
}

/** Parses `22:00-06:00`. */
export const hoursFrom = (text: string, option: string): NonNullable<Rule['hours']> => {
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? []
  if (from === undefined || to === undefined)
    throw new UsageError(`${option} must have hours such as 22:00-06:00`)
  return { from, to }
}
