import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { Queries } from './database.ts'

/** Records audit events in a transaction, so that neither the change nor its event is without the
 * other. */
export type AuditIn = (tx: Pick<Queries, 'run'>) => { readonly record: RecordAuditEvent }
