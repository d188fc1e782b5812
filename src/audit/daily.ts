import type { Actor, AuditEvent, RecordAuditEvent } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import { DAY_MS } from '../domain/duration.ts'
import type { Logger } from '../http/log/logger.ts'
import { clientKey } from '../http/request/client-address.ts'

type Dependencies = {
  readonly record: RecordAuditEvent
  readonly logger: Logger
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** Clients remembered for each action, and so the most events a day. */
const CLIENTS_MAX = 10

/** Records a state that lasts, such as a proxy that is set up wrongly: once a day for each action and
 * client. Returns whether it recorded the event. Never rejects. */
export const dailyRecorder = ({ record, logger, clock }: Dependencies) => {
  const recordedMs = new Map<string, Map<string, number>>()
  return async (from: Actor, event: AuditEvent): Promise<boolean> => {
    const nowMs = clock.monotonicMs()
    const clients = recordedMs.get(event.action) ?? new Map<string, number>()
    recordedMs.set(event.action, clients)
    const client = clientKey(from.address)
    const isRecent = nowMs - (clients.get(client) ?? Number.NEGATIVE_INFINITY) < DAY_MS
    if (isRecent) return false
    for (const [known, atMs] of clients) if (nowMs - atMs >= DAY_MS) clients.delete(known)
    if (clients.size >= CLIENTS_MAX) return false
    clients.set(client, nowMs)
    try {
      await record(from, event)
      return true
    } catch (error) {
      clients.delete(client)
      logger.error({ err: error }, 'audit event not recorded')
      return false
    }
  }
}
