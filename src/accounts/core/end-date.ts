import type { Clock } from '../../domain/clock.ts'
import { lastDay } from '../../domain/last-day.ts'
import { AppError } from '../../errors.ts'

/** The clocks that decide what has ended. */
export type EndClock = Pick<Clock, 'nonDecreasingMs'> & {
  /** The time of day that has come for certain: while the gateway's clock is doubted, it ends nobody's
   * access. */
  readonly certainMs: () => number
}

/** What says whether an account is open: `disabled_at_ms`, and `ends_at_ms` against `certainMs`, which is the
 * one parameter. From its end on, an account is treated as disabled. */
export const isOpen = (account = 'account'): string =>
  `${account}.disabled_at_ms IS NULL AND coalesce(${account}.ends_at_ms > ?, TRUE)`

/** Returns whether the end of an account has come. */
export const hasEnded = (
  { endsAtMs }: { readonly endsAtMs: number | null },
  { certainMs }: Pick<EndClock, 'certainMs'>,
): boolean => endsAtMs !== null && endsAtMs <= certainMs()

/** What people whose access has ended are told, and only after their password. */
export const accessEnded = (endsAtMs: number, zone: string): AppError =>
  new AppError('unauthorized', `Your access ended on ${lastDay(endsAtMs, zone)}. Ask an owner.`, {
    reason: 'access_ended',
  })
