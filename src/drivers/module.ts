import type { NewReport, Delivery } from '../domain/access.ts'
import type { Broker } from '../domain/broker.ts'
import type { Clock } from '../domain/clock.ts'
import { SECOND_MS } from '../domain/duration.ts'
import { AppError } from '../errors.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import { type AuditIn, databaseOfLeader } from '../storage/unit-of-work.ts'
import { KINDS } from './kinds.ts'
import type { ReturnUseIn } from './operating/service.ts'
import { signedOperations } from './operating/signed.ts'
import { operationsIn, overdueAt } from './operating/store.ts'
import { type DrivenLock, type Sender, drivenLock } from './running/lock.ts'
import { messageRunner } from './running/messages.ts'
import type { RefusalOf } from '../http/outgoing/send.ts'
import { deviceReach } from './running/reach.ts'
import { requestRunner } from './running/requests.ts'
import { NOTHING_KNOWN, type Status } from './running/status.ts'
import { type Told, statusTeller } from './running/told.ts'
import { driverRoutes } from './setup/routes.ts'
import { type FindLock, setupService } from './setup/service.ts'
import { type Setup, setupsIn } from './setup/store.ts'
import { slotRoutes } from './slots/routes.ts'
import { slotService } from './slots/service.ts'

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly audit: { readonly auditIn: AuditIn }
  /** Undefined without a broker. */
  readonly broker: Broker | undefined
  /** Returns why connections to an address are refused, or undefined if they are allowed. */
  readonly refusalOf: RefusalOf
  readonly findLock: FindLock
  /** Returns the name of an account, or undefined if there is none. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  /** Adds what a lock reports to the unlock log; resolves after COMMIT. */
  readonly report: (report: NewReport) => Promise<unknown>
  /** Returns the use that an attempt counted to its grant, in the transaction that stores that it failed. */
  readonly returnUseIn: ReturnUseIn
  /** How long a lock may take to carry out a command; by default as in the manual. */
  readonly deadlineMs?: number | undefined
}

type Running = { readonly lock: DrivenLock; readonly sender: Sender; readonly sinceMs: number }

/** A lock with a driver, and its status. */
export type DrivenLockState = Status & {
  readonly label: string
  readonly kind: Setup['kind']
  /** When the driver started listening. */
  readonly sinceMs: number
  /** Whether the lock sends something every day. */
  readonly speaksDaily: boolean
  /** False if it needs the broker and there is none. */
  readonly isConnected: boolean
}

/** How old an attempt that another replica has permitted may be when the lock is asked: later, nobody may stand at the
 * door. */
const ASKED_MS_MAX = 10 * SECOND_MS

/** How often to look for operations that a dead replica has left open, and how long after their deadline they end. */
const SETTLE_MS = 5 * SECOND_MS
const SETTLE_AFTER_MS = 10 * SECOND_MS

/** How often storing a report is tried, and at what interval. */
const STORE_TRIES = 20
const STORE_AGAIN_MS = 5 * SECOND_MS

/** Drivers of locks: they open them for permitted attempts, and receive their reports. Without a driver there are no
 * connections, and for a file no timers or reads. */
export const driversModule = (deps: Dependencies) => {
  const { db, clock, logger, audit, broker, refusalOf, findLock, nameOf, returnUseIn, deadlineMs } =
    deps
  const reach = deviceReach(refusalOf)
  const running = new Map<string, Running>()
  const listeners = new Set<(label: string, status: Status) => void>()
  const jobs = databaseOfLeader(db)
  let isStopped = true
  /** The recent attempts for which a lock was asked, by this replica or the leader before it, and when they were
   * decided. */
  const asked = new Map<string, number>()
  let settling: Timer | undefined

  /** Retries, so that a report is not lost because the disk is full for a moment. */
  const report = async (given: NewReport): Promise<void> => {
    for (let tries = 1; ; tries += 1)
      try {
        return void (await deps.report(given))
      } catch (error) {
        const mayPass = error instanceof AppError && error.code === 'unavailable'
        if (!mayPass || isStopped || tries === STORE_TRIES) throw error
        await Bun.sleep(STORE_AGAIN_MS)
      }
  }

  const stop = (lockId: string): void => {
    const known = running.get(lockId)
    known?.sender.stop()
    known?.lock.stop()
    running.delete(lockId)
    teller.forget(lockId)
  }

  const teller = statusTeller({
    statuses: () =>
      [...running.values()].map(({ lock, sinceMs }) => ({
        setup: lock.setup,
        told: { ...lock.status(), sinceMs },
      })),
    store: (changed) =>
      jobs.transaction(async (tx) => {
        for (const { setup, told } of changed)
          await setupsIn(tx).setStatus(setup, JSON.stringify(told))
      }),
  })
  /** Tells other replicas the states of locks, if there can be any replicas. */
  const tell = (): void => {
    if (!db.isFile) teller.tell()
  }

  const start = (setup: Setup): void => {
    const lock = drivenLock(setup, {
      db: jobs,
      clock,
      logger,
      report,
      nameOf,
      returnUseIn,
      deadlineMs,
      onState: (label, status) => {
        for (const listener of listeners) listener(label, status)
        tell()
      },
      isLeader: db.leading.isLeader,
    })
    running.set(setup.lockId, { lock, sender: senderFor(setup, lock), sinceMs: clock.wallMs() })
    tell()
  }

  const senderFor = ({ kind, settings, secrets }: Setup, lock: DrivenLock): Sender => {
    const made = KINDS[kind].make(settings, secrets)
    if (made.by === 'requests') return requestRunner(made.driver, { reach, ...lock })
    return broker ? messageRunner(made.driver, { broker, clock, ...lock }) : UNCONNECTED
  }

  const setups = setupService({
    db,
    auditIn: audit.auditIn,
    findLock,
    hasBroker: broker !== undefined,
    onChange: (lockId, setup) => {
      void running.get(lockId)?.lock.abandon()
      stop(lockId)
      // Otherwise the process that leads does.
      if (setup && db.leading.isLeader()) start(setup)
    },
  })
  const slots = slotService({ db, auditIn: audit.auditIn, findLock, nameOf, clock })
  const operations = operationsIn(db)
  const end = (): void => {
    isStopped = true
    clearInterval(settling)
    teller.stop()
    for (const lockId of running.keys().toArray()) stop(lockId)
  }
  const stateOf = (
    { lockId, label, kind }: Pick<Setup, 'lockId' | 'label' | 'kind'>,
    told: Told,
  ): DrivenLockState & { readonly lockId: string } => ({
    lockId,
    label,
    kind,
    speaksDaily: KINDS[kind].speaksDaily,
    isConnected: broker !== undefined || !KINDS[kind].needsBroker,
    ...told,
  })
  /** The locks that this process asks. */
  const own = () =>
    [...running.values()].map(({ lock, sinceMs }) =>
      stateOf(lock.setup, { ...lock.status(), sinceMs }),
    )
  /** The locks with a driver, whichever replica asks them. */
  const states = async (): Promise<readonly (DrivenLockState & { readonly lockId: string })[]> => {
    if (db.leading.isLeader()) return own()
    return (await setupsIn(db).statuses()).map(({ status, ...setup }) =>
      stateOf(
        setup,
        status === null
          ? { ...NOTHING_KNOWN, sinceMs: clock.wallMs() }
          : (JSON.parse(status) as Told),
      ),
    )
  }
  const statusOf = async (lockId: string): Promise<Status> =>
    (await states()).find((state) => state.lockId === lockId) ?? NOTHING_KNOWN

  /** Ends operations that are past their deadline: the replica that should have ended them has died. */
  const settleOverdue = async (): Promise<void> => {
    const nowMs = clock.wallMs()
    const beforeMs = nowMs - SETTLE_AFTER_MS
    if (await operations.isAnyOverdue(beforeMs))
      await operationsIn(jobs).abandonOpen({ nowMs, beforeMs })
  }

  /** Asks locks to open for recent attempts that other replicas have permitted, once for each attempt, even if its end
   * could not be stored. */
  const askForOthers = async (): Promise<void> => {
    const sinceMs = clock.wallMs() - ASKED_MS_MAX
    for (const [id, decidedAtMs] of asked) if (decidedAtMs < sinceMs) asked.delete(id)
    for (const { id, lockId, decidedAtMs, state } of await operations.open(sinceMs)) {
      const known = running.get(lockId)
      if (!known || state !== 'asked' || asked.has(id)) continue
      asked.set(id, decidedAtMs)
      void known.lock.open(id, known.sender)
    }
  }

  return {
    routes: [
      ...driverRoutes({ setups, statusOf }),
      ...slotRoutes({ slots }),
    ] satisfies readonly Endpoint[],

    /** Connects to the locks. Called when the service starts, or when this replica begins to lead. Operations still
     * open from before are never repeated. */
    begin: async (): Promise<void> => {
      const all = await setupsIn(db).all()
      if (all.length > 0) await operationsIn(jobs).abandonOpen(overdueAt(clock.wallMs(), db))
      if (!db.isFile) {
        await setupsIn(jobs).forgetStatuses()
        settling = setInterval(() => void settleOverdue().catch(() => {}), SETTLE_MS).unref()
        // By their ids: after a failover, the clock may be behind that of the leader before.
        for (const { id, decidedAtMs } of await operations.open(clock.wallMs() - ASKED_MS_MAX))
          asked.set(id, decidedAtMs)
      }
      isStopped = false
      for (const setup of all) if (!running.has(setup.lockId)) start(setup)
    },

    /** Ends all connections; `begin` opens them again. */
    end,

    /** Applies changes that another process has made. */
    refresh: async (): Promise<void> => {
      if (isStopped || !db.leading.isLeader()) return
      const all = await setupsIn(db).all()
      for (const [lockId, { lock }] of running.entries().toArray())
        if (!all.some((setup) => isSame(setup, lock.setup))) {
          void lock.abandon()
          stop(lockId)
        }
      for (const setup of all) if (!isStopped && !running.has(setup.lockId)) start(setup)
      if (!db.isFile && running.size > 0) await askForOthers()
    },

    /** Asks a lock to open for an attempt that was just permitted, without waiting for the lock. Does nothing if the
     * attempt is older than the driver. */
    operate: async ({ id, lockId }: { readonly id: string; readonly lockId: string }) => {
      const known = running.get(lockId)
      if (!known || asked.has(id) || (await operations.find(id))?.state !== 'asked') return
      if (!db.isFile) asked.set(id, clock.wallMs())
      // The response does not wait for the lock.
      void known.lock.open(id, known.sender)
    },

    /** The operations of locks with controllers. */
    operations: signedOperations({ db, clock, returnUseIn }),

    /** Returns what became of an attempt at its lock. Nobody may be left to say so, if the driver was removed. */
    deliveryOf: async (
      attemptId: string,
    ): Promise<{ readonly delivery: Delivery; readonly says: string | null }> => {
      const found = await operations.find(attemptId)
      if (!found) return { delivery: 'no_controller', says: null }
      const isOver = found.settledAtMs === null && clock.wallMs() > found.deadlineMs
      const says = found.state === 'asked' ? null : found.detail
      return { delivery: isOver ? 'unknown' : found.state, says }
    },

    /** The locks with a driver. */
    states,

    /** Returns the status of a lock that this process asks, by its label. */
    stateOf: (label: string): DrivenLockState | undefined =>
      own().find((state) => state.label === label),

    /** Returns a function that tells whether a lock can be reached, as far as is known. */
    reach: async (): Promise<(lockId: string) => 'none' | 'online' | 'offline'> => {
      const all = new Map((await states()).map((state) => [state.lockId, state.isOnline]))
      return (lockId) => {
        const isOnline = all.get(lockId)
        if (isOnline === undefined) return 'none'
        return isOnline === false ? 'offline' : 'online'
      }
    },

    /** Calls `listener` after each change of state. Returns a function that removes it. */
    onState: (listener: (label: string, status: Status) => void): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    slotsOf: (publicId: string) => slots.ofAccount(publicId),
    eraseIn: slots.eraseIn,

    [Symbol.dispose]: end,
  }
}

/** Which entries were heard is of no matter. */
const isSame = ({ sinceEntry: _one, ...one }: Setup, { sinceEntry: _other, ...other }: Setup) =>
  Bun.deepEquals(one, other)

/** For a driver that needs the broker, after MQTT_URL was removed. */
const UNCONNECTED: Sender = {
  prepare: async () => [],
  send: async () => [{ kind: 'failed', says: 'no broker' }],
  stop: () => {},
}
