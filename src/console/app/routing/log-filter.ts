import { withQuery } from '../api/client.ts'
import { addDays, isDay, startOfDay } from '../time/zone.ts'

/** The filter of the log, as the address has it; days are those of the home's zone. */
export type LogFilter = Readonly<Record<FilterName, string>>
export type FilterName = (typeof FILTER_NAMES)[number]

export const FILTER_NAMES = [
  'text',
  'account',
  'unit',
  'method',
  'lock',
  'result',
  'from',
  'to',
] as const

const LOG = '/console/log'

/** Reads the filter from an address or a form, and leaves out invalid values. */
export const logFilter = (given: Readonly<Record<string, unknown>>): LogFilter => {
  const text = (name: FilterName): string => {
    const value = given[name]
    return typeof value === 'string' ? value.trim() : ''
  }
  // A year has fewer digits while it is typed.
  const day = (name: 'from' | 'to'): string =>
    isDay(text(name)) && text(name) > '1970-01-01' ? text(name) : ''
  return {
    text: text('text'),
    account: text('account'),
    unit: text('unit'),
    method: text('method'),
    lock: text('lock'),
    result: RESULTS.has(text('result')) ? text('result') : '',
    from: day('from'),
    to: day('to'),
  }
}

const RESULTS: ReadonlySet<string> = new Set([
  'unlocked',
  'permitted',
  'released',
  'failed',
  'denied',
])

/** The address of the log under a filter. */
export const logAddress = (filter: Partial<LogFilter>): string => withQuery(LOG, filter)

/** The address of an unlock's page. */
export const unlockAddress = (id: string): string => `${LOG}/${id}`

/** The filter as the API takes it: until the end of the last day. */
export const logQuery = ({ from, to, ...filter }: LogFilter, zone: string) => {
  const startOf = (day: string) => new Date(startOfDay(zone, day)).toISOString()
  return {
    ...filter,
    from: from && startOf(from),
    to: to && startOf(addDays(to, 1)),
  }
}
