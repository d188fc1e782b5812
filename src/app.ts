import { join } from 'node:path'
import { Elysia } from 'elysia'
import { version } from '../package.json'
import { accountAdministration } from './accounts/people/service.ts'
import { cookieRoutes } from './accounts/login/cookie-routes.ts'
import { erasureStore } from './accounts/people/erasure-store.ts'
import { erasureService } from './accounts/people/erasure.ts'
import { KNOWN_CLIENT_MS, failedLoginStore, newestFailureMs } from './accounts/lockout/store.ts'
import { lockoutService } from './accounts/lockout/service.ts'
import { invitationRoutes } from './accounts/invitations/routes.ts'
import { invitationStore } from './accounts/invitations/store.ts'
import { invitationService } from './accounts/invitations/service.ts'
import { ownAccountService } from './accounts/me/service.ts'
import { accountExport } from './accounts/me/export.ts'
import { ownAccountRoutes } from './accounts/me/routes.ts'
import { type Argon2id, passwordHasher } from './accounts/passwords/hasher.ts'
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
import { browserSessions } from './accounts/sessions/browser-session.ts'
import { sessionRoutes } from './accounts/sessions/routes.ts'
import { sessionStore } from './accounts/sessions/store.ts'
import { sessionService } from './accounts/sessions/service.ts'
import { settingRoutes } from './accounts/registration/setting-routes.ts'
import { settingStore } from './accounts/registration/setting-store.ts'
import { settingService } from './accounts/registration/settings.ts'
import { setupRoutes } from './accounts/registration/first-owner-routes.ts'
import { firstOwnerService } from './accounts/registration/first-owner.ts'
import { revokeCredentialsIn } from './accounts/people/restore-store.ts'
import { newAccountService } from './accounts/core/new-account.ts'
import { accountStore } from './accounts/core/store.ts'
import { lockoutRoutes } from './accounts/lockout/routes.ts'
import { auditModule } from './audit/module.ts'
import type { Config } from './config/config.ts'
import { joinRoutes } from './console/join-routes.ts'
import { consoleRoutes } from './console/routes.ts'
import { tableRoutes } from './legacy-tables/routes.ts'
import { unlockTable, userTable } from './legacy-tables/tables.ts'
import { GATEWAY } from './domain/audit-event.ts'
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
import type { CreateBackup } from './ops/backups.ts'
import { serviceMetrics } from './ops/metrics.ts'
import { opsModule } from './ops/module.ts'
import { KEY_FILES } from './storage/files/data-dir.ts'
import { lockForMigration } from './storage/files/data-dir-lock.ts'
import type { Queries } from './storage/database.ts'
import { openDatabase } from './storage/open.ts'
import { makePrivateFolder, secretFile } from './storage/files/private-files.ts'
import { enterFolder } from './storage/backup/restore-journal.ts'
import { deniedAccessRecorder } from './unlocks/log/denied-access.ts'
import { accountUnlockPages } from './unlocks/query/export.ts'
import { HEARTBEAT_SECONDS, eventStream } from './unlocks/query/event-stream.ts'
import { keyFile } from './unlocks/log/key-file.ts'
import { unlockLogClock } from './unlocks/log/clock.ts'
import { logRoutes } from './unlocks/query/proof-routes.ts'
import { unlockReadRoutes } from './unlocks/query/routes.ts'
import { unlockQueries } from './unlocks/query/store.ts'
import { unlockRoutes } from './unlocks/log/routes.ts'
import { verificationReporter, retentionReporter } from './unlocks/verify/reports.ts'
import { retention } from './unlocks/log/retention.ts'
import { openUnlockLog } from './unlocks/log/service.ts'
import { verificationRoutes } from './unlocks/verify/routes.ts'
import { verificationScheduler } from './unlocks/verify/scheduler.ts'
import { unlockCounts } from './unlocks/query/stats-store.ts'
import { unlockStore } from './unlocks/log/store.ts'

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
  /** Cost of new password hashes, for tests that are not about hashing. */
  readonly argon2id?: Argon2id
}

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
    heartbeatSeconds = HEARTBEAT_SECONDS,
    argon2id,
    use = 'command',
    makeBackup,
  }: Dependencies,
) => {
  const tokenLifetimeMs = config.accessTokenMs
  // No session is over before the access token that began it.
  const sessionIdleMs = Math.max(config.sessionIdleMs, tokenLifetimeMs)
  const hasTls = config.tlsCertFile !== undefined

  makePrivateFolder(config.dataDir)
  const leaveFolder = enterFolder(config.dataDir, use)
  const logKey = keyFile(config.dataDir)
  logKey.requireLog(config.databasePath)
  const secret = config.jwtSecretKey ?? secretFile(join(config.dataDir, KEY_FILES.tokens))
  const metrics = serviceMetrics()
  const db = openDatabase(config.databasePath, {
    beforeMigration: () => lockForMigration(config.dataDir, use),
    seenCommit: (commit) => {
      metrics.observeCommit(commit)
      logger.debug({ writes: commit.writes, duration_ms: commit.durationMs }, 'commit')
    },
  })
  const clocks = clockFrom({ wallMs: now, monotonicMs: monotonic })
  const steady = clocks.nonDecreasingMs

  const auditing = auditModule({
    db,
    clock: clocks,
    logger,
    auditLogger,
    version,
    onRecord: metrics.countAuditEvent,
  })
  const { store: audit, record, auditIn, recordCoalesced } = auditing

  const people = accountStore(db, steady)
  const unlocks = unlockStore(db)
  const signer = logKey.open({ hasLog: (await unlocks.head()) !== undefined })
  const clock = unlockLogClock({ now, newestMs: await unlocks.newestCertainMs() })
  const unlockLog = await openUnlockLog({ store: unlocks, signer, clock })
  const logSize = async () => (await unlockLog.head()).size
  metrics.observeLogSize(await logSize())
  unlockLog.onCommit(metrics.observeLogSize)
  const recordDenied = deniedAccessRecorder({ append: unlockLog.append, logger, monotonic })
  const keeping = retention({
    retentionMs: config.logRetentionMs,
    clock,
    eraseBefore: async (beforeMs) => {
      const addresses = await audit.eraseAddressesBefore(beforeMs)
      const erasure = await unlockLog.eraseBefore(beforeMs)
      const { events, isWalTruncated: wal_truncated } = erasure
      const detail = { before: new Date(beforeMs).toISOString(), events, addresses, wal_truncated }
      if (events + addresses > 0)
        await record(GATEWAY, { action: 'unlocks.retention', result: 'success', detail })
      return erasure
    },
    report: retentionReporter(logger),
  })

  const reads = unlockQueries(db)
  const live = eventStream({ reads, unlockLog, heartbeatSeconds })

  const watch = verificationScheduler({
    store: unlocks,
    key: signer.verifierKey,
    now,
    report: verificationReporter(logger),
  })
  const logFault = () => {
    const check = watch.last()
    return check?.ok === false ? check : undefined
  }

  const sessions = sessionService({
    store: sessionStore(db, steady, {
      idleMs: sessionIdleMs,
      maxMs: Math.max(config.sessionMaxMs, tokenLifetimeMs),
    }),
    tokens: accessTokens({ secret, lifetimeMs: tokenLifetimeMs, now: steady }),
    record,
    recordCoalesced,
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
  const hasher = passwordHasher(
    {
      // Two a core: Bun hashes one on each, and the next must not wait for the event loop.
      concurrency: 2 * navigator.hardwareConcurrency,
      waitingMax: 16,
    },
    argon2id,
  )
  const isWeak = weakPasswordCheck({
    minLength: config.passwordMinLength,
    useBlocklist: config.passwordBlocklist === 'on',
  })
  const newAccounts = newAccountService({ store: people, hasher, isWeak, record })
  const accounts = authenticationService({
    store: people,
    hasher,
    sessions,
    secondFactors: factors,
    lockout,
    record,
    recordCoalesced,
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
  const setup = firstOwnerService({
    store: people,
    newAccounts,
    sessions,
    record,
    linkTo,
    monotonic,
  })
  const invited = invitationStore(db, steady)
  const invitations = invitationService({ store: invited, record, linkTo })

  const settings = settingService({ store: settingStore(db), config, record })

  const erasures = erasureService({
    store: erasureStore(db),
    // The unlock log last: it truncates the WAL when it is done.
    traces: [audit.eraseAddressesOf, unlockLog.eraseAccount],
    auditIn,
    clock: clocks,
    report: (error) => logger.error({ err: error }, 'erasure is not finished'),
  })
  const administration = accountAdministration({ db, erasures, auditIn, record, clock: clocks })
  const directory = accountDirectory(db, clocks)

  const readBody = bodyReader(config.bodyBytesMax)
  const cookies = sessionCookies({ hasTls, publicUrl: config.publicUrl })
  const authenticateRequest = requestAuthenticator({
    readCookie: (request) => cookies.read(request, 'access'),
    authenticate: async (token) => {
      const signedIn = await sessions.authenticate(token)
      return signedIn && { ...signedIn, account: await factors.standing(signedIn.account) }
    },
  })
  const browser = browserSessions({
    cookies,
    tokenLifetimeMs,
    sessionIdleMs,
    deviceMs: KNOWN_CLIENT_MS,
  })
  const endpoints = router({
    authenticateRequest,
    trustedProxies: config.trustedProxies,
    bodyBytesMax: config.bodyBytesMax,
    recordForwarded: (peer) =>
      recordCoalesced(peer, { action: 'proxy.untrusted', result: 'failure' }),
    limits: {
      auth: config.rateLimitAuth,
      unlock: config.rateLimitUnlock,
      changes: config.rateLimitChanges,
      default: config.rateLimitDefault,
    },
    seenRefusal: metrics.countRefusal,
  })
  const ops = opsModule({
    version,
    config,
    db,
    clock: clocks,
    logger,
    metrics,
    certificate,
    createBackup: makeBackup,
    audit: { record, newest: audit.newest, addressesOf: audit.addressesOf },
    accounts: {
      hasOwner: people.hasOwner,
      registration: settings.registration,
      hashing: hasher.load,
    },
    unlocks: {
      keyId: signer.verifierKey.id,
      newestEventMs: unlocks.newestCertainMs,
      logSize,
      liveStreams: live.count,
      lastVerification: watch.last,
      logFault,
    },
  })

  const routes = new Elysia({
    strictPath: true,
    nativeStaticResponse: false,
    // Else a path under a name of three letters or fewer, such as http://pi/, is cut wrongly.
    handler: { standardHostname: false },
  })
    .use(requestLog({ logger, onAnswer: metrics.observeRequest }))
    .use(headAsGet())
    .use(responseHeaders({ hasTls }))
    .use(errorAnswers({ logger, recordDenial: recordCoalesced }))
    .use(crossOrigin(config.corsOrigins))
    .use(endpoints.mount([...consoleRoutes({ version, logFault }), ...joinRoutes(), ...ops.routes]))
    .use(
      accountRoutes({
        endpoints,
        readBody,
        accounts,
        register: registration({
          mode: settings.registration,
          newAccounts,
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
        browser,
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
      endpoints.mount(
        ownAccountRoutes({
          accountDirectory: directory,
          ownAccount: ownAccountService({
            db,
            checkPassword: accounts.checkPassword,
            hasher,
            isWeak,
            lockout,
            erasures,
            auditIn,
            record,
            clock: clocks,
          }),
          accountExport: accountExport({
            accountDirectory: directory,
            sessions,
            exportStore: exportStore(db),
            lists: {
              audit: auditing.eventsOf,
              unlocks: accountUnlockPages({ unlockLog, reads }),
            },
            record,
            clock: clocks,
          }),
        }),
      ),
    )
    .use(endpoints.mount(peopleRoutes({ accountDirectory: directory, administration })))
    .use(
      secondFactorRoutes({
        endpoints,
        readBody,
        enrolment,
        findAccount: people.findByPublicId,
      }),
    )
    .use(lockoutRoutes({ endpoints, lockout, findAccount: people.findByPublicId }))
    .use(endpoints.mount(auditing.routes))
    .use(
      unlockRoutes({
        endpoints,
        readBody,
        unlockLog,
        refusedAccount: sessions.refusedAccount,
        recordDenied,
      }),
    )
    .use(
      unlockReadRoutes({
        endpoints,
        unlockLog,
        reads,
        counts: unlockCounts(db),
        live,
        record,
        now,
      }),
    )
    .use(logRoutes({ endpoints, unlockLog, store: unlocks }))
    .use(verificationRoutes({ endpoints, watch }))
    .use(
      endpoints.mount(
        tableRoutes({
          isOpenLocally: config.debug,
          signIn: accounts.signInOnce,
          unlocks: unlockTable(unlocks.page),
          users: userTable(people.page),
        }),
      ),
    )
  const documented = routes.use(endpoints.mount(openapiRoutes({ version, routes: routes.routes })))
  const http = documented.use(notFoundRoutes(endpoints, documented.routes))

  const close = async () => {
    await Promise.all([watch.stop(), ops[Symbol.asyncDispose]()])
    live.close()
    keeping.stop()
    erasures.stop()
    await Promise.all([unlockLog.drained(), auditing[Symbol.asyncDispose]()])
    await db.close()
    leaveFolder()
  }
  return {
    http,
    db,
    hasher,
    people,
    newAccounts,
    accounts,
    administration,
    erasures,
    sessions,
    setup,
    invitations,
    settings,
    enrolment,
    record,
    auditIn,
    ...auditing.lifecycle,
    audit,
    unlockLog,
    live,
    watch,
    keeping,
    backups: ops.backups,
    revokeCredentialsIn: (tx: Queries) => revokeCredentialsIn(tx, clocks),
    unlocks,
    verifierKey: signer.verifierKey,
    close,
  }
}
