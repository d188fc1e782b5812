import type { RecordAnswer } from './schema.ts'
import type { AuditRecord } from './store.ts'

/** A record as the API and the command line show it. */
export const recordJson = ({ atMs, requestId, ...record }: AuditRecord): RecordAnswer => ({
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
