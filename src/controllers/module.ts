import type { Config } from '../config/config.ts'
import type { Actor, RecordAuditEvent } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import type { CertificateFacts } from '../http/connection/certificate.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import { isLoopback } from '../http/request/client-address.ts'
import type { Database, Queries, Transaction } from '../storage/database.ts'
import { type AuditIn, type RecordIn, databaseOfLeader } from '../storage/unit-of-work.ts'
import { controllerChecks } from './checks.ts'
import type { Controller } from './core/controller.ts'
import { controllersIn } from './core/store.ts'
import { doorKeys } from './door-key/door-key.ts'
import { codesIn } from './enrolment/codes-store.ts'
import { enrolmentRoutes } from './enrolment/routes.ts'
import type { ControllerState, ListedController } from './enrolment/schema.ts'
import { NO_SUCH_LOCK, enrolmentService } from './enrolment/service.ts'
import { type Elsewhere, type Operations, type Permitted, commandQueue } from './online/commands.ts'
import { lines as pollLines } from './online/lines.ts'
import { controllerMetrics, counts } from './metrics.ts'
import { pollService } from './online/polls.ts'
import { presence } from './online/presence.ts'
import { onlineRoutes } from './online/routes.ts'
import { controllerWatch } from './online/watch.ts'
import { reportService } from './reports/service.ts'

type Enrolling = Parameters<typeof enrolmentService>[0]
type Reporting = Parameters<typeof reportService>[0]
type Commanding = Parameters<typeof commandQueue>[0]

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Pick<
    Config,
    'dataDir' | 'host' | 'port' | 'publicUrl' | 'rateLimitAuth' | 'tlsCertFile'
  >
  readonly audit: { readonly auditIn: AuditIn; readonly record: RecordAuditEvent }
  readonly recordIn: RecordIn
  readonly operations: Operations &
    Pick<Reporting, 'settleIn'> &
    Pick<Elsewhere, 'open'> & {
      readonly noteSentIn: (
        tx: Transaction,
        attemptIds: Iterable<string>,
      ) => Promise<ReadonlySet<string>>
      readonly abandonOpen: () => Promise<void>
    }
  /** Returns which of these attempts may still open their locks: meanwhile, a lockdown may have begun, or a grant have
   * been revoked. */
  readonly stillPermitted: (
    queries: Pick<Queries, 'all'>,
    attemptIds: readonly string[],
  ) => Promise<ReadonlySet<string>>
  readonly certificate: () => CertificateFacts | undefined
} & Pick<Enrolling, 'findLock' | 'checkPassword'> &
  Pick<Reporting, 'reportIn' | 'announceIn' | 'requireRoom' | 'openWindows'> &
  Pick<Commanding, 'unheardMs'>

/** Devices at locks that open them for permitted attempts, and sign what happened. Without any, there are no timers and
 * no reads. */
export const controllersModule = (deps: Dependencies) => {
  const { db, clock, logger, config, operations, findLock, announceIn } = deps
  const { auditIn } = deps.audit
  const shared = { db, clock, auditIn, recordIn: deps.recordIn }
  const onError = (error: unknown): void =>
    logger.error({ err: error }, 'what a controller said was not stored')
  const keys = doorKeys({ ...shared, dataDir: config.dataDir })
  const lines = pollLines(clock)
  const [commandCounts, reportCounts] = [counts(), counts()]
  const watch = controllerWatch({
    clock,
    storeSeen: (seen) => db.transaction((tx) => controllersIn(tx).setSeen(seen)),
    // At a server, other replicas see controllers too.
    ...(db.isFile
      ? {}
      : {
          seenElsewhereMs: async () =>
            new Map((await controllersIn(db).all()).map(({ id, seenAtMs }) => [id, seenAtMs ?? 0])),
        }),
    isLeader: db.leading.isLeader,
    onSilent: ({ name, lock }) =>
      databaseOfLeader(db).transaction((tx) =>
        announceIn(tx, {
          event: 'controller.silent',
          says: `The controller ${name} of the lock ${lock} has stopped answering`,
        }),
      ),
    onError,
  })
  /** With a home on a server, controllers may poll other replicas. */
  const elsewhere: Elsewhere | undefined = db.isFile
    ? undefined
    : {
        isOnline: async (lockId) =>
          (await onlineElsewhere()).values().some((one) => one.lockId === lockId),
        open: operations.open,
        claim: (ids) =>
          db.transaction(async (tx) =>
            operations.noteSentIn(tx, await deps.stillPermitted(tx, ids)),
          ),
        heard: async (id, sinceMs) => {
          const controller = watch.find(id)
          return controller ? reports.heard(controller, sinceMs) : []
        },
      }
  const onlineElsewhere = async (): Promise<ReadonlyMap<string, { readonly lockId: string }>> =>
    db.isFile ? new Map() : controllersIn(db).online(clock.wallMs())
  const commands = commandQueue({
    clock,
    lines,
    operations,
    controllersOf: (lockId) =>
      watch
        .all()
        .filter((one) => one.lockId === lockId && one.forkedAtMs === null)
        .map(({ id }) => id),
    stillPermitted: (ids) => deps.stillPermitted(db, ids),
    onCommand: commandCounts.add,
    onError,
    unheardMs: deps.unheardMs,
    elsewhere,
  })
  const reports = reportService({
    ...shared,
    openWindows: deps.openWindows,
    reportIn: deps.reportIn,
    settleIn: operations.settleIn,
    announceIn,
    requireRoom: deps.requireRoom,
    isLast: db.isFile ? commands.isLast : undefined,
    onHeard: commands.heard,
    onReport: reportCounts.add,
    onForked: (id) => {
      watch.forked(id)
      lines.forget(id)
    },
  })
  const present = presence({
    clock,
    lines,
    store: (...told) => db.transaction((tx) => controllersIn(tx).setOnline(...told)),
  })
  const polls = pollService({
    clock,
    lines,
    commands,
    keys,
    reports,
    onSeen: watch.seen,
    requireKey: db.isFile ? undefined : keys.current,
    onBegun: db.isFile
      ? undefined
      : async (isNew) => {
          present.begun(isNew)
          if (isNew) await commands.refresh()
        },
  })
  const enrolment = enrolmentService({
    ...shared,
    findLock,
    keys,
    checkPassword: deps.checkPassword,
    onChange: (controller) => {
      polls.forget(controller.id)
      if (controller.removedAtMs === null) watch.add(controller)
      else watch.remove(controller.id)
    },
  })

  /** Returns a function that returns the current state of a controller, whichever replica it polls. */
  const states = async (): Promise<(controller: Controller) => ControllerState> => {
    const online = await onlineElsewhere()
    return ({ id, forkedAtMs, removedAtMs }) => {
      if (removedAtMs !== null) return 'removed'
      if (forkedAtMs !== null) return 'forked'
      return lines.isOnline(id) || online.has(id) ? 'online' : 'offline'
    }
  }

  /** Returns the controllers of a lock by its label, or of all locks. Throws `not_found`. */
  const listed = async (
    label?: string,
    { withRemoved = false } = {},
  ): Promise<readonly ListedController[]> => {
    const lock = label === undefined ? undefined : await findLock(db, label)
    if (label !== undefined && !lock) throw new AppError('not_found', NO_SUCH_LOCK)
    const stateOf = await states()
    const controllers = controllersIn(db)
    const found = await (lock ? controllers.ofLock(lock.id) : controllers.all())
    const removed = withRemoved
      ? (await controllers.removed()).filter(({ lockId }) => !lock || lockId === lock.id)
      : []
    return Promise.all(
      [...found, ...removed].map(async (one) => ({
        ...one,
        state: stateOf(one),
        seenAtMs: watch.seenAtMs(one.id) ?? one.seenAtMs,
        missing: (await reports.received(one)).missing,
      })),
    )
  }

  /** What was read after the last commit of another process. */
  let known = ''

  const refresh = async (all: readonly Controller[]): Promise<void> => {
    for (const { id, enrolledAtMs, forkedAtMs } of watch.all()) {
      const now = all.find((one) => one.id === id)
      const isSame =
        now?.enrolledAtMs === enrolledAtMs && (now.forkedAtMs === null) === (forkedAtMs === null)
      if (isSame) continue
      polls.forget(id)
      watch.remove(id)
    }
    for (const controller of all)
      if (watch.has(controller.id)) lines.wake(controller.id)
      else watch.add(controller)
  }

  const ofLock = (lockId: string) => watch.all().filter((one) => one.lockId === lockId)

  return {
    routes: [
      ...enrolmentRoutes({
        enrolment,
        listed: (label) => listed(label, { withRemoved: true }),
        commandFor: (code) => commandFor(config, deps.certificate()?.authority?.sha256, code),
        isLimited: config.rateLimitAuth.length > 0,
        openWindows: deps.openWindows,
        nowMs: clock.wallMs,
      }),
      ...onlineRoutes({ polls, reports, authenticate: enrolment.authenticate }),
    ] satisfies readonly Endpoint[],

    /** Throws `unavailable` if there is a door key whose private half is missing here. */
    requireDoorKey: async (): Promise<void> => void (await keys.current()),

    /** Called when the service starts. */
    begin: async (): Promise<void> => {
      for (const controller of await controllersIn(db).all()) watch.add(controller)
      if (watch.all().length > 0) await commands.begin()
    },

    /** Called when the service starts, or when this replica begins to lead. Operations still open from before are never
     * repeated; late reports still say how they ended. */
    beginLeading: async (): Promise<void> => {
      if (watch.all().length > 0) await operations.abandonOpen()
    },

    /** Called after another process has committed. */
    onForeignCommit: async (): Promise<void> => {
      const all = await controllersIn(db).all()
      // The new key may not have been copied here yet.
      const key = all.length > 0 ? await keys.current().catch(() => undefined) : undefined
      const now = JSON.stringify([
        all.map((controller) => ({ ...controller, seenAtMs: null })),
        key && Buffer.from(key.publicKey).toString('base64'),
      ])
      if (now !== known) await refresh(all)
      known = now
      if (watch.all().some(({ id }) => lines.isOnline(id))) await commands.refresh()
    },

    /** Applies changes that another process has made. */
    refresh: async (): Promise<void> => refresh(await controllersIn(db).all()),

    /** Replaces the key that signs commands. If it was stolen, all controllers have to enrol again. Throws `conflict`
     * if there is none yet. */
    rotateDoorKey: (by: Actor, { isStolen }: { readonly isStolen: boolean }): Promise<void> =>
      keys.rotate(by, {
        isStolen,
        alsoIn: async (tx) => {
          if (isStolen) await enrolment.removeAllIn(tx, by)
        },
      }),

    /** Returns whether a lock has controllers, trusted or not. */
    has: (lockId: string): boolean => ofLock(lockId).length > 0,

    /** Returns whether a controller waits for commands right now. */
    isPolling: lines.isPolling,

    /** Sends the controllers of a lock a command for an attempt that was just permitted, without waiting for them. */
    operate: (attempt: Permitted): Promise<void> => commands.operate(attempt),

    /** Returns a function that tells whether a controller of a lock can be reached now. */
    reach: async (): Promise<(lockId: string) => 'none' | 'online' | 'offline'> => {
      if (watch.all().length === 0) return () => 'none'
      const stateOf = await states()
      return (lockId) => {
        const controllers = ofLock(lockId)
        if (controllers.length === 0) return 'none'
        return controllers.some((one) => stateOf(one) === 'online') ? 'online' : 'offline'
      }
    },

    /** Forgets that an account that is being erased made codes. */
    eraseIn: (tx: Pick<Queries, 'get' | 'run'>, publicId: string): Promise<void> =>
      codesIn(tx).forgetMaker(publicId),

    /** Ends all polls, so that a stop need not wait for them. */
    endPolls: lines.close,

    enrolment,
    listed,
    /** Returns the command that enrols a controller; `authority` is the SHA-256 of the private CA. */
    commandFor: (code: string, authority?: string): string => commandFor(config, authority, code),
    watch,

    metrics: controllerMetrics({
      states: async () => watch.all().map(await states()),
      commands: commandCounts,
      reports: reportCounts,
    }),

    /** Returns what `doctor` says about controllers. */
    checks: controllerChecks({
      db,
      keys,
      live: { isSilent: watch.isSilent, trustsOtherKey: polls.trustsOtherKey },
      nowMs: clock.wallMs,
    }),

    [Symbol.asyncDispose]: async (): Promise<void> => {
      commands.stop()
      present.stop()
      lines.close()
      await watch.stop()
    },
  }
}

/** Returns the command that enrols a controller, on the device at the lock. */
const commandFor = (
  config: Parameters<typeof linkBase>[0],
  authority: string | undefined,
  code: string,
): string => {
  const base = linkBase(config)
  return [
    `secure-lock-server controller --gateway ${base}`,
    ...(authority ? [`--ca-sha256 ${authority.replaceAll(':', '').toLowerCase()}`] : []),
    ...(base.startsWith('http://') && !isLoopback(new URL(base).hostname) ? ['--plain-http'] : []),
    `--code ${code}`,
    '--dry-run',
  ].join(' ')
}
