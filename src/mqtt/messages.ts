import type { HomeProblem, UnlockFacts } from '../domain/home-event.ts'

/** The longest state of a sensor that Home Assistant accepts. */
const WHO_CHARACTERS_MAX = 255

type Shown = { readonly unlock: UnlockFacts; readonly hasNames: boolean; readonly isLate: boolean }

/** Returns an unlock as an event. Home Assistant interprets some keys itself, such as `icon`, so the keys are fixed. */
export const unlockedJson = ({ isLate, ...shown }: Shown) => ({
  event_type: isLate ? 'unlocked_late' : 'unlocked',
  ...lastJson({ isLate, ...shown }),
})

/** Returns an unlock as the last one of its lock. */
export const lastJson = ({ unlock, hasNames, isLate }: Shown) => ({
  who: whoOf(unlock, hasNames),
  user_id: unlock.user_id,
  method: unlock.method,
  source: unlock.source,
  lock: unlock.lock,
  seq: unlock.seq,
  event_id: unlock.id,
  occurred_at: unlock.occurred_at,
  received_at: unlock.received_at,
  late: isLate,
  receipt: unlock.receipt,
})

/** Returns a denial as an event. */
export const deniedJson = ({ unlock, hasNames, isLate }: Shown) => ({
  event_type: 'denied',
  who: whoOf(unlock, hasNames),
  reason: unlock.reason,
  source: unlock.source,
  lock: unlock.lock,
  seq: unlock.seq,
  event_id: unlock.id,
  received_at: unlock.received_at,
  late: isLate,
  receipt: unlock.receipt,
})

/** Returns that a guest was let in, as an event. */
export const guestJson = ({ unlock, hasNames, isLate }: Shown) => ({
  event_type: isLate ? 'guest_opened_late' : 'guest_opened',
  who: whoOf(unlock, hasNames),
  source: unlock.source,
  lock: unlock.lock,
  seq: unlock.seq,
  event_id: unlock.id,
  received_at: unlock.received_at,
  late: isLate,
  receipt: unlock.receipt,
})

type Notice = {
  readonly event: HomeProblem
  readonly says: string
  readonly atMs: number
  readonly hasNames: boolean
}

/** Returns a problem of the home as an event. What guests are called is a name. */
export const noticeJson = ({ event, says, atMs, hasNames }: Notice) => ({
  event_type: event.replace('.', '_'),
  says: hasNames || event !== 'guest.problem' ? says : null,
  at: new Date(atMs).toISOString(),
})

/** Home Assistant counts characters as Python does: by code point. */
const whoOf = ({ who }: UnlockFacts, hasNames: boolean): string | null =>
  hasNames && who !== null ? Array.from(who).slice(0, WHO_CHARACTERS_MAX).join('') : null

/** The message on the topic of the unlock log: the result of its last verification. */
export type LogHealth = {
  readonly problem: boolean
  readonly size: number | null
  readonly root: string | null
  readonly checked_at: string | null
}
