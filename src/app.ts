import { join } from 'node:path'
import { Elysia } from 'elysia'
import { version } from '../package.json'
import { accountAdministration } from './accounts/people/service.ts'
import { accountTransactions } from './accounts/people/account-transaction.ts'
import { cookieRoutes } from './accounts/login/cookie-routes.ts'
import { erasureService } from './accounts/people/erasure.ts'
import { KNOWN_CLIENT_MS, failedLoginStore, newestFailureMs } from './accounts/lockout/store.ts'
import { lockoutService } from './accounts/lockout/service.ts'
import { invitationRoutes } from './accounts/invitations/routes.ts'
import { invitationStore } from './accounts/invitations/store.ts'
import { invitationService } from './accounts/invitations/service.ts'
import { ownAccountService } from './accounts/me/service.ts'
import { ownExport } from './accounts/me/export.ts'
import { ownRoutes } from './accounts/me/routes.ts'
import { passwordHasher } from './accounts/passwords/hasher.ts'
import { weakPasswordCheck } from './accounts/passwords/policy.ts'
import { peopleRoutes } from './accounts/people/routes.ts'
import { accountDirectory } from './accounts/people/store.ts'
import { exportStore } from './accounts/me/export-store.ts'
import { registration } from './accounts/registration/service.ts'
import { accountRoutes } from './accounts/login/routes.ts'
import { secondFactorEnrolment } from './accounts/second-factor/enrolment.ts'
import { secondFactorRoutes } from './accounts/second-factor/routes.ts'
import { secondFactorStore } from './accounts/second-factor/store.ts'
import { secondFactors } from './accounts/second-factor/service.ts'
import { secretSealer } from './accounts/second-factor/sealed-secret.ts'
import { authenticationService } from './accounts/login/service.ts'
import { sessionRoutes } from './accounts/sessions/routes.ts'
import { sessionStore } from './accounts/sessions/store.ts'
import { sessionService } from './accounts/sessions/service.ts'
import { settingRoutes } from './accounts/registration/setting-routes.ts'
import { settingStore } from './accounts/registration/setting-store.ts'
import { settingService } from './accounts/registration/settings.ts'
import { setupRoutes } from './accounts/registration/first-owner-routes.ts'
import { firstOwnerService } from './accounts/registration/first-owner.ts'
import { restoreStore } from './accounts/people/restore-store.ts'
import { accountStore } from './accounts/core/store.ts'
import { lockoutRoutes } from './accounts/lockout/routes.ts'
import { serviceLifecycle } from './audit/service-lifecycle.ts'
import { accountAuditEvents } from './audit/account-store.ts'
import { coalescingRecorder } from './audit/coalescing.ts'
import { auditRoutes } from './audit/routes.ts'
import { auditRecorder } from './audit/service.ts'
import { auditStore } from './audit/store.ts'
import type { Config } from './config.ts'
import { joinRoutes } from './console/join-routes.ts'
import { consoleRoutes } from './console/routes.ts'
import { tableRoutes } from './legacy-tables/routes.ts'
import { unlockTable, userTable } from './legacy-tables/tables.ts'
import { accessTokens } from './accounts/sessions/access-tokens.ts'
import type { CertificateFacts } from './http/connection/certificate.ts'
import { requestAuthenticator } from './http/authorization.ts'
import { crossOrigin } from './http/cross-origin.ts'
import { router } from './http/router.ts'
import { errorAnswers } from './http/error-answers.ts'
import { headAsGet } from './http/head-as-get.ts'
import { bodyReader } from './http/request/json-body.ts'
import type { Logger } from './http/log/logger.ts'
import { openapiRoutes } from './http/openapi/routes.ts'
import { linkBase } from './http/connection/public-url.ts'
import { requestLog } from './http/log/request-log.ts'
import { responseHeaders } from './http/response-headers.ts'
import { sessionCookies } from './http/request/session-cookie.ts'
import { clockFrom, monotonicEpochClock } from './domain/clock.ts'
import { notFoundRoutes } from './http/not-found.ts'
import { doctorRoutes } from './ops/doctor-routes.ts'
import { doctor } from './ops/doctor.ts'
import { authorityRoutes } from './ops/authority-routes.ts'
import { gatewayRoutes } from './ops/gateway-routes.ts'
import { backupRoutes } from './ops/backup-routes.ts'
import { type CreateBackup, backupService } from './ops/backups.ts'
import { metricsRoutes } from './ops/metrics-routes.ts'
import { serviceMetrics } from './ops/metrics.ts'
import { serviceGauges } from './ops/gauges.ts'
import { healthRoutes } from './ops/routes.ts'
import { opsStore } from './ops/store.ts'
import { KEY_FILES } from './storage/files/data-dir.ts'
import { lockForMigration } from './storage/files/data-dir-lock.ts'
import { openDatabase } from './storage/open.ts'
import { makePrivateFolder, secretFile } from './storage/files/private-files.ts'
import { enterFolder } from './storage/backup/restore-journal.ts'
import { keyFile } from './unlocks/log/key-file.ts'
import { openUnlocks } from './unlocks/module.ts'

type Dependencies = {
  readonly logger: Logger
  /** Where audit events are told, if that is another log. */
  readonly auditLogger?: Logger
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
  /** A clock that nobody sets, in milliseconds since whenever. */
  readonly monotonic?: () => number
  /** What there is to know of the certificate in use. */
  readonly certificate?: () => CertificateFacts | undefined
  /** Whether this process serves, of which there is one in a data folder, or works beside that. */
  readonly use?: 'service' | 'command'
  /** How backups are made; without it there are none. */
  readonly makeBackup?: CreateBackup
  /** Silence after which a live stream sends a comment. */
  readonly heartbeatSeconds?: number
}

const DAY_MS = 86_400_000

export type App = Awaited<ReturnType<typeof openApp>>

/** Joins everything: settings -> database -> stores -> services -> routes. Throws AppError
 * `unavailable` where the data folder, a key or the database cannot be used. */
export const openApp = async (
  config: Config,
  {
    logger,
    auditLogger = logger,
    now = Date.now,
    monotonic = () => performance.now(),
    certificate = () => undefined,
    heartbeatSeconds,
    use = 'command',
    makeBackup,
  }: Dependencies,
) => {
  const tokenLifetimeMs = config.accessTokenMinutes * 60_000
  // No session is over before the access token that began it.
  const sessionIdleMs = Math.max(config.sessionIdleDays * DAY_MS, tokenLifetimeMs)
  const hasTls = config.tlsCertFile !== ''

  makePrivateFolder(config.dataDir)
  const leaveFolder = enterFolder(config.dataDir, use)
  keyFile(config.dataDir).requireDatabase(config.databasePath)
  const secret = config.jwtSecretKey || secretFile(join(config.dataDir, KEY_FILES.tokens))
  const metrics = serviceMetrics()
  const db = openDatabase(config.databasePath, {
    beforeMigration: () => lockForMigration(config.dataDir, use),
    seenCommit: (commit) => {
      metrics.seenCommit(commit)
      logger.debug({ writes: commit.writes, duration_ms: commit.durationMs }, 'commit')
    },
  })
  const clock = clockFrom({ wallMs: now, monotonicMs: monotonic })
  const steady = clock.nonDecreasingMs

  const audit = auditStore(db)
  const record = auditRecorder({
    store: audit,
    logger: auditLogger,
    now,
    seen: metrics.countAuditEvent,
  })
  const repeats = coalescingRecorder({ record, logger: logger })

  const people = accountStore(db, steady)
  const unlocks = await openUnlocks({
    db,
    clock,
    logger,
    record,
    eraseAddressesBefore: audit.eraseAddressesBefore,
    seenLogSize: metrics.seenLogSize,
    dataDir: config.dataDir,
    retentionDays: config.logRetentionDays,
    heartbeatSeconds,
  })
  const { unlockLog, recordDenied, verification, logFault } = unlocks

  const sessions = sessionService({
    store: sessionStore(db, steady, {
      idleMs: sessionIdleMs,
      maxMs: Math.max(config.sessionMaxDays * DAY_MS, tokenLifetimeMs),
    }),
    tokens: accessTokens({ secret, lifetimeMs: tokenLifetimeMs, now: steady }),
    record,
    recordCoalesced: repeats.recordCoalesced,
  })
  const paced = monotonicEpochClock(Math.max(now(), await newestFailureMs(db)), monotonic)
  const lockout = lockoutService({
    store: failedLoginStore(db, paced),
    key: secretFile(join(config.dataDir, KEY_FILES.lockout)),
    now: paced,
    day: now,
    record,
    recordDenied,
  })
  const factorStore = secondFactorStore(db)
  const box = secretSealer(secretFile(join(config.dataDir, KEY_FILES.secondFactors)))
  const factors = secondFactors({
    store: factorStore,
    box,
    isRequired: config.secondFactor === 'required',
    now,
  })
  const hasher = passwordHasher({
    // Two a core: Bun hashes one on each, and the next must not wait for the event loop.
    concurrency: 2 * navigator.hardwareConcurrency,
    waitingMax: 16,
  })
  const isWeak = weakPasswordCheck({
    minLength: config.passwordMinLength,
    useBlocklist: config.passwordBlocklist === 'on',
  })
  const accounts = authenticationService({
    store: people,
    hasher,
    isWeak,
    sessions,
    secondFactors: factors,
    lockout,
    record,
    recordCoalesced: repeats.recordCoalesced,
  })
  const enrolment = secondFactorEnrolment({
    store: factorStore,
    box,
    factors,
    checkPassword: accounts.checkPassword,
    sessions,
    record,
  })

  const linkTo = (fragment: string) => `${linkBase(config)}/join#${fragment}`
  const setup = firstOwnerService({ store: people, accounts, sessions, record, linkTo, monotonic })
  const invited = invitationStore(db, steady)
  const invitations = invitationService({ store: invited, record, linkTo })

  const settings = settingService({ store: settingStore(db), config, record })

  const changes = accountTransactions(db, steady)
  const erasures = erasureService({
    store: changes,
    // The log last, since it empties the write-ahead log in the end.
    traces: [audit.eraseAddressesOf, unlockLog.eraseAccount],
    record,
    now: steady,
    report: (error) => logger.error({ err: error }, 'erasure is not finished'),
  })
  const admin = accountAdministration({ store: changes, erasures, record, now: steady })
  const roster = accountDirectory(db, steady)

  const backups = backupService({
    settings: config,
    keyId: unlocks.verifierKey.id,
    make: makeBackup,
    record,
    newestRecord: audit.newest,
    report: (error) => logger.error({ err: error }, 'backup failed'),
    now,
    monotonic,
  })
  const examine = doctor({
    config,
    now,
    registration: settings.registration,
    hasOwner: people.hasOwner,
    newestEventMs: unlocks.store.newestCertainMs,
    logCheck: async () => verification.last(),
    certificateEndMs: () => certificate()?.notAfterMs,
    backupState: backups.state,
    forwarders: audit.addressesOf('proxy.untrusted'),
  })

  const readBody = bodyReader(config.bodyBytesMax)
  const cookies = sessionCookies({ hasTls, publicUrl: config.publicUrl })
  const authenticateRequest = requestAuthenticator({
    readCookie: (request) => cookies.read(request, 'access'),
    authenticate: async (token) => {
      const signedIn = await sessions.authenticate(token)
      return signedIn && { ...signedIn, account: await factors.standing(signedIn.account) }
    },
  })
  const endpoints = router({
    authenticateRequest,
    trustedProxies: config.trustedProxies,
    bodyBytesMax: config.bodyBytesMax,
    recordForwarded: (peer) =>
      repeats.recordCoalesced(peer, { action: 'proxy.untrusted', result: 'failure' }),
    limits: {
      auth: config.rateLimitAuth,
      unlock: config.rateLimitUnlock,
      changes: config.rateLimitChanges,
      default: config.rateLimitDefault,
    },
    seenRefusal: metrics.seenRefusal,
  })
  metrics.add(
    serviceGauges({
      version,
      dataDir: config.dataDir,
      databasePath: config.databasePath,
      hashing: hasher.load,
      logSize: unlocks.size,
      lastCheck: verification.last,
      liveStreams: unlocks.eventStream.count,
      certificateEndMs: () => certificate()?.notAfterMs,
      newestBackupMs: async () => (await backups.list())[0]?.madeAtMs,
    }),
  )

  const routes = new Elysia({
    strictPath: true,
    nativeStaticResponse: false,
    // Else a path under a name of three letters or fewer, such as http://pi/, is cut wrongly.
    handler: { standardHostname: false },
  })
    .use(requestLog({ logger, seen: metrics.seenRequest }))
    .use(headAsGet())
    .use(responseHeaders({ hasTls }))
    .use(errorAnswers({ logger, recordDenial: repeats.recordCoalesced }))
    .use(crossOrigin(config.corsOrigins))
    .use(consoleRoutes({ endpoints, version, logFault }))
    .use(joinRoutes(endpoints))
    .use(
      gatewayRoutes({
        endpoints,
        gateway: { version, address: linkBase(config), second_factor: config.secondFactor },
      }),
    )
    .use(healthRoutes({ endpoints, probeWrite: opsStore(db, now).probeWrite, logFault }))
    .use(metricsRoutes({ endpoints, metrics }))
    .use(doctorRoutes({ endpoints, examine }))
    .use(authorityRoutes({ endpoints, authority: () => certificate()?.authority?.pem }))
    .use(
      accountRoutes({
        endpoints,
        readBody,
        accounts,
        register: registration({
          mode: settings.registration,
          accounts,
          people,
          invitations: invited,
          record,
        }),
        tokenLifetimeMs,
      }),
    )
    .use(
      cookieRoutes({
        endpoints,
        readBody,
        cookies,
        accounts,
        sessions,
        setup,
        tokenLifetimeMs,
        sessionIdleMs,
        deviceMs: KNOWN_CLIENT_MS,
        now: steady,
      }),
    )
    .use(settingRoutes({ endpoints, readBody, settings }))
    .use(setupRoutes({ endpoints, readBody, accounts, setup, tokenLifetimeMs }))
    .use(invitationRoutes({ endpoints, readBody, invitations }))
    .use(
      sessionRoutes({
        endpoints,
        readBody,
        sessions,
        cookies,
        findAccount: people.findByPublicId,
        tokenLifetimeMs,
      }),
    )
    .use(
      ownRoutes({
        endpoints,
        readBody,
        people: roster,
        own: ownAccountService({
          store: changes,
          checkPassword: accounts.checkPassword,
          hasher,
          isWeak,
          lockout,
          erasures,
          record,
        }),
        exportParts: ownExport({
          people: roster,
          sessions,
          data: exportStore(db),
          lists: {
            audit: accountAuditEvents(db),
            unlocks: unlocks.accountUnlocks,
          },
          record,
          now,
        }),
      }),
    )
    .use(endpoints.mount(peopleRoutes({ people: roster, administration: admin })))
    .use(
      secondFactorRoutes({
        endpoints,
        readBody,
        enrolment,
        findAccount: people.findByPublicId,
      }),
    )
    .use(lockoutRoutes({ endpoints, lockout, findAccount: people.findByPublicId }))
    .use(auditRoutes({ endpoints, store: audit }))
    .use(
      endpoints.mount(
        unlocks.routes({ refusedAccount: sessions.refusedAccount, authenticateRequest }),
      ),
    )
    .use(backupRoutes({ endpoints, backups, settings: config }))
    .use(
      tableRoutes({
        endpoints,
        isOpenLocally: config.debug,
        signIn: accounts.signInOnce,
        unlocks: unlockTable(unlocks.store.page),
        users: userTable(people.page),
      }),
    )
  const documented = routes.use(openapiRoutes({ endpoints, version, routes: routes.routes }))
  const http = documented.use(notFoundRoutes(endpoints, documented.routes))

  const close = async () => {
    erasures.stop()
    await Promise.all([unlocks[Symbol.asyncDispose](), backups.stop()])
    await repeats.close()
    await db.close()
    leaveFolder()
  }
  return {
    http,
    db,
    hasher,
    people,
    accounts,
    administration: admin,
    erasures,
    sessions,
    setup,
    invitations,
    settings,
    enrolment,
    record,
    ...serviceLifecycle({ store: audit, record, version }),
    audit,
    unlockLog,
    eventStream: unlocks.eventStream,
    verification,
    retention: unlocks.retention,
    backups,
    restored: restoreStore(db, steady),
    unlocks: unlocks.store,
    verifierKey: unlocks.verifierKey,
    close,
  }
}
