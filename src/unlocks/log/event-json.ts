import type { EventAnswer } from './schema.ts'
import type { UnlockEvent } from './event.ts'

/** Returns an event as the API shows it. */
export const eventJson = (event: UnlockEvent): EventAnswer => ({
  seq: event.seq,
  id: event.id,
  account: event.person?.accountPublicId || null,
  username: event.person?.username ?? null,
  lock: event.lock,
  method: event.person?.method ?? null,
  result: event.result,
  reason: event.reason,
  source: event.source,
  occurred_at: event.occurredAtMs === null ? null : new Date(event.occurredAtMs).toISOString(),
  received_at: new Date(event.receivedAtMs).toISOString(),
  delay_ms: event.occurredAtMs === null ? null : event.receivedAtMs - event.occurredAtMs,
  late: event.isLate,
  time_uncertain: event.isTimeUncertain,
})
