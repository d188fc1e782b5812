import { type UnlockEvent, isDoubted } from './event.ts'
import type { EventAnswer } from './schema.ts'

/** What the API shows of an event itself, without the events around it. */
export type EventJson = Omit<EventAnswer, 'repeat_of' | 'unit'>

export const eventJson = (event: UnlockEvent): EventJson => ({
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
  happened_at: new Date(event.happenedAtMs).toISOString(),
  delay_ms: event.occurredAtMs === null ? null : event.receivedAtMs - event.occurredAtMs,
  late: event.isLate,
  doubted: isDoubted(event),
  time_uncertain: event.isTimeUncertain,
})

/** Returns an event as the API shows it. */
export const listedJson = (
  event: UnlockEvent & { readonly repeatOf: number | null; readonly unit: string | null },
): EventAnswer => ({ ...eventJson(event), repeat_of: event.repeatOf, unit: event.unit })
