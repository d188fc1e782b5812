import type { Config } from '../config/config.ts'
import { homeZone } from '../config/home-zone.ts'
import type { Actor, AuditEvent, RecordAuditEvent } from '../domain/audit-event.ts'
import { AppError } from '../errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { CertificateFacts } from '../http/connection/certificate.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import { databaseSizes } from '../storage/database-size.ts'
import type { DiskSpace } from '../storage/disk-space.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import { probeWrite } from '../storage/write-probe.ts'
import { acceptancesAt } from './acceptance-store.ts'
import { acceptanceService } from './acceptances.ts'
import { authorityRoutes } from './authority-routes.ts'
import { backupRoutes } from './backups/backup-routes.ts'
import { type Backups, type CreateBackup, backupService } from './backups/backups.ts'
import { sharedBackups } from './backups/shared-backups.ts'
import { doctorRoutes } from './doctor-routes.ts'
import { doctor, startedMs } from './doctor.ts'
import { gatewayRoutes } from './gateway-routes.ts'
import { serviceGauges } from './metrics/gauges.ts'
import { healthRoutes } from './health-routes.ts'
import { metricsRoutes } from './metrics/routes.ts'
import type { Metrics } from './metrics/metrics.ts'
import { metricsTokenCheck } from './metrics/token.ts'

type DoctorFacts = Parameters<typeof doctor>[0]
type GaugeFacts = Parameters<typeof serviceGauges>[0]

type Dependencies = {
  readonly version: string
  readonly config: Config
  readonly db: Database
  readonly disk: Pick<DiskSpace, 'state'>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly certificate: () => CertificateFacts | undefined
  /** Undefined without a broker. */
  readonly broker: DoctorFacts['broker']
  /** Undefined if another process creates backups. */
  readonly createBackup: CreateBackup | undefined
  readonly audit: {
    readonly record: RecordAuditEvent
    readonly auditIn: AuditIn
    /** Records an event once a day for each client; returns whether it did. */
    readonly recordDaily: (from: Actor, event: AuditEvent) => Promise<boolean>
    readonly store: {
      readonly newest: Parameters<typeof backupService>[0]['newestEvent']
      readonly newestOf: (action: string) => Promise<{ readonly atMs: number } | undefined>
      readonly addressesOf: (action: string, clearedBy?: string) => DoctorFacts['forwarders']
    }
    readonly guesses: DoctorFacts['guesses']
  }
  readonly accounts: {
    readonly store: Pick<DoctorFacts, 'hasOwner'>
    readonly settings: Pick<DoctorFacts, 'registration'>
    readonly passwordLoad: GaugeFacts['hashing']
    readonly accountsEnding: DoctorFacts['accountsEnding']
    readonly lastingTokens: DoctorFacts['lastingTokens']
  }
  readonly outbox: {
    readonly health: DoctorFacts['targetHealth']
    readonly metrics: Parameters<Metrics['add']>[0]
  }
  readonly areLimitsShared: GaugeFacts['areLimitsShared']
  readonly drivenLocks: DoctorFacts['drivenLocks']
  readonly suspendedGrants: DoctorFacts['suspendedGrants']
  readonly controllers: {
    readonly checks: DoctorFacts['controllers']
    readonly metrics: Parameters<Metrics['add']>[0]
  }
  readonly unlocks: {
    readonly verifierKey: { readonly id: number }
    readonly size: () => Promise<number>
    readonly store: { readonly newestCertainMs: DoctorFacts['newestEventMs'] }
    readonly eventStream: { readonly count: () => number }
    readonly verification: { readonly last: () => LastVerification | undefined }
    /** What is wrong with the log, or undefined if nothing is known to be. */
    readonly logFault: () => { readonly fault: string } | undefined
    /** If the log is stopped, why, in a sentence for anyone and in one for admins. */
    readonly logStop: () => { readonly says: string; readonly detail: string } | undefined
  }
}

type LastVerification = NonNullable<ReturnType<GaugeFacts['lastVerification']>> &
  NonNullable<Awaited<ReturnType<DoctorFacts['logCheck']>>>

export type OpsModule = {
  readonly routes: readonly Endpoint[]
  readonly backups: Pick<Backups, 'isFolderMissing' | 'start' | 'stop'>
  /** Called soon after another replica has committed. */
  readonly refresh: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const SCRAPE_REFUSED =
  'a request for /metrics without a valid token was refused: set authorization.credentials_file in prometheus.yml to a file with the token that secure-lock-server metrics-token prints'

/** Running the gateway: health, metrics, doctor, backups. Disposing aborts a backup that is running. */
export const opsModule = (deps: Dependencies): OpsModule => {
  const { version, config, db, disk, clock, logger, metrics, audit, accounts, unlocks } = deps
  const zone = onceAsked(() => homeZone(config))
  const certificateEndMs = () => deps.certificate()?.notAfterMs
  const onFailure = (error: unknown): void =>
    // The message of an AppError is enough; anything else is a bug.
    logger.error(
      error instanceof AppError ? { fault: error.message } : { err: error },
      'backup failed',
    )
  const own = backupService({
    settings: config,
    keyId: unlocks.verifierKey.id,
    createBackup: deps.createBackup,
    logStop: unlocks.logStop,
    record: audit.record,
    newestEvent: audit.store.newest,
    onFailure,
    onChange: () => void shared?.publish(),
    clock,
  })
  const shared = db.isFile ? undefined : sharedBackups({ own, db, onFailure })
  const backups = shared ?? own
  const runChecks = doctor({
    config,
    serverFacts: async () => {
      if (!config.postgres) return undefined
      const { serverFacts } = await import('../storage/postgres/diagnostics.ts')
      return serverFacts(db, config.postgres.schema)
    },
    clock,
    registration: accounts.settings.registration,
    hasOwner: accounts.store.hasOwner,
    newestEventMs: unlocks.store.newestCertainMs,
    logCheck: async () => {
      const last = unlocks.verification.last()
      return last?.ok ? { ...last, since: (await unlocks.size()) - last.size } : last
    },
    logStop: async () => unlocks.logStop()?.detail,
    startedMs: () => startedMs(audit.store),
    certificateEndMs,
    backupState: backups.state,
    forwarders: audit.store.addressesOf('proxy.untrusted'),
    silentProxies: audit.store.addressesOf('proxy.silent'),
    refusedScrapers: audit.store.addressesOf('metrics.deny', 'metrics.allow'),
    accountsEnding: accounts.accountsEnding,
    targetHealth: deps.outbox.health,
    lastingTokens: accounts.lastingTokens,
    zone,
    broker: deps.broker,
    guesses: audit.guesses,
    drivenLocks: deps.drivenLocks,
    suspendedGrants: deps.suspendedGrants,
    controllers: deps.controllers.checks,
    acceptances: (atMs) => acceptancesAt(db, atMs),
  })
  const acceptances = acceptanceService({ db, clock, runChecks, auditIn: audit.auditIn })
  metrics.add(
    serviceGauges({
      version,
      dataDir: config.dataDir,
      ...databaseSizes(config, db),
      diskState: disk.state,
      areLimitsShared: deps.areLimitsShared,
      hashing: accounts.passwordLoad,
      logSize: unlocks.size,
      lastVerification: unlocks.verification.last,
      liveStreams: unlocks.eventStream.count,
      certificateEndMs,
      newestBackupMs: async () => (await backups.list())[0]?.createdAtMs,
    }),
  )
  metrics.add(deps.outbox.metrics)
  metrics.add(deps.controllers.metrics)
  /** Clients without a valid token so far; `recordDaily` bounds how many a day. */
  const refused = new Set<string>()
  const authority = () => deps.certificate()?.authority?.pem
  const gateway = {
    version,
    address: linkBase(config),
    second_factor: config.secondFactor,
    guest_passes: config.guestPasses,
  }
  return {
    routes: [
      ...gatewayRoutes({ gateway, zone, isPrivate: () => authority() !== undefined }),
      ...healthRoutes({
        clock,
        probeWrite: () => probeWrite(db, clock.wallMs()),
        unansweredMs: db.unansweredMs,
        diskState: disk.state,
        logFault: unlocks.logFault,
        logStop: unlocks.logStop,
      }),
      ...metricsRoutes({
        metrics,
        isMetricsToken: metricsTokenCheck(config.dataDir, logger),
        onStranger: async (caller) => {
          const event = { action: 'metrics.deny', result: 'failure' } as const
          if (!(await audit.recordDaily(caller, event))) return
          refused.add(caller.address)
          logger.warn(SCRAPE_REFUSED)
        },
        onToken: async (caller) => {
          if (refused.delete(caller.address))
            await audit.record(caller, { action: 'metrics.allow', result: 'success' })
        },
      }),
      ...doctorRoutes({ runChecks, acceptances }),
      ...authorityRoutes({ authority }),
      ...backupRoutes({ backups }),
    ],
    backups,
    refresh: async () => shared?.refresh(),
    [Symbol.asyncDispose]: backups.stop,
  }
}

/** Reading the zone of the machine takes milliseconds, so the start does not wait for it. */
const onceAsked = (read: () => string): (() => string) => {
  let known: string | undefined
  return () => (known ??= read())
}
