import type { Config } from '../config/config.ts'
import type { Account } from '../domain/account.ts'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import { SECOND_MS } from '../domain/duration.ts'
import type { Clock } from '../domain/clock.ts'
import type { OpenWindows } from '../domain/limits/windows.ts'
import { AppError } from '../errors.ts'
import type { Caller } from '../http/authorization.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import type { DiskSpace } from '../storage/disk-space.ts'
import { forkGuard } from './guard/fork-guard.ts'
import type { LogBreak } from './guard/head-file.ts'
import { lossId } from './guard/loss.ts'
import { type Stops, addStop, stopsIn } from './guard/stop-store.ts'
import { stopDetail, stoppedWords } from './guard/words.ts'
import { unlockLogClock } from './log/clock.ts'
import { deniedAccessRecorder } from './recording/denied-access.ts'
import { lockLabels } from './labels/store.ts'
import { type EventJson, eventJson, listedJson } from './log/event-json.ts'
import type { EventAnswer } from './log/schema.ts'
import { keyFile } from './log/key-file.ts'
import { retention } from './log/retention.ts'
import { type UnlockLimits, recordRefused, unlockRoutes } from './recording/routes.ts'
import { reportRecorder } from './recording/reports.ts'
import { type OnGrowth, openUnlockLog } from './recording/service.ts'
import { unlockStore } from './log/store.ts'
import { HEARTBEAT_SECONDS, eventStream } from './query/event-stream.ts'
import { accountUnlockPages } from './query/export.ts'
import { exportedEvents } from './query/export-store.ts'
import { proofRoutes } from './query/proof-routes.ts'
import { unlockQueryRoutes } from './query/routes.ts'
import { statsRoutes } from './query/stats-routes.ts'
import { unlockCounts } from './query/stats-store.ts'
import { unlockQueries } from './query/store.ts'
import { streamRoutes } from './query/stream-routes.ts'
import { visibleSize } from './query/visible-size.ts'
import { type Quotas, unlockQuota } from './quota/service.ts'
import { quotaStore } from './quota/store.ts'
import { catchUpSummary } from './summary/catch-up.ts'
import type { TreeHead } from './tlog/continuity.ts'
import { logHealth } from './verify/health.ts'
import { verificationRoutes } from './verify/routes.ts'
import { verificationScheduler } from './verify/scheduler.ts'
import { sharedVerification } from './verify/shared-verification.ts'

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Pick<Config, 'dataDir' | 'databasePath' | 'logRetentionMs' | QuotaSetting>
  readonly openWindows: OpenWindows
  readonly disk: Pick<DiskSpace, 'isReserved' | 'requireRoom' | 'requireRoomFor'>
  readonly audit: {
    readonly record: RecordAuditEvent
    /** Erases addresses from audit events before a time; returns the number of events. */
    readonly store: { readonly eraseAddressesBefore: (timeMs: number) => Promise<number> }
  }
  /** Called with the size of the log when it is opened and after each commit, and whether this process grew it. */
  readonly onGrowth: OnGrowth
  /** Called after each request that records too many unlocks. */
  readonly onOverLimit: () => void
  /** Called with a sentence for people when the log stops, or a verification finds a fault. */
  readonly onProblem: (says: string) => void
  readonly heartbeatSeconds?: number | undefined
  /** Called at most once a second after an upgrade, until the summary of the log is complete. */
  readonly onUpgrade?: ((done: string) => void) | undefined
}

/** The longest that a COMMIT of another replica may take, including how far its clock is behind. Its statements are given
 * up much sooner. */
const COMMIT_MS_MAX = 10 * SECOND_MS

type QuotaSetting =
  | 'rateLimitUnlock'
  | 'unlockQuota'
  | 'unlockQuotaBytes'
  | 'unlockQuotaWaiting'
  | 'unlockQuotaClient'

/** Reads the quotas from the settings. With RATE_LIMIT_UNLOCK=off there are none. */
const quotasFrom = (config: Pick<Config, QuotaSetting>): Quotas | undefined =>
  config.rateLimitUnlock.length === 0
    ? undefined
    : {
        account: { events: config.unlockQuota, bytes: config.unlockQuotaBytes },
        waiting: { events: config.unlockQuotaWaiting, bytes: config.unlockQuotaBytes },
        waitingClient: { events: config.unlockQuotaClient, bytes: config.unlockQuotaBytes },
      }

/** What the routes need of accounts, which are opened after the log that denials are recorded in. */
type RouteDependencies = Pick<Parameters<typeof unlockRoutes>[0], 'refusedAccount'> &
  Pick<Parameters<typeof streamRoutes>[0], 'authenticateRequest' | 'holdConnection'>

/** Opens the unlock log and everything that reads, verifies and erases it. Before the database is opened,
 * call `keyFile(dataDir).requireDatabase`. Throws `unavailable` if the log's key is missing or
 * damaged. */
export const openUnlocks = async ({
  db,
  clock,
  logger,
  config,
  disk,
  audit,
  ...deps
}: Dependencies) => {
  const { heartbeatSeconds = HEARTBEAT_SECONDS, onGrowth, onUpgrade = () => {} } = deps
  const { record } = audit
  const store = unlockStore(db)
  const head = await store.head()
  const hasLog = head !== undefined
  await catchUpSummary(db, { logSize: head?.size ?? 0, onProgress: onUpgrade })
  const { signer, deriveUuid } = keyFile(config.dataDir).open({ hasLog })
  const key = signer.verifierKey
  const logClock = unlockLogClock({ clock, newestMs: await store.newestCertainMs() })
  const guard = forkGuard({
    onStop: ({ kind }) => deps.onProblem(stoppedWords(kind)),
    dataDir: config.databasePath === ':memory:' ? undefined : config.dataDir,
    origin: key.name,
    clock,
    logger,
  })
  const stops = db.isFile
    ? undefined
    : {
        read: () => stopsIn(db, key.name),
        addIn: addStop,
        lossId: (lost: TreeHead) => lossId(lost, deriveUuid),
      }
  const unlockLog = await openUnlockLog({ store, signer, clock: logClock, guard, stops })
  const size = async () => (await unlockLog.head()).size
  onGrowth(await size(), false)
  unlockLog.onCommit(onGrowth)

  const recordDenied = deniedAccessRecorder({
    append: unlockLog.append,
    logger,
    isDiskReserved: () => disk.isReserved(),
    clock,
  })
  const { eraseAddressesBefore } = audit.store
  const erasing = { unlockLog, eraseAddressesBefore, record }
  const retentionMs = config.logRetentionMs
  const retained = retention({ retentionMs, clock: logClock, logger, ...erasing })
  const queries = unlockQueries(db, clock)
  const eventsOf = exportedEvents(db, clock.wallMs)
  const labels = lockLabels(db)
  const visible = {
    visibleSize: visibleSize({ unlockLog, store, clock, commitMs: db.isFile ? 0 : COMMIT_MS_MAX }),
  }
  const stream = eventStream({ queries, unlockLog, heartbeatSeconds, ...visible })
  const quota = unlockQuota({
    windows: config.rateLimitUnlock,
    openWindows: deps.openWindows,
    quotas: quotasFrom(config),
    store: quotaStore(db),
    clock,
    logClock,
    newestMs: store.newestCertainMs,
    onRefusal: deps.onOverLimit,
  })
  unlockLog.onCommit((_, isOwn) => {
    if (!isOwn) quota.onForeignCommit()
  })
  const limits: UnlockLimits = {
    ...quota,
    requireDisk: (account, sending) => {
      try {
        if (sending === 'lone') disk.requireRoomFor(account)
        else disk.requireRoom('reserve')
      } catch (error) {
        quota.count(account, sending, 1)
        throw error
      }
    },
  }
  const verification = verificationScheduler({
    store,
    key,
    clock,
    logger,
    onFault: (fault) => deps.onProblem(`The unlock log is broken: ${fault}`),
    shared: db.isFile ? undefined : sharedVerification({ db, clock }),
  })

  return {
    store,
    unlockLog,
    verifierKey: key,
    deriveUuid,
    guard,
    size,
    refresh: unlockLog.refresh,
    recordDenied,
    limits,

    /** Counts an attempt at a lock like a lone unlock. Throws RateLimitError if its account has no room for
     * another, and `unavailable` if the disk has none. Returns a function that undoes this. */
    spendAttempt: async (account: Account, caller: Caller): Promise<() => void> => {
      limits.requireDisk(account, 'lone')
      limits.count(account, 'lone', 1)
      const spent = [{ method: 'app' }]
      const takeBack = await limits.spend(account, caller, spent)
      return () => takeBack(spent)
    },

    /** Records a lock's report. */
    report: reportRecorder({ unlockLog, requireRoom: () => disk.requireRoom('last'), logger }),

    /** Records that someone whose session or account has ended tried to open a lock, if there is one. */
    recordRefused: (
      request: Request,
      refusedAccount: RouteDependencies['refusedAccount'],
      findLock: () => Promise<string | undefined>,
    ): Promise<void> => recordRefused({ refusedAccount, recordDenied }, request, findLock),
    /** Returns the receipt of an event, against the log as it was when the event was recorded. */
    receiptOf: async (seq: number): Promise<string> => {
      const events = await store.page(seq - 1, 1)
      const receipts = await unlockLog.receipts(events, await unlockLog.headAt(seq + 1))
      return receipts.get(seq) ?? ''
    },
    /** Returns an event as the API shows it, or undefined if there is none with that number. */
    findShown: async (seq: number): Promise<EventJson | undefined> => {
      const [event] = await store.page(seq - 1, 1)
      return event?.seq === seq ? eventJson(event) : undefined
    },
    /** Returns what a guest did, as the API shows it, newest first. */
    ofPass: async (
      passId: string,
      page: Parameters<typeof queries.ofPass>[1],
    ): Promise<{ readonly unlocks: readonly EventAnswer[]; readonly next: number | undefined }> => {
      const { unlocks, next } = await queries.ofPass(passId, page)
      return { unlocks: unlocks.map(listedJson), next }
    },

    /** Adds records to the log in a unit of work. */
    recordIn: unlockLog.recordIn,
    /** Adds reports of locks to the log in a unit of work. */
    reportIn: unlockLog.reportIn,
    clock: logClock,
    eraseAccount: unlockLog.eraseAccount,
    eraseGuest: unlockLog.eraseGuest,
    finishErasures: unlockLog.finishErasures,
    retention: retained,
    eventStream: stream,
    verification,

    /** Returns the last verification if it found a fault. */
    logFault: () => {
      const last = verification.last()
      return last?.ok === false ? last : undefined
    },

    /** Returns why the log is stopped, in a sentence for anyone and in one for admins, or undefined if it is
     * not. */
    logStop: () => {
      const found = guard.found()
      return found && { says: stoppedWords(found.kind), detail: stopDetail(found) }
    },

    /** Returns whether the log can be trusted, according to the last verification. */
    health: logHealth({
      verification,
      isStopped: () => guard.found() !== undefined,
      headAt: unlockLog.headAt,
      key,
    }),

    /** Compares the log with the largest signed head. Returns how it fails to continue that head; undefined if
     * it continues it, or if the log is broken, which its verification reports. */
    findBreak: async (): Promise<LogBreak | undefined> => {
      try {
        await unlockLog.requireContinued()
      } catch (error) {
        if (!(error instanceof AppError)) throw error
      }
      return guard.found()
    },

    /** Returns why replicas have stopped the log of a home on a server. */
    stops: async (): Promise<Stops | undefined> => stops?.read(),

    /** The labels of locks that unlocks name. */
    labels,

    /** Yields the unlocks of one account, by its public id, in pages. */
    accountUnlocks: accountUnlockPages({ unlockLog, eventsOf }),

    routes: ({
      refusedAccount,
      authenticateRequest,
      holdConnection,
    }: RouteDependencies): readonly Endpoint[] => [
      ...unlockRoutes({ unlockLog, limits, deriveUuid, refusedAccount, recordDenied }),
      ...unlockQueryRoutes({ queries, eventsOf, record, ...visible }),
      ...streamRoutes({ eventStream: stream, authenticateRequest, holdConnection }),
      ...statsRoutes({ counts: unlockCounts(db), size, clock }),
      ...proofRoutes({ unlockLog, store, queries, ...visible }),
      ...verificationRoutes({ verification, ...visible }),
    ],

    /** Stops all work and ends the streams. */
    [Symbol.asyncDispose]: async (): Promise<void> => {
      retained.stop()
      stream.close()
      await verification.stop()
      await guard[Symbol.asyncDispose]()
    },
  }
}
