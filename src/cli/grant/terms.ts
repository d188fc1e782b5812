import type { parseArgs } from 'node:util'
import { DAYS, type Day } from '../../locks/rules/grant.ts'
import { type Options, UsageError } from '../command/command.ts'
import { boundFrom } from './home-time.ts'

/** The options that say when a grant opens. */
export const TERMS = {
  days: {
    type: 'string',
    value: 'DAYS',
    summary: 'days on which it opens, such as mon-fri or sat,sun',
  },
  from: { type: 'string', value: 'HH:MM', summary: 'from this time on those days' },
  until: {
    type: 'string',
    value: 'HH:MM',
    summary: 'until this time, on the next day if it is not after --from',
  },
  starts: {
    type: 'string',
    value: 'TIME',
    summary:
      'the first day, such as 2027-03-31, or when the grant starts, such as 2027-03-31T15:00',
  },
  ends: { type: 'string', value: 'TIME', summary: 'the last day, or when the grant ends' },
  uses: { type: 'string', value: 'COUNT', summary: 'how many visits it allows' },
  holidays: {
    type: 'string',
    value: 'HOURS',
    summary: 'on holidays: ignore (no change), closed, or hours such as 10:00-12:00',
  },
  'home-network': {
    type: 'boolean',
    default: false,
    summary: 'only on the home network',
  },
  key: {
    type: 'string',
    value: 'KEY',
    summary: 'your own id; a repeat with the same key creates no second grant',
  },
} as const satisfies Options

type Values = ReturnType<typeof parseArgs<{ options: typeof TERMS }>>['values']

/** Returns what the options ask for, in the form of a request. */
export const askedBy = (values: Values) => {
  const { days, from = '00:00', until = '24:00', starts, ends, uses, holidays } = values
  const hasWindow = [days, values.from, values.until].some((option) => option !== undefined)
  return {
    ...(hasWindow ? { windows: [{ days: daysFrom(days), from, until }] } : {}),
    ...(holidays === undefined ? {} : { holidays: holidaysFrom(holidays) }),
    ...(starts === undefined ? {} : { starts_at: boundFrom(starts, 'first') }),
    ...(ends === undefined ? {} : { ends_at: boundFrom(ends, 'last') }),
    ...(uses === undefined ? {} : { uses: Number(uses) }),
    home_network: values['home-network'],
  }
}

const holidaysFrom = (text: string) => {
  if (text === 'ignore' || text === 'closed') return text
  const [, from, until] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? []
  if (from === undefined)
    throw new UsageError('--holidays must be ignore, closed, or hours such as 10:00-12:00')
  return [{ from, until }]
}

/** Reads `mon-fri`, `sat,sun`, `fri-mon,wed`; all days without a text. */
const daysFrom = (text: string | undefined): readonly Day[] => {
  if (text === undefined) return DAYS
  const parts = text.toLowerCase().split(',')
  return [...new Set(parts.flatMap((part) => daysOf(part.trim())))]
}

const daysOf = (part: string): readonly Day[] => {
  const [first, last] = part.split('-').map((word) => DAYS.findIndex((day) => day === word))
  const isRange = part.includes('-')
  if (first === undefined || first < 0 || (isRange && (last === undefined || last < 0)))
    throw new UsageError(`--days must be days (${DAYS.join(', ')}) such as mon-fri or sat,sun`)
  const count = isRange ? ((Number(last) - first + DAYS.length) % DAYS.length) + 1 : 1
  return Array.from({ length: count }, (_, index) => DAYS[(first + index) % DAYS.length]).filter(
    (day) => day !== undefined,
  )
}
