import { type PersonalText, type UnlockEvent, isDoubted } from './event.ts'
import type { EventAnswer } from './schema.ts'

/** What the API shows of an event itself, without the events around it. */
export type EventJson = Omit<EventAnswer, 'repeat_of' | keyof Around>

/** What the API shows of what is around an event, which is not part of it. */
type Around = Pick<EventAnswer, 'unit' | 'token' | 'delivery' | 'outcome' | 'confirmed'>

/** An event without the hashes that prove it. */
type ShownEvent = Omit<UnlockEvent, 'person' | 'personHash' | 'leafHash'> & {
  readonly person: PersonalText | undefined
}

export const eventJson = (event: ShownEvent): EventJson => {
  const { person, occurredAtMs, receivedAtMs, happenedAtMs } = event
  const receivedAt = textOf(receivedAtMs)
  const occurredAt = occurredAtMs === null ? null : textOf(occurredAtMs)
  // Nearly always one of the other two times, whose text is known.
  const happenedAt =
    happenedAtMs === receivedAtMs
      ? receivedAt
      : occurredAt !== null && happenedAtMs === occurredAtMs
        ? occurredAt
        : textOf(happenedAtMs)
  return {
    seq: event.seq,
    id: event.id,
    account: person?.accountPublicId || null,
    username: person?.username ?? null,
    lock: event.lock,
    method: person?.method ?? null,
    result: event.result,
    reason: event.reason,
    source: event.source,
    occurred_at: occurredAt,
    received_at: receivedAt,
    happened_at: happenedAt,
    delay_ms: occurredAtMs === null ? null : receivedAtMs - occurredAtMs,
    late: event.isLate,
    doubted: isDoubted(event),
    time_uncertain: event.isTimeUncertain,
    attempt: event.attemptId ?? null,
    grant: person?.grantId ?? null,
    reporter: event.reporter ?? null,
    guest: person?.guest ? { pass: person.guest.passId } : null,
  }
}

const textOf = (ms: number): string => new Date(ms).toISOString()

type ListedEvent = ShownEvent & Around & { readonly repeatOf: number | null }

/** Returns an event as the API shows it. */
export const listedJson = (event: ListedEvent): EventAnswer => {
  const { repeatOf: repeat_of, unit, token, delivery, outcome, confirmed } = event
  return Object.assign(eventJson(event), {
    repeat_of,
    unit,
    token,
    delivery,
    outcome,
    confirmed,
  })
}
