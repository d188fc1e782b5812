import { COMMAND_LINE, type RecordAuditEvent, type AuditEvent } from '../domain/audit-event.ts'
import type { Logger } from '../http/log/logger.ts'
import type { AuditStore } from './store.ts'

type Dependencies = {
  readonly store: Pick<AuditStore, 'append'>
  readonly logger: Logger
  readonly now: () => number
  /** Told of what has been recorded. */
  readonly seen?: (event: AuditEvent) => void
}

/** Gives the one way an audit event is recorded: durably in the audit trail, and in the process
 * log. A record that the disk does not take is still in the log, and fails what it was about. */
export const auditRecorder =
  ({ store, logger, now, seen }: Dependencies): RecordAuditEvent =>
  async ({ address, requestId, account }, event, tx) => {
    const actor = event.actor ?? account?.publicId ?? systemUserAt(address)
    const { action, result, subject, detail } = event
    logger[result === 'failure' ? 'warn' : 'info'](
      { action, result, actor, subject, client: address, request_id: requestId, detail },
      'audit event',
    )
    const record = { ...event, ...(actor ? { actor } : {}), atMs: now(), address, requestId }
    await store.append(record, tx)
    seen?.(event)
  }

/** Whoever has the command line, by number: a name is personal, and would stay for ever. */
const systemUserAt = (address: string): string | undefined =>
  address === COMMAND_LINE.address ? `uid:${process.getuid?.()}` : undefined
