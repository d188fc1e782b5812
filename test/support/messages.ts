import type { Message, UnlockFacts } from '../../src/domain/home-event.ts'
import { type Notification, notificationOf } from '../../src/notify/words.ts'

const UNLOCK: UnlockFacts = {
  seq: 4711,
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  who: 'Ada',
  user_id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  method: 'fingerprint',
  result: 'unlocked',
  source: 'claimed',
  lock: 'front-door',
  lock_name: 'Front door',
  reason: null,
  occurred_at: null,
  happened_at: '2026-11-28T14:00:00.000Z',
  received_at: '2026-11-28T14:00:00.000Z',
  late: false,
  receipt: 'https://lock.home/console/log/0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
}

/** A message of an unlock of Ada’s, or of what is given. */
export const messageAbout = (
  about: Message['about'] = { event: 'unlocked', unlock: UNLOCK },
): Message => ({
  id: 'unlock' in about ? about.unlock.id : 'target-7',
  createdAtMs: Date.parse('2026-11-28T14:00:00.000Z'),
  about,
})

export const unlockOf = (given: Partial<UnlockFacts>): Message =>
  messageAbout({ event: 'unlocked', unlock: { ...UNLOCK, ...given } })

export const denialOf = (given: Partial<UnlockFacts>): Message =>
  messageAbout({ event: 'denied', unlock: { ...UNLOCK, ...given } })

/** A message in words, in a home in Berlin. */
export const inWords = (message: Message): Notification =>
  notificationOf(message, { zone: () => 'Europe/Berlin', linkBase: 'https://lock.home' })
