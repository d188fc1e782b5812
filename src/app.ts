import { join } from 'node:path'
import { Elysia } from 'elysia'
import { version } from '../package.json'
import { passwordHasher } from './accounts/password-hasher.ts'
import { passwordPolicy } from './accounts/password-policy.ts'
import { accountRoutes } from './accounts/routes.ts'
import { accountService } from './accounts/service.ts'
import { accountStore } from './accounts/store.ts'
import type { Config } from './config.ts'
import { consoleRoutes } from './console/routes.ts'
import { tableRoutes } from './debug/routes.ts'
import { unlockTable, userTable } from './debug/tables.ts'
import { accessTokens } from './http/access-tokens.ts'
import { crossOrigin } from './http/cross-origin.ts'
import { endpointsOf } from './http/endpoints.ts'
import { errorAnswers } from './http/errors.ts'
import { bodyReader } from './http/json-body.ts'
import type { Log } from './http/log.ts'
import { openapiRoutes } from './http/openapi.ts'
import { requestLog } from './http/request-log.ts'
import { responseHeaders } from './http/response-headers.ts'
import { unmatchedRoutes } from './http/unmatched.ts'
import { healthRoutes } from './ops/routes.ts'
import { opsStore } from './ops/store.ts'
import { openDatabase } from './storage/open.ts'
import { makePrivateFolder, secretFile } from './storage/private-files.ts'
import { unlockRoutes } from './unlocks/routes.ts'
import { unlockStore } from './unlocks/store.ts'

type Dependencies = {
  readonly log: Log
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
}

export type App = ReturnType<typeof openApp>

/** Joins everything: settings -> database -> stores -> services -> routes. Throws AppError
 * `unavailable` where the data folder, a key or the database cannot be used. */
export const openApp = (config: Config, { log, now = Date.now }: Dependencies) => {
  const tokenLifetimeMs = config.accessTokenMinutes * 60_000

  makePrivateFolder(config.dataDir)
  const secret = config.jwtSecretKey || secretFile(join(config.dataDir, 'jwt-secret-key'))
  const db = openDatabase(config.databaseUri)
  const people = accountStore(db, now)
  const unlocks = unlockStore(db, now)

  const accounts = accountService({
    store: people,
    hasher: passwordHasher({ concurrency: navigator.hardwareConcurrency, waitingMax: 16 }),
    isWeak: passwordPolicy({
      minLength: config.passwordMinLength,
      useBlocklist: config.passwordBlocklist === 'on',
    }),
    tokens: accessTokens({ secret, lifetimeMs: tokenLifetimeMs, now }),
    tokenLifetimeMs,
  })

  const readBody = bodyReader(config.bodyBytesMax)
  const endpoints = endpointsOf({
    trustedProxies: config.trustedProxies,
    limits: {
      auth: config.rateLimitAuth,
      unlock: config.rateLimitUnlock,
      default: config.rateLimitDefault,
    },
    authenticate: accounts.authenticate,
  })

  const routes = new Elysia({
    strictPath: true,
    nativeStaticResponse: false,
    // Else a path under a name of three letters or fewer, such as http://pi/, is cut wrongly.
    handler: { standardHostname: false },
  })
    .use(requestLog(log))
    .use(responseHeaders({ hasTls: config.tlsCertFile !== '' }))
    .use(errorAnswers(log))
    .use(crossOrigin(config.corsOrigins))
    .use(openapiRoutes(endpoints, version))
    .use(consoleRoutes({ endpoints, version }))
    .use(healthRoutes({ endpoints, probeWrite: opsStore(db, now).probeWrite }))
    .use(
      accountRoutes({
        endpoints,
        readBody,
        accounts,
        isRegistrationOpen: config.registration === 'open',
        tokenLifetimeMs,
      }),
    )
    .use(unlockRoutes({ endpoints, readBody, unlocks }))
    .use(
      tableRoutes({
        endpoints,
        isOpenLocally: config.debug,
        checkPassword: accounts.checkPassword,
        unlocks: unlockTable(unlocks.page),
        users: userTable(people.page),
      }),
    )
  const http = routes.use(unmatchedRoutes(endpoints, routes))

  return { http, people, accounts, close: db.close }
}
