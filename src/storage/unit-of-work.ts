import type { NewRecord, NewReport } from '../domain/access.ts'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { Queries, Transaction } from './database.ts'

/** Records audit events in a transaction, so that neither the change nor its event is without the
 * other. */
export type AuditIn = (tx: Pick<Queries, 'run'>) => { readonly record: RecordAuditEvent }

/** Adds records to the unlock log in a transaction, so that a change and its leaf are stored together. */
export type RecordIn = (tx: Transaction) => { readonly add: (record: NewRecord) => void }

/** Adds a lock's report to the unlock log in a transaction, so that it and what follows from it are stored together. */
export type ReportIn = (tx: Transaction) => { readonly add: (report: NewReport) => void }
