import type { Clock } from '../domain/clock.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Database } from '../storage/database.ts'
import { type ChangeDependencies, changes } from './core/changes.ts'
import { decisionModule } from './decisions/module.ts'
import { holidayRoutes } from './home/holiday-routes.ts'
import { holidayService } from './home/holidays.ts'
import { lockdownRoutes } from './home/lockdown-routes.ts'
import { lockdownService } from './home/lockdown.ts'
import { eraseFromLockdowns } from './home/lockdown-store.ts'
import { lockRoutes } from './registry/routes.ts'
import { lockService } from './registry/service.ts'

type Dependencies = ChangeDependencies & {
  readonly db: Database
  readonly clock: Clock
  readonly deciding: Omit<Parameters<typeof decisionModule>[0], 'db'>
}

/** Locks, and who may open them. */
export const locksModule = ({ db, clock, deciding, ...changing }: Dependencies) => {
  const shared = { db, clock, changes: changes({ db, ...changing }) }
  const locks = lockService(shared)
  const lockdowns = lockdownService(shared)
  const holidays = holidayService(shared)
  const decisions = decisionModule({ db, ...deciding })
  const routes: readonly Endpoint[] = [
    ...lockRoutes({ locks }),
    ...lockdownRoutes({ lockdowns }),
    ...holidayRoutes({ holidays }),
    ...decisions.routes,
  ]
  return {
    locks,
    lockdowns,
    holidays,
    decisions,
    routes,
    /** Forgets an account that is being erased, in its transaction. */
    eraseAccountIn: eraseFromLockdowns,
  }
}
