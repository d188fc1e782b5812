import type { NewReport } from '../../domain/access.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { localWindows } from '../../domain/limits/windows.ts'
import { RateLimitError } from '../../http/errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { Outcome, UnlockLog } from './service.ts'

type Dependencies = {
  readonly unlockLog: Pick<UnlockLog, 'report'>
  /** Throws `unavailable` if the disk has no room. */
  readonly requireRoom: () => void
  readonly logger: Logger
}

/** More than any lock sends: beyond that, somebody at the broker is forging reports. */
export const REPORTS_PER_HOUR_MAX = 600

/** Returns a function that records reports of locks. It throws RateLimitError if a lock reports too much within an hour,
 * and `unavailable` if the disk is full. Repeated reports do not count. */
export const reportRecorder = ({ unlockLog, requireRoom, logger }: Dependencies) => {
  // The leader alone hears locks.
  const reports = localWindows()
  return async (report: NewReport): Promise<Outcome> => {
    const { lock } = report
    requireRoom()
    const window = reports.add(lock, 1, HOUR_MS)
    const { count, endMs } = window
    if (count > REPORTS_PER_HOUR_MAX) {
      if (count === REPORTS_PER_HOUR_MAX + 1)
        logger.warn(
          { lock },
          'a lock reports more than it can do; the rest of the hour is not recorded',
        )
      const waitMs = endMs - reports.nowMs()
      throw new RateLimitError(waitMs, `A lock may report ${REPORTS_PER_HOUR_MAX} events an hour`)
    }
    const outcome = await unlockLog.report(report)
    if (outcome.status === 'duplicate') reports.takeBack(lock, window, 1)
    return outcome
  }
}
