import { type AuditEvent, COMMAND_LINE } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../http/log/logger.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import type { AuditStore } from './store.ts'

type Dependencies = {
  readonly store: Pick<AuditStore, 'append'>
  readonly logger: Logger
  readonly clock: Pick<Clock, 'wallMs'>
  /** Called after each audit event is stored. */
  readonly onRecord?: (event: AuditEvent) => void
}

/** Returns the only way to record audit events: durably in the database, in the given transaction
 * (or alone, given the database), and in the process's log. An event that cannot be stored is still
 * logged, and its action fails. */
export const auditRecorder =
  ({ store, logger, clock, onRecord }: Dependencies): AuditIn =>
  (tx) => ({
    record: async ({ address, requestId, account, token }, given) => {
      // Distinguishes what a script does in somebody's name from what they do themselves.
      const event = token ? { ...given, detail: { ...given.detail, token: token.id } } : given
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
    },
  })

/** The user at the command line, by number: a name is personal data and would stay forever. */
const systemUserAt = (address: string): string | undefined =>
  address === COMMAND_LINE.address ? `uid:${process.getuid?.()}` : undefined
