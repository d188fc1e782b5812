import { expect, test } from 'bun:test'
import type { UnlockFacts } from '../../src/domain/home-event.ts'
import { deniedJson, lastJson, unlockedJson } from '../../src/mqtt/messages.ts'

const UNLOCK: UnlockFacts = {
  seq: 4711,
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  who: 'Alice',
  user_id: 'u',
  method: 'fingerprint',
  result: 'unlocked',
  source: 'claimed',
  lock: 'front-door',
  lock_name: 'Front door',
  reason: null,
  occurred_at: null,
  happened_at: '2026-11-29T10:25:28.080Z',
  received_at: '2026-11-29T10:25:28.080Z',
  late: false,
  receipt: 'https://gateway.local:8443/console/log/x',
}

const LAST = {
  who: 'Alice',
  user_id: 'u',
  method: 'fingerprint',
  source: 'claimed',
  lock: 'front-door',
  seq: 4711,
  event_id: UNLOCK.id,
  occurred_at: null,
  received_at: UNLOCK.received_at,
  late: false,
  receipt: UNLOCK.receipt,
}

test('an unlock has fixed keys, and is late or not', () => {
  const shown = { unlock: UNLOCK, hasNames: true, isLate: false }
  expect(unlockedJson(shown)).toStrictEqual({ event_type: 'unlocked', ...LAST })
  expect(lastJson(shown)).toStrictEqual(LAST)
  expect(unlockedJson({ ...shown, isLate: true })).toStrictEqual({
    event_type: 'unlocked_late',
    ...LAST,
    late: true,
  })
})

test('a denial says why', () => {
  const unlock = { ...UNLOCK, who: null, user_id: null, reason: 'no_grant', source: 'observed' }
  expect(deniedJson({ unlock, hasNames: true, isLate: false })).toStrictEqual({
    event_type: 'denied',
    who: null,
    reason: 'no_grant',
    source: 'observed',
    lock: 'front-door',
    seq: 4711,
    event_id: UNLOCK.id,
    received_at: UNLOCK.received_at,
    late: false,
    receipt: UNLOCK.receipt,
  })
})

test('names have 255 characters at most, as Home Assistant counts them, and can be left out', () => {
  const whoOf = (who: string | null, hasNames = true) =>
    unlockedJson({ unlock: { ...UNLOCK, who }, hasNames, isLate: false }).who
  expect(whoOf('x'.repeat(300))).toBe('x'.repeat(255))
  expect(whoOf('🔑'.repeat(255))).toBe('🔑'.repeat(255))
  expect(whoOf('🔑'.repeat(256))).toBe('🔑'.repeat(255))
  expect(whoOf("O'Brien <b>{{ 7*7 }}</b>")).toBe("O'Brien <b>{{ 7*7 }}</b>")
  expect(whoOf('Alice', false)).toBeNull()
  expect(whoOf(null)).toBeNull()
})
