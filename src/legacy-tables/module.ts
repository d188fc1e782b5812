import type { Endpoint } from '../http/endpoint.ts'
import { debugObstacle } from './debug.ts'
import { tableRoutes } from './routes.ts'
import { unlockTable, userTable } from './tables.ts'

type Dependencies = {
  readonly config: Parameters<typeof debugObstacle>[0]
  readonly accounts: {
    readonly store: { readonly page: Parameters<typeof userTable>[0] }
    readonly authentication: { readonly signInOnce: Parameters<typeof tableRoutes>[0]['signIn'] }
  }
  readonly unlocks: { readonly store: { readonly page: Parameters<typeof unlockTable>[0] } }
}

/** `/getLogs` and `/getUsers`, as the legacy server had them. */
export const legacyTables = ({ config, accounts, unlocks }: Dependencies): readonly Endpoint[] =>
  tableRoutes({
    isDebugging: config.debug && debugObstacle(config) === undefined,
    signIn: accounts.authentication.signInOnce,
    unlocks: unlockTable(unlocks.store.page),
    users: userTable(accounts.store.page),
  })
