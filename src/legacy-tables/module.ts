import type { Config } from '../config/config.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { tableRoutes } from './routes.ts'
import { unlockTable, userTable } from './tables.ts'

type Dependencies = {
  readonly config: Pick<Config, 'debug'>
  readonly accounts: {
    readonly store: { readonly page: Parameters<typeof userTable>[0] }
    readonly authentication: { readonly signInOnce: Parameters<typeof tableRoutes>[0]['signIn'] }
  }
  readonly unlocks: { readonly store: { readonly page: Parameters<typeof unlockTable>[0] } }
}

/** `/getLogs` and `/getUsers`, as the legacy server had them. */
export const legacyTables = ({ config, accounts, unlocks }: Dependencies): readonly Endpoint[] =>
  tableRoutes({
    isOpenLocally: config.debug,
    signIn: accounts.authentication.signInOnce,
    unlocks: unlockTable(unlocks.store.page),
    users: userTable(accounts.store.page),
  })
