import type { AuditEventAnswer } from './schema.ts'
import type { StoredAuditEvent } from './store.ts'

/** Returns an audit event as the API and the command line show it. */
export const auditEventJson = ({
  atMs,
  requestId,
  ...event
}: StoredAuditEvent): AuditEventAnswer => ({
  seq: event.seq,
  at: new Date(atMs).toISOString(),
  action: event.action,
  result: event.result,
  actor: event.actor,
  subject: event.subject,
  address: event.address,
  request_id: requestId,
  detail: event.detail,
})
