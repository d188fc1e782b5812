import { withQuery } from './api.ts'
import { addDays, isDay, startOfDay } from './zone.ts'

/** What the log is narrowed to, as it stands in the address; days are the home's. */
export type LogFilter = Readonly<Record<FilterName, string>>
export type FilterName = (typeof FILTER_NAMES)[number]

export const FILTER_NAMES = ['text', 'account', 'method', 'lock', 'result', 'from', 'to'] as const

const LOG = '/console/log'

/** The filter of an address, or of a form; what makes no sense is left out. */
export const logFilter = (given: Readonly<Record<string, unknown>>): LogFilter => {
  const text = (name: FilterName): string => {
    const value = given[name]
    return typeof value === 'string' ? value.trim() : ''
  }
  const day = (name: 'from' | 'to'): string => (isDay(text(name)) ? text(name) : '')
  return {
    text: text('text'),
    account: text('account'),
    method: text('method'),
    lock: text('lock'),
    result: text('result') === 'denied' || text('result') === 'unlocked' ? text('result') : '',
    from: day('from'),
    to: day('to'),
  }
}

/** Where the log stands under a filter. */
export const logAddress = (filter: Partial<LogFilter>): string => withQuery(LOG, filter)

/** The page of one event. */
export const eventAddress = (id: string): string => `${LOG}/${id}`

/** The same filter as the API takes it: until the end of the last day. */
export const apiFilter = ({ from, to, ...filter }: LogFilter, zone: string) => {
  const startOf = (day: string) => new Date(startOfDay(zone, day)).toISOString()
  return {
    ...filter,
    from: from && startOf(from),
    to: to && startOf(addDays(to, 1)),
  }
}
