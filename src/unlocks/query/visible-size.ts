import { type Account, hasRole } from '../../domain/account.ts'
import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { UnlockLog } from '../recording/service.ts'
import type { UnlockStore } from '../log/store.ts'

type Dependencies = {
  readonly unlockLog: Pick<UnlockLog, 'head'>
  readonly store: Pick<UnlockStore, 'countBefore' | 'sizeAtNewestOf'>
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  /** The longest time between the receipt of an event and when every replica can read it. */
  readonly commitMs: number
}

/** Returns how many events of the log an account may know of. */
export type VisibleSize = (account: Account) => Promise<number>

/** Admins and owners know the whole log. Members know it up to their own newest event or, if that is
 * more, up to the last full hour: the size of the log must not tell when somebody else opened the
 * door. */
export const visibleSize = ({ unlockLog, store, clock, commitMs }: Dependencies): VisibleSize => {
  let hour = { startMs: 0, size: 0 }
  // Counted once an hour, so that a clock which was set back still reveals nothing in between, and only once nothing can
  // be added to the last hour, so that all replicas count the same.
  const sizeAtFullHour = async (): Promise<number> => {
    const startMs = Math.floor((clock.nonDecreasingMs() - commitMs) / HOUR_MS) * HOUR_MS
    if (startMs > hour.startMs)
      hour = { startMs, size: Math.max(hour.size, await store.countBefore(startMs)) }
    return hour.size
  }
  const sizeFor = async (publicId: string): Promise<number> => {
    const size = await sizeAtFullHour()
    // A day earlier, in case the clock was set back.
    return Math.max(size, await store.sizeAtNewestOf(publicId, hour.startMs - DAY_MS))
  }
  return async (account) =>
    hasRole(account, 'admin') ? (await unlockLog.head()).size : await sizeFor(account.publicId)
}
