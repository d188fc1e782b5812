import type { Clock } from '../domain/clock.ts'
import { certainTime } from '../domain/certain-time.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { KNOWN_CLIENT_MS } from './lockout/known-client-store.ts'
import { lockoutRoutes } from './lockout/routes.ts'
import { invitationRoutes } from './invitations/routes.ts'
import { cookieRoutes } from './login/cookie-routes.ts'
import { loginRoutes } from './login/routes.ts'
import { exportStore } from './me/export-store.ts'
import { accountExport } from './me/export.ts'
import { ownAccountRoutes } from './me/routes.ts'
import { ownAccountService } from './me/service.ts'
import { peopleRoutes } from './people/routes.ts'
import { firstOwnerRoutes } from './registration/first-owner-routes.ts'
import { registrationRoutes } from './registration/routes.ts'
import { registration } from './registration/service.ts'
import { settingRoutes } from './registration/setting-routes.ts'
import { waitingListRoutes } from './registration/waiting-list-routes.ts'
import { secondFactorRoutes } from './second-factor/routes.ts'
import { type Dependencies, type Services, openServices, recording } from './services.ts'
import { browserSessions } from './sessions/browser-session.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { accessTokenRoutes } from './tokens/routes.ts'

type Given = Omit<Dependencies, 'clock'> & { readonly clock: Clock }

/** Opens the accounts module: who has an account, how people log in, and what they may do to one
 * another. Throws `unavailable` if a key cannot be read. */
export const openAccounts = async ({ clock, ...given }: Given) => {
  const certainMs = certainTime({ clock, newestMs: given.unlocks.clock().newestMs })
  const deps: Dependencies = { ...given, clock: { ...clock, certainMs } }
  const services = await openServices(deps)
  return {
    ...services,
    routes: [
      ...entranceRoutes(deps, services),
      ...ownRoutes(deps, services),
      ...administrationRoutes(services),
    ] satisfies readonly Endpoint[],

    /** Stops an erasure under way, which the next start finishes, and voids the setup code. */
    [Symbol.asyncDispose]: async (): Promise<void> => {
      services.erasures.stop()
      services.waitingList.stop()
      // If the database does not answer, the code expires by itself.
      await services.firstOwner.voidSetupCode().catch(() => {})
    },
  }
}

/** Registering, logging in and out. */
const entranceRoutes = (deps: Dependencies, services: Services): readonly Endpoint[] => {
  const { db, clock, audit, config } = deps
  const { authentication, authenticateRequest, cookies, newAccounts, sessions } = services
  const { trustClient } = authentication
  const tokenLifetimeMs = config.accessTokenMs
  const browser = browserSessions({
    cookies,
    tokenLifetimeMs,
    sessionIdleMs: services.sessionLife.idleMs,
    deviceMs: KNOWN_CLIENT_MS,
  })
  const register = registration({
    registrationMode: services.settings.registration,
    db,
    newAccounts,
    waitingList: services.waitingList,
    erasures: services.erasures,
    clock,
    announceWaitingIn: deps.announceWaitingIn,
    ...recording(audit),
  })
  return [
    ...registrationRoutes({ register, trustClient }),
    ...firstOwnerRoutes({
      firstOwner: services.firstOwner,
      trustClient,
      browserSessions: browser,
      tokenLifetimeMs,
    }),
    ...loginRoutes({ accounts: authentication, tokenLifetimeMs }),
    ...cookieRoutes({
      cookies,
      browser,
      accounts: authentication,
      sessions,
      clock,
      authenticateRequest,
    }),
    ...sessionRoutes({ sessions, cookies, tokenLifetimeMs }),
  ]
}

/** What people can do with their own account. */
const ownRoutes = (deps: Dependencies, services: Services): readonly Endpoint[] => {
  const { db, clock, audit, unlocks, access } = deps
  const { directory, sessions, authentication, enrolment } = services
  return [
    ...ownAccountRoutes({
      accountDirectory: directory,
      ownAccount: ownAccountService({
        ...services,
        ...recording(audit),
        db,
        clock,
        checkPassword: authentication.checkPassword,
      }),
      accountExport: accountExport({
        accountDirectory: directory,
        sessions,
        tokens: services.tokens,
        exportStore: exportStore(db),
        lists: {
          audit: audit.eventsOf,
          unlocks: unlocks.accountUnlocks,
          grants: access.grantsOf,
          attempts: access.attemptsOf,
          slots: access.slotsOf,
          targets: access.targetsOf,
        },
        record: audit.record,
        clock,
      }),
    }),
    ...secondFactorRoutes({ enrolment }),
    ...accessTokenRoutes({ tokens: services.tokens }),
  ]
}

/** What admins and owners can do. */
const administrationRoutes = (services: Services): readonly Endpoint[] => [
  ...peopleRoutes({
    accountDirectory: services.directory,
    administration: services.administration,
  }),
  ...waitingListRoutes({ waitingList: services.waitingList }),
  ...invitationRoutes({ invitations: services.invitations }),
  ...lockoutRoutes({ lockout: services.lockout }),
  ...settingRoutes({ settings: services.settings }),
]
