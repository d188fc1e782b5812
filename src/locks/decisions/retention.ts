import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import { repeating } from '../../domain/repeating.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { Database } from '../../storage/database.ts'
import { lockdownsIn } from '../home/lockdown-store.ts'
import type { DecisionTime } from './attempt.ts'
import { decisionWrites } from './store.ts'

/** How long a repeat of an attempt gets the same answer. */
const KEPT_MS = 30 * DAY_MS

/** Attempts deleted in one transaction, so that nobody waits long for the writer. */
const STEP = 500

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly clock: () => DecisionTime
  /** Returns the newest certain time of the unlock log. */
  readonly certainMs: () => number
  readonly logger: Logger
}

/** Deletes attempts that are older than 30 days, and who used a grant then; their decisions stay in the unlock
 * log. Also removes lockdowns whose time is over, which would count again as soon as the clock is doubted. Does so once a
 * day, and never rejects. */
export const attemptRetention = ({ db, clock, certainMs, logger }: Dependencies) => {
  const { deleteAttemptsBefore, forgetUsersBefore } = decisionWrites(db)

  /** Returns when to try again. */
  const run = async (): Promise<number> => {
    const { nowMs, isDoubted } = clock()
    if (isDoubted) return HOUR_MS
    try {
      while ((await deleteAttemptsBefore(nowMs - KEPT_MS, STEP)) === STEP);
      await forgetUsersBefore(nowMs - KEPT_MS)
      await lockdownsIn(db, certainMs()).removeOver()
      return DAY_MS
    } catch (error) {
      logger.error({ err: error }, 'old attempts not deleted')
      return HOUR_MS
    }
  }

  return repeating(run)
}
