import type { Clock } from '../domain/clock.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Database } from '../storage/database.ts'
import { type ChangeDependencies, changes } from './core/changes.ts'
import { decisionModule } from './decisions/module.ts'
import { grantReading } from './grants/reading.ts'
import { grantRoutes } from './grants/routes.ts'
import { type People, grantService } from './grants/service.ts'
import { homeReader } from './home/home.ts'
import { holidayRoutes } from './home/holiday-routes.ts'
import { holidayService } from './home/holidays.ts'
import { lockdownRoutes } from './home/lockdown-routes.ts'
import { lockdownService } from './home/lockdown.ts'
import { personalAccess } from './person/access.ts'
import { lockRoutes } from './registry/routes.ts'
import { lockService } from './registry/service.ts'

type Dependencies = ChangeDependencies & {
  readonly db: Database
  readonly clock: Clock
  readonly deciding: Omit<Parameters<typeof decisionModule>[0], 'db'>
  readonly people: People
}

/** Locks, and who may open them. */
export const locksModule = ({ db, clock, deciding, people, ...changing }: Dependencies) => {
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
    ...lockRoutes({ locks }),
    ...lockdownRoutes({ lockdowns }),
    ...holidayRoutes({ holidays }),
    ...decisions.routes,
    ...grantRoutes({ grants, reading }),
  ]
  return {
    locks,
    lockdowns,
    holidays,
    decisions,
    grants,
    grantReading: reading,
    routes,
    access: personalAccess({ db, grants, reading }),
  }
}
