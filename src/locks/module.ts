import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import { type ChangeDependencies, changes } from './core/changes.ts'
import { decisionModule } from './decisions/module.ts'
import { makeFirstLocks } from './first/first-locks.ts'
import { grantReading } from './grants/reading.ts'
import { grantRoutes } from './grants/routes.ts'
import { type People, grantService } from './grants/service.ts'
import { homeReader } from './home/home.ts'
import { holidayRoutes } from './home/holiday-routes.ts'
import { holidayService } from './home/holidays.ts'
import { lockdownRoutes } from './home/lockdown-routes.ts'
import { lockdownService } from './home/lockdown.ts'
import { rememberZone } from './home/zone.ts'
import { type UsedLabels, lockRoutes } from './registry/routes.ts'
import { personalAccess } from './person/access.ts'
import { lockService } from './registry/service.ts'
import { accessWithdrawals } from './restore/withdrawals.ts'

type Dependencies = ChangeDependencies & {
  readonly usedLabels: UsedLabels
  /** What first locks are made from. */
  readonly history: Pick<Parameters<typeof makeFirstLocks>[0], 'mostUsed' | 'size' | 'logClock'>
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly deciding: Omit<Parameters<typeof decisionModule>[0], 'db'>
  readonly people: People
}

type Begin = {
  /** Given by the service. */
  readonly zone?: string
  /** Called now and then with how far it is. */
  readonly onUpgrade?: ((done: string) => void) | undefined
}

/** Locks, and who may open them. */
export const locksModule = ({
  db,
  clock,
  logger,
  usedLabels,
  history,
  deciding,
  people,
  ...changing
}: Dependencies) => {
  const shared = { db, clock, changes: changes({ db, ...changing }) }
  const locks = lockService(shared)
  const lockdowns = lockdownService(shared)
  const holidays = holidayService(shared)
  const decisions = decisionModule({ db, ...deciding })
  const readHome = homeReader(deciding.zone)
  const grants = grantService({
    ...shared,
    people,
    readHome,
    isOnHomeNetwork: deciding.isOnHomeNetwork,
  })
  const reading = grantReading({ db, clock, readHome })
  const routes: readonly Endpoint[] = [
    ...lockRoutes({ locks, mayOpen: decisions.access.mayOpen, usedLabels }),
    ...lockdownRoutes({ lockdowns }),
    ...holidayRoutes({ holidays }),
    ...decisions.routes,
    ...grantRoutes({ grants, reading }),
  ]
  return {
    /** Makes the first locks of a home that has had none, and remembers the time zone of the home. Called when
     * the service starts, and by commands that change locks and grants, whose own zone does not count. Reports a
     * failure, after which the next start tries again: a log that is stopped or a full disk stops no start. */
    begin: async ({ zone, onUpgrade = () => {} }: Begin = {}): Promise<void> => {
      try {
        await makeFirstLocks({ ...shared, ...history, locks, grants }, onUpgrade)
        if (zone !== undefined) await rememberZone(shared, zone)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        logger.warn({ reason: error.message }, 'the first locks were not made')
      }
    },
    locks,
    lockdowns,
    holidays,
    decisions,
    grants,
    grantReading: reading,
    routes,
    access: personalAccess({ db, grants, reading }),
    withdrawAgain: accessWithdrawals({ ...shared, locks, lockdowns, grants }),
  }
}
