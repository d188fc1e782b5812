import type { AuditEventAnswer } from './schema.ts'
import type { StoredAuditEvent } from './store.ts'

/** A record as the API and the command line show it. */
export const auditEventJson = ({
  atMs,
  requestId,
  ...record
}: StoredAuditEvent): AuditEventAnswer => ({
  seq: record.seq,
  at: new Date(atMs).toISOString(),
  action: record.action,
  result: record.result,
  actor: record.actor,
  subject: record.subject,
  address: record.address,
  request_id: requestId,
  detail: record.detail,
})
