import { withQuery } from './api.ts'
import { addDays, isDay, startOfDay } from './zone.ts'

/** What the audit trail is narrowed to, as it stands in the address; days are the home's. */
export type AuditFilter = Readonly<Record<(typeof NAMES)[number], string>>

const NAMES = ['action', 'result', 'actor', 'subject', 'from', 'to'] as const

const AUDIT = '/console/security/audit'

/** The filter of an address, or of a form; what makes no sense is left out. */
export const auditFilter = (given: Readonly<Record<string, string>>): AuditFilter => {
  const day = (text = ''): string => (isDay(text) ? text : '')
  const { action = '', result = '', actor = '', subject = '', from, to } = given
  return {
    action,
    result: result === 'success' || result === 'failure' ? result : '',
    actor,
    subject,
    from: day(from),
    to: day(to),
  }
}

/** Where the audit trail stands under a filter. */
export const auditAddress = (filter: Partial<AuditFilter> = {}): string => withQuery(AUDIT, filter)

/** The same filter as the API takes it: until the end of the last day. */
export const auditQuery = ({ from, to, ...filter }: AuditFilter, zone: string) => {
  const startOf = (day: string) => new Date(startOfDay(zone, day)).toISOString()
  return { ...filter, from: from && startOf(from), to: to && startOf(addDays(to, 1)) }
}
