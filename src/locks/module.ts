import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import type { Config } from '../config/config.ts'
import { homeZone, homeZoneName } from '../config/home-zone.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import { homeNetwork } from '../http/request/home-network.ts'
import type { Database } from '../storage/database.ts'
import type { DiskSpace } from '../storage/disk-space.ts'
import { databaseOfLeader } from '../storage/unit-of-work.ts'
import { type ChangeDependencies, changes } from './core/changes.ts'
import { stillPermitted } from './decisions/still-store.ts'
import { decisionModule } from './decisions/module.ts'
import { mayShare } from './decisions/sharing.ts'
import { forGuests } from './for-guests.ts'
import { makeFirstLocks } from './first/first-locks.ts'
import type { Guests } from './grants/guests.ts'
import { grantReading } from './grants/reading.ts'
import { grantRoutes } from './grants/routes.ts'
import type { People } from './grants/rights.ts'
import { grantService } from './grants/service.ts'
import { homeReader } from './home/home.ts'
import { holidayRoutes } from './home/holiday-routes.ts'
import { holidayService } from './home/holidays.ts'
import { lockdownRoutes } from './home/lockdown-routes.ts'
import { lockdownService } from './home/lockdown.ts'
import { rememberZone } from './home/zone.ts'
import { operatorRoutes } from './operator/routes.ts'
import { operatorService } from './operator/service.ts'
import { type UsedLabels, lockRoutes } from './registry/routes.ts'
import { personalAccess } from './person/access.ts'
import { lockService } from './registry/service.ts'
import { locksIn } from './registry/store.ts'
import { decisionClock } from './rules/decision-clock.ts'
import { confirmationRoutes } from './restore/confirmation-routes.ts'
import { grantSuspensions } from './restore/suspensions.ts'
import { accessWithdrawals } from './restore/withdrawals.ts'
import { useReturns } from './uses/return-use.ts'

type Deciding = Parameters<typeof decisionModule>[0]
type Operating = Parameters<typeof operatorService>[0]
type FirstLocks = Parameters<typeof makeFirstLocks>[0]

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Pick<Config, 'homeZone' | 'homeNetworks' | 'rateLimitUnlock' | 'guestPasses'>
  readonly disk: Pick<DiskSpace, 'requireRoom'>
  readonly audit: Pick<ChangeDependencies, 'auditIn' | 'record'>
  readonly unlocks: Pick<ChangeDependencies, 'recordIn'> &
    Pick<Deciding, 'receiptOf'> & {
      readonly unlockLog: Pick<Deciding, 'decide'>
      readonly limits: Pick<Deciding, 'requireRoom'>
      readonly spendAttempt: Deciding['spend']
      readonly deriveUuid: Operating['deriveUuid']
      readonly labels: { readonly others: UsedLabels; readonly mostUsed: FirstLocks['mostUsed'] }
      readonly size: FirstLocks['size']
      readonly clock: FirstLocks['logClock']
    }
  readonly people: Omit<People, 'findAccount'> &
    Pick<Operating, 'findAccount'> &
    Pick<ChangeDependencies, 'actingRole'> &
    Pick<Deciding, 'recordRefused'>
  readonly guests: Pick<Guests, 'makeIn' | 'endIn'>
  readonly reach: Parameters<typeof lockRoutes>[0]['reach']
  readonly isClockSynchronised: Parameters<typeof decisionClock>[0]['isClockSynchronised']
} & Pick<Deciding, 'onDecision' | 'onOverLimit' | 'operate' | 'deliveryOf' | 'openWindows'>

type Begin = {
  /** Called from time to time with the progress. */
  readonly onUpgrade?: ((done: string) => void) | undefined
}

/** Locks, and who may open them. */
export const locksModule = ({
  db,
  clock,
  logger,
  config,
  audit: { auditIn, record },
  unlocks,
  people,
  guests,
  disk,
  reach,
  isClockSynchronised,
  ...told
}: Dependencies) => {
  const { actingRole, recordRefused } = people
  const { recordIn, labels, size, clock: logClock } = unlocks
  const shared = { db, clock, changes: changes({ db, auditIn, record, recordIn, actingRole }) }
  const zone = () => homeZone(config)
  const isOpenToMembers = config.guestPasses === 'members'
  const isOnHomeNetwork = homeNetwork({ ...config, ...clock })
  const isClockDoubted = decisionClock({ clock, isClockSynchronised })
  const certainMs = () => logClock().newestMs
  const decisionTime = () => ({ nowMs: clock.wallMs(), isDoubted: isClockDoubted(certainMs()) })
  const locks = lockService({
    ...shared,
    openToMembers: (tx, by, lock) =>
      grants.addIn(tx, by, { holder: { role: 'member' }, locks: [lock] }),
  })
  const lockdowns = lockdownService(shared)
  const holidays = holidayService(shared)
  const decisions = decisionModule({
    db,
    logger,
    zone,
    isOpenToMembers,
    isOnHomeNetwork,
    certainMs,
    clock: decisionTime,
    monotonicMs: clock.monotonicMs,
    decide: unlocks.unlockLog.decide,
    receiptOf: unlocks.receiptOf,
    isLimited: config.rateLimitUnlock.length > 0,
    requireRoom: unlocks.limits.requireRoom,
    spend: unlocks.spendAttempt,
    recordRefused,
    requireRoomForGuest: () => disk.requireRoom('last'),
    ...told,
  })
  const operators = operatorService({
    ...shared,
    auditIn,
    findAccount: people.findAccount,
    decide: decisions.attempts.decide,
    deriveUuid: unlocks.deriveUuid,
  })
  const readHome = homeReader(zone)
  const grants = grantService({
    ...shared,
    people,
    guests: {
      ...guests,
      isOpenToMembers,
      mayShare: (queries, publicId, asked) =>
        mayShare(queries, publicId, { locks: asked, nowMs: clock.nonDecreasingMs() }),
    },
    readHome,
    isOnHomeNetwork,
  })
  const reading = grantReading({ db, clock, readHome })
  const suspensions = grantSuspensions(shared)
  const routes: readonly Endpoint[] = [
    ...lockRoutes({
      locks,
      mayOpen: decisions.access.mayOpen,
      usedLabels: labels.others,
      reach,
    }),
    ...lockdownRoutes({ lockdowns }),
    ...holidayRoutes({ holidays }),
    ...decisions.routes,
    ...operatorRoutes({ operators }),
    ...grantRoutes({ grants, reading }),
    ...confirmationRoutes({ suspensions, reading }),
  ]
  return {
    /** Creates the first locks of a home that has had none. Called when the service starts, and by commands that
     * change locks and grants. Logs a failure, and the next start tries again: a stopped log or a full disk must
     * not prevent a start. */
    begin: async ({ onUpgrade = () => {} }: Begin = {}): Promise<void> => {
      try {
        const { mostUsed } = labels
        await makeFirstLocks({ ...shared, mostUsed, size, logClock, locks, grants }, onUpgrade)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        logger.warn({ reason: error.message }, 'the first locks were not made')
      }
    },
    /** Remembers the time zone of the home. Called when the service starts, or when this replica begins to lead: one
     * that is refused for another zone changes nothing. Logs a failure, as above. */
    beginLeading: async (): Promise<void> => {
      try {
        const leading = { ...shared, db: databaseOfLeader(db) }
        await rememberZone(leading, { name: homeZoneName(config), zone })
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        logger.warn({ reason: error.message }, 'the time zone was not remembered')
      }
    },
    locks,
    /** Returns the name of a lock by its label, or undefined if there is none. */
    nameOf: async (label: string): Promise<string | undefined> =>
      (await locksIn(db).find(label))?.name,
    lockdowns,
    holidays,
    /** Returns a lock by its label, as one transaction or reader sees it. */
    findLock: (queries: Parameters<typeof locksIn>[0], label: string) =>
      locksIn(queries).find(label),
    decisions,
    operators,
    grants,
    grantReading: reading,
    suspensions,
    returnUseIn: useReturns(shared.changes),
    /** Returns which permitted attempts may still open their locks. */
    stillPermitted: (
      queries: Parameters<typeof stillPermitted>[0],
      attemptIds: readonly string[],
    ) => stillPermitted(queries, attemptIds, clock.wallMs()),
    routes,
    forGuests: forGuests({ decisions, locks, grants, reading, clock: decisionTime, db }),
    access: personalAccess({ db, grants, reading }),
    withdrawAgain: accessWithdrawals({
      ...shared,
      locks,
      lockdowns,
      grants,
      operators,
      suspensions,
    }),

    [Symbol.dispose]: decisions.retention.stop,
  }
}
