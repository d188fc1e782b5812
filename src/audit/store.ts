import type { SecurityEvent } from '../http/access.ts'
import type { Database, Queries } from '../storage/database.ts'

export type AuditStore = ReturnType<typeof auditStore>

type NewRecord = SecurityEvent & {
  readonly atMs: number
  readonly address: string
  readonly requestId: string | undefined
}

/** The audit trail in the database; a trigger keeps it from being changed. */
export const auditStore = (db: Database) => ({
  /** Appends a record, by itself or in a transaction. */
  append: async (record: NewRecord, writes: Pick<Queries, 'run'> = db): Promise<void> => {
    await writes.run(
      `INSERT INTO audit_event (
         seq,
         at_ms,
         action,
         result,
         actor,
         subject,
         address,
         request_id,
         detail
       ) SELECT coalesce(max(seq) + 1, 0), ?, ?, ?, ?, ?, ?, ?, ? FROM audit_event`,
      record.atMs,
      record.action,
      record.result,
      record.actor ?? null,
      record.subject ?? null,
      record.address,
      record.requestId ?? null,
      JSON.stringify(record.detail ?? {}),
    )
  },

  /** Removes the addresses from which a person acted, or somebody in their name. */
  eraseAddressesOf: (publicId: string): Promise<number> =>
    db.run(
      `UPDATE audit_event
       SET address = NULL
       WHERE (actor = ? OR (subject = ? AND actor IS NULL)) AND address IS NOT NULL`,
      publicId,
      publicId,
    ),
})
