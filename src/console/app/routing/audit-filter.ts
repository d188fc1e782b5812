import { withQuery } from '../api/client.ts'
import { addDays, isDay, startOfDay } from '../time/zone.ts'

/** The filter of the audit events, as the address has it; days are those of the home's zone. */
export type AuditFilter = Readonly<Record<(typeof NAMES)[number], string>>

const NAMES = ['action', 'result', 'actor', 'subject', 'from', 'to'] as const

const AUDIT = '/console/security/audit'

/** Reads the filter from an address, and leaves out invalid values. */
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

/** The address of the audit events under a filter. */
export const auditAddress = (filter: Partial<AuditFilter> = {}): string => withQuery(AUDIT, filter)

/** The filter as the API takes it: until the end of the last day. */
export const auditQuery = ({ from, to, ...filter }: AuditFilter, zone: string) => {
  const startOf = (day: string) => new Date(startOfDay(zone, day)).toISOString()
  return { ...filter, from: from && startOf(from), to: to && startOf(addDays(to, 1)) }
}
