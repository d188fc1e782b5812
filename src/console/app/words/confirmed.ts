import { signal } from '@preact/signals'
import { type Unlock, TEST_METHOD } from './unlock.ts'

/** Since when controllers sign what happens at locks, in milliseconds by the label of the lock; empty for members. */
export const signingSince = signal<ReadonlyMap<string, number>>(new Map())

/** The names of the controllers by their ids; empty for members. */
export const controllerNames = signal<ReadonlyMap<string, string>>(new Map())

/** How long a lock has to confirm what a phone says. */
const CONFIRMED_MS_MAX = 2 * 60_000

/** Whether only a phone says that a lock opened which signs its openings. `unlock` says the most of its opening. */
export const isUnconfirmed = (unlock: Unlock, nowMs = Date.now()): boolean => {
  const { source, result, lock, method, repeat_of: repeatOf, received_at: receivedAt } = unlock
  const sinceMs = signingSince.value.get(lock)
  const receivedMs = Date.parse(receivedAt)
  return (
    source === 'claimed' &&
    result === 'unlocked' &&
    method !== TEST_METHOD &&
    repeatOf === null &&
    sinceMs !== undefined &&
    Date.parse(unlock.happened_at) >= sinceMs &&
    nowMs - receivedMs > CONFIRMED_MS_MAX
  )
}
