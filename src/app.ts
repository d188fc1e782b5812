import { dirname } from 'node:path'
import { version } from '../package.json'
import type { Argon2id } from './accounts/passwords/hasher.ts'
import { actingRole } from './accounts/core/authorization.ts'
import { findAccountState } from './accounts/core/account-state-store.ts'
import { openAccounts } from './accounts/module.ts'
import { auditModule } from './audit/module.ts'
import type { Config } from './config/config.ts'
import { homeZone } from './config/home-zone.ts'
import { instanceOf } from './config/instance.ts'
import { consoleRoutes } from './console/routes.ts'
import type { Account } from './domain/account.ts'
import { atMostEvery } from './domain/repeating.ts'
import { controllersModule } from './controllers/module.ts'
import { driversModule } from './drivers/module.ts'
import type { UnlockFacts } from './domain/home-event.ts'
import type { sharedWindows } from './domain/limits/shared-windows.ts'
import { openLocalWindows } from './domain/limits/windows.ts'
import { guestPageRoutes } from './guests/page/routes.ts'
import { guestsModule } from './guests/module.ts'
import { httpApplication } from './http/application.ts'
import type { CertificateFacts } from './http/connection/certificate.ts'
import { clientConnections } from './http/connection/client-connections.ts'
import type { Logger } from './http/log/logger.ts'
import { ownHosts } from './http/request/own-hosts.ts'
import { pageSources } from './http/request/page-source.ts'
import { limitsFrom, router } from './http/router.ts'
import { legacyTables } from './legacy-tables/module.ts'
import { manualRoutes } from './manual/routes.ts'
import { notifyKinds } from './notify/module.ts'
import type { openMqtt } from './mqtt/module.ts'
import type { BoltStatus } from './mqtt/retained.ts'
import { keepBrokerTarget } from './outbox/core/broker-target.ts'
import { addressRules, refusalOf } from './http/outgoing/target-address.ts'
import { type HomeOptions, openHome } from './open-home.ts'
import { outboxModule } from './outbox/module.ts'
import { isClockSynchronised } from './ops/kernel-clock.ts'
import type { CreateBackup } from './ops/backups/backups.ts'
import { serviceMetrics } from './ops/metrics/metrics.ts'
import { opsModule } from './ops/module.ts'
import { diskSpace } from './storage/disk-space.ts'
import { databaseOfLeader } from './storage/unit-of-work.ts'
import { unusedBytes } from './storage/unused-space.ts'
import { locksModule } from './locks/module.ts'
import { EVENT_EXAMPLE, EventAnswer } from './unlocks/log/schema.ts'
import { openUnlocks } from './unlocks/module.ts'

type Options = HomeOptions & {
  /** Logs the audit events; `logger` by default. */
  readonly auditLogger?: Logger
  /** Facts about the certificate in use. */
  readonly certificate?: () => CertificateFacts | undefined
  /** Creates a backup; without it the server creates none. */
  readonly createBackup?: CreateBackup
  /** Seconds of silence after which a stream sends a comment. */
  readonly heartbeatSeconds?: number
  /** Cost of new password hashes, for tests that are not about hashing. */
  readonly argon2id?: Argon2id
}

export type App = Awaited<ReturnType<typeof openApp>>

/** How often, at most, to refresh what changes rarely, after commits of other replicas. */
const SELDOM_MS = 500

/** Loaded only where the data is on a server. */
const openSharedWindows = async (...given: Parameters<typeof sharedWindows>) =>
  (await import('./domain/limits/shared-windows.ts')).sharedWindows(...given)

/** Loaded only where there is a broker. */
const openBroker = async (...given: Parameters<typeof openMqtt>): Promise<Mqtt> =>
  (await import('./mqtt/module.ts')).openMqtt(...given)

type Mqtt = Awaited<ReturnType<typeof openMqtt>>

/** Opens the modules in order and passes each what it needs from the others. Disposing closes them
 * in reverse order; after a failure, those already open are closed. Throws AppError `unavailable`
 * if the data folder, a key or the database cannot be used. */
export const openApp = async (config: Config, options: Options) => {
  const { logger, auditLogger = logger, use = 'command' } = options
  const {
    certificate = () => undefined,
    createBackup,
    heartbeatSeconds,
    argon2id,
    onUpgrade,
  } = options
  await using opening = new AsyncDisposableStack()

  const instance = instanceOf(config)
  const metrics = serviceMetrics(instance)
  let onCommit = () => {}
  /** Called soon after another replica, or a command, has committed. */
  let onForeignCommit = async () => {}
  const { db, clock } = opening.use(
    await openHome(config, {
      ...options,
      use,
      onCommit: (commit) => {
        metrics.observeCommit(commit)
        onCommit()
        logger.debug({ writes: commit.writes, duration_ms: commit.durationMs }, 'commit')
      },
      onForeignCommit: () => onForeignCommit(),
    }),
  )
  const disk = diskSpace({
    folder: dirname(config.databasePath),
    reserveBytes: config.diskReserveBytes,
    clock,
    unusedBytes: () => unusedBytes(db),
    onRefusal: metrics.countDiskRefusal,
  })
  const limits =
    use === 'service' && db.exchangeCounts
      ? await openSharedWindows({
          exchange: db.exchangeCounts,
          hide: (key): string => unlocks.deriveUuid(key),
          onChange: (reason) =>
            reason === undefined
              ? logger.info('limits are counted by all replicas together again')
              : logger.warn({ reason }, 'limits are counted by this replica alone'),
        })
      : undefined
  if (limits) opening.defer(limits.close)
  const openWindows = limits?.open ?? openLocalWindows
  const shared = { db, clock, logger, config, disk, openWindows }
  const pages = pageSources(config)

  const onRecord = metrics.countAuditEvent
  const audit = opening.use(auditModule({ ...shared, auditLogger, version, instance, onRecord }))
  const unlocks = opening.use(
    await openUnlocks({
      ...shared,
      audit,
      onGrowth: metrics.observeLogSize,
      onOverLimit: () => metrics.countRefusal('unlock'),
      onProblem: (says) => void outbox.announce({ event: 'log.problem', says }),
      heartbeatSeconds,
      onUpgrade,
    }),
  )
  const locks = locksModule({
    ...shared,
    audit,
    unlocks,
    // Accounts are opened after locks, since erasing an account also erases what it may open.
    people: {
      findAccount: findAccountState,
      actingRole,
      admit: (tx, by, publicId) => accounts.admitIn(tx, by, publicId),
      recordRefused: (request, findLock) =>
        unlocks.recordRefused(request, accounts.refusedAccount, findLock),
    },
    guests: {
      makeIn: (tx, by, guest) => guests.makeIn(tx, by, guest),
      endIn: (tx, id) => guests.endIn(tx, id),
    },
    isClockSynchronised,
    onDecision: metrics.countDecision,
    onOverLimit: () => metrics.countRefusal('unlock'),
    reach: async () => {
      const [byController, byDriver] = [await controllers.reach(), await drivers.reach()]
      return (lockId) => (controllers.has(lockId) ? byController(lockId) : byDriver(lockId))
    },
    operate: (attempt) =>
      controllers.has(attempt.lockId) ? controllers.operate(attempt) : drivers.operate(attempt),
    deliveryOf: (attemptId) => drivers.deliveryOf(attemptId),
  })
  opening.use(locks)
  const mqtt: Mqtt | undefined =
    use === 'service' && config.mqttUrl !== undefined
      ? opening.use(
          await openBroker({
            ...shared,
            address: config.mqttUrl,
            version,
            home: {
              locks: async () =>
                (await locks.locks.all()).map(({ label, name, state }) => ({
                  label,
                  name,
                  isRetired: state === 'retired',
                })),
              unlockFacts: (seq): Promise<UnlockFacts | undefined> => outbox.unlockFacts(seq),
              logSize: unlocks.size,
              logHealth: unlocks.health,
              stateOf: (label): BoltStatus | undefined => drivers.stateOf(label),
            },
            operate: (asked) => locks.operators.operate(asked),
            onReady: () => outbox.wake('mqtt'),
          }),
        )
      : undefined
  const nameOf = async (publicId: string) => (await findAccountState(db, publicId))?.username
  const drivers = opening.use(
    driversModule({
      ...shared,
      audit,
      broker: mqtt?.link,
      // A lock of Home Assistant may be on this machine.
      refusalOf: (address, port) =>
        refusalOf(address, port, { ...addressRules(config), allowsLoopback: true }),
      findLock: locks.findLock,
      nameOf,
      report: unlocks.report,
      returnUseIn: locks.returnUseIn,
    }),
  )
  // Accounts are opened after it too.
  const outbox = opening.use(
    outboxModule({
      ...shared,
      audit,
      version,
      kinds: notifyKinds({ clock, config, version }),
      channels: mqtt ? { mqtt: mqtt.channel } : {},
      findUnlock: unlocks.findShown,
      lockName: locks.nameOf,
      nameOf,
      countWaiting: (): Promise<number> => accounts.waitingList.count(),
      checkPassword: (credentials, by): Promise<Account | undefined> =>
        accounts.authentication.checkPassword(credentials, by),
      actingRole,
    }),
  )
  const controllers = opening.use(
    controllersModule({
      ...shared,
      audit,
      certificate,
      recordIn: unlocks.recordIn,
      reportIn: unlocks.reportIn,
      findLock: locks.findLock,
      stillPermitted: locks.stillPermitted,
      operations: drivers.operations,
      announceIn: outbox.announceIn,
      requireRoom: () => disk.requireRoom('last'),
      checkPassword: (credentials, by): Promise<Account | undefined> =>
        accounts.authentication.checkPassword(credentials, by),
    }),
  )
  const guests = opening.use(
    guestsModule({
      ...shared,
      audit,
      pages,
      recordIn: unlocks.recordIn,
      zone: () => homeZone(config),
      nameOf,
      announceIn: (tx, news): Promise<void> =>
        outbox.announceIn(tx, { event: 'guest.problem', ...news }),
      ...locks.forGuests,
      answers: {
        ...locks.forGuests.answers,
        unlock: { schema: EventAnswer, example: EVENT_EXAMPLE },
      },
      actingRole,
      unlocksOf: unlocks.ofPass,
      eraseFromLog: unlocks.eraseGuest,
    }),
  )
  /** Called when the service starts, and at a server when this replica begins to lead. */
  const beginLeading = async (): Promise<void> => {
    await locks.beginLeading()
    await keepBrokerTarget({ db: databaseOfLeader(db), clock }, mqtt?.rules)
    await drivers.begin()
    await controllers.beginLeading()
  }
  onCommit = outbox.onCommit
  onForeignCommit = async () => {
    // First, since other replicas wait only a few seconds for what this one has signed.
    const refreshed = unlocks.refresh()
    refreshed.catch(() => {})
    outbox.onForeignCommit()
    await drivers.refresh()
    await controllers.onForeignCommit()
    if (db.leading.isLeader()) mqtt?.refresh()
    await refreshed
    seldom.call()
  }
  /** Refreshes what changes rarely and may be shown a second late. */
  const seldom = opening.adopt(
    atMostEvery(SELDOM_MS, async () => {
      try {
        await unlocks.verification.refresh()
        await ops.refresh()
      } catch {
        // The next commit tries again.
      }
    }),
    ({ stop }) => stop(),
  )
  drivers.onState(() => mqtt?.refresh())
  const accounts = opening.use(
    await openAccounts({
      ...shared,
      pages,
      audit,
      unlocks,
      access: {
        ...locks.access,
        slotsOf: drivers.slotsOf,
        targetsOf: (publicId) => outbox.targetsOf(publicId),
        eraseIn: async (tx, publicId) => {
          await locks.access.eraseIn(tx, publicId)
          await drivers.eraseIn(tx, publicId)
          await outbox.eraseIn(tx, publicId)
          await controllers.eraseIn(tx, publicId)
        },
      },
      announceWaitingIn: (tx): Promise<void> => outbox.announceIn(tx, { event: 'account.waiting' }),
      argon2id,
    }),
  )
  if (use === 'service') {
    await locks.begin({ onUpgrade })
    await controllers.begin()
    if (config.postgres) await controllers.requireDoorKey()
    // Before the first request, which may open a lock.
    if (db.leading.isLeader()) await beginLeading()
  }
  const ops = opening.use(
    opsModule({
      ...shared,
      version,
      metrics,
      certificate,
      createBackup,
      audit,
      accounts,
      outbox,
      unlocks,
      broker: async () => {
        const facts = await mqtt?.facts()
        return facts && { ...facts, operated: await locks.operators.labels() }
      },
      areLimitsShared: () => limits?.isShared(),
      drivenLocks: drivers.states,
      suspendedGrants: locks.suspensions.count,
      controllers,
    }),
  )

  const { authenticateRequest, stillHolds, refusedAccount } = accounts
  const connections = opening.use(clientConnections(config))
  const buildHttp = () =>
    httpApplication({
      version,
      logger,
      hasTls: config.tlsCertFile !== undefined,
      clock: clock.isShared ? clock : undefined,
      publicUrl: config.publicUrl,
      corsOrigins: config.corsOrigins,
      foreign: { pages, isOwnHost: ownHosts({ ...config, certificate }) },
      onAnswer: metrics.observeRequest,
      recordDenial: audit.recordCoalesced,
      router: router({
        ...config,
        pages,
        authenticateRequest,
        stillHolds,
        onTokenUse: accounts.tokens.noteUse,
        limits: limitsFrom(config),
        openWindows,
        recordForwarded: audit.recordForwarded,
        recordSilentProxy: audit.recordSilentProxy,
        onRefusal: metrics.countRefusal,
        connections,
        disk,
        isDatabaseLate: db.isFile ? undefined : db.isLate,
      }),
      endpoints: [
        ...consoleRoutes({
          version,
          passwordRule: accounts.passwordPolicy.rule,
          logFault: unlocks.logFault,
          logStop: unlocks.logStop,
        }),
        ...manualRoutes(),
        ...guestPageRoutes(),
        ...accounts.routes,
        ...unlocks.routes({
          authenticateRequest,
          refusedAccount,
          holdConnection: connections.hold,
        }),
        ...locks.routes,
        ...guests.routes,
        ...drivers.routes,
        ...controllers.routes,
        ...outbox.routes,
        ...audit.routes,
        ...legacyTables({ config, accounts, unlocks }),
        ...ops.routes,
      ],
    })

  const opened = opening.move()
  let http: ReturnType<typeof buildHttp> | undefined
  return {
    /** What the service listens with; built when it is first asked for, since commands do not listen. */
    get http() {
      return (http ??= buildHttp())
    },
    connections,
    db,
    audit,
    unlocks,
    accounts,
    locks,
    guests,
    outbox,
    drivers,
    controllers,
    mqtt,
    ops,
    beginLeading,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
