import { COMMAND_LINE, type AuditEvent, type RecordAuditEvent } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../http/log/logger.ts'
import type { AuditStore } from './store.ts'

type Dependencies = {
  readonly store: Pick<AuditStore, 'append'>
  readonly logger: Logger
  readonly clock: Pick<Clock, 'wallMs'>
  /** Called after each audit event is stored. */
  readonly onRecord?: (event: AuditEvent) => void
}

/** Returns the one function that records audit events: durably in the database, and in the log of the
 * process. An event that cannot be stored is still in that log, and makes the action it is about
 * fail. */
export const auditRecorder =
  ({ store, logger, clock, onRecord }: Dependencies): RecordAuditEvent =>
  async ({ address, requestId, account }, event, tx) => {
    const actor = event.actor ?? account?.publicId ?? systemUserAt(address)
    const { action, result, subject, detail } = event
    logger[result === 'failure' ? 'warn' : 'info'](
      { action, result, actor, subject, client: address, request_id: requestId, detail },
      'audit event',
    )
    const stored = {
      ...event,
      ...(actor ? { actor } : {}),
      atMs: clock.wallMs(),
      address,
      requestId,
    }
    await store.append(stored, tx)
    onRecord?.(event)
  }

/** The user at the command line, by number: a name is personal data and would stay forever. */
const systemUserAt = (address: string): string | undefined =>
  address === COMMAND_LINE.address ? `uid:${process.getuid?.()}` : undefined
