import type { Clock } from '../../domain/clock.ts'
import { lastDay } from '../../domain/calendar/last-day.ts'
import { AppError } from '../../errors.ts'

/** The clocks that decide what has ended. */
export type EndClock = Pick<Clock, 'nonDecreasingMs'> & {
  /** A time that has certainly come: while the gateway's clock is not trusted, it ends nobody's access. */
  readonly certainMs: () => number
}

/** The SQL condition that an account is open: it is not disabled, and `ends_at_ms` is after `certainMs`, the
 * only parameter. From its end on, an account is treated as disabled. */
export const isOpen = (account = 'account'): string =>
  `${account}.disabled_at_ms IS NULL AND coalesce(${account}.ends_at_ms > ?, TRUE)`

/** Returns whether the end of an account has come. */
export const hasEnded = (
  { endsAtMs }: { readonly endsAtMs: number | null },
  { certainMs }: Pick<EndClock, 'certainMs'>,
): boolean => endsAtMs !== null && endsAtMs <= certainMs()

/** The error for people whose access has ended, sent only after the right password. */
export const accessEnded = (endsAtMs: number, zone: string): AppError =>
  new AppError('unauthorized', `Your access ended on ${lastDay(endsAtMs, zone)}. Ask an owner.`, {
    reason: 'access_ended',
  })
