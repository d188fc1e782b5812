import type { NewRecord, NewReport } from '../domain/access.ts'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { Database, Queries, Transaction } from './database.ts'

/** Records audit events in a transaction, so that neither the change nor its event is without the
 * other. */
export type AuditIn = (tx: Pick<Queries, 'run'>) => { readonly record: RecordAuditEvent }

/** Adds records to the unlock log in a transaction, so that a change and its leaf are stored together. */
export type RecordIn = (tx: Transaction) => { readonly add: (record: NewRecord) => void }

/** Adds a lock's report to the unlock log in a transaction, so that it and what follows from it are stored together. */
export type ReportIn = (tx: Transaction) => { readonly add: (report: NewReport) => void }

/** Returns the database for work that only the leader does: its writes reject with `unavailable` once another process
 * leads, even if this one has not noticed yet. */
export const databaseOfLeader = (db: Database): Database => {
  if (db.isFile) return db
  const transaction: Database['transaction'] = (work) =>
    db.transaction(async (tx) => {
      await db.leading.requireIn(tx)
      return work(tx)
    })
  return {
    ...db,
    transaction,
    run: (sql, ...params) => transaction((tx) => tx.run(sql, ...params)),
  }
}
