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

/** How often storing a report is tried, and at what interval. */
const STORE_TRIES = 20
const STORE_AGAIN_MS = 5 * SECOND_MS

/** Drivers of locks: they open them for permitted attempts, and receive their reports. Without a driver there are no
 * connections, timers or reads. */
export const driversModule = (deps: Dependencies) => {
  const { db, clock, logger, audit, broker, refusalOf, findLock, nameOf, returnUseIn, deadlineMs } =
    deps
  const reach = deviceReach(refusalOf)
  const running = new Map<string, Running>()
  const listeners = new Set<(label: string, status: Status) => void>()
  const jobs = databaseOfLeader(db)
  let isStopped = false
  let beganAtMs = 0

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
      },
    })
    running.set(setup.lockId, { lock, sender: senderFor(setup, lock), sinceMs: clock.wallMs() })
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
    for (const lockId of running.keys().toArray()) stop(lockId)
  }
  const statusOf = (lockId: string): Status => running.get(lockId)?.lock.status() ?? NOTHING_KNOWN
  const states = (): readonly DrivenLockState[] =>
    [...running.values()].map(({ lock, sender, sinceMs }) => ({
      label: lock.setup.label,
      kind: lock.setup.kind,
      sinceMs,
      speaksDaily: KINDS[lock.setup.kind].speaksDaily,
      isConnected: sender !== UNCONNECTED,
      ...lock.status(),
    }))
  return {
    routes: [
      ...driverRoutes({ setups, statusOf }),
      ...slotRoutes({ slots }),
    ] satisfies readonly Endpoint[],

    /** Connects to the locks. Called when the service starts, or when this replica begins to lead. Operations still open
     * from before are never repeated. */
    begin: async (): Promise<void> => {
      isStopped = false
      beganAtMs = clock.wallMs()
      const all = await setupsIn(db).all()
      if (all.length > 0) await operationsIn(jobs).abandonOpen(overdueAt(clock.wallMs(), db))
      for (const setup of all) if (!running.has(setup.lockId)) start(setup)
    },

    /** Ends all connections; `begin` opens them again. */
    end,

    /** Applies changes that another process has made. */
    refresh: async (): Promise<void> => {
      if (!db.leading.isLeader()) return
      const all = await setupsIn(db).all()
      for (const [lockId, { lock }] of running.entries().toArray())
        if (!all.some((setup) => isSame(setup, lock.setup))) {
          void lock.abandon()
          stop(lockId)
        }
      for (const setup of all) if (!isStopped && !running.has(setup.lockId)) start(setup)
      if (db.isFile || running.size === 0) return
      // What other replicas have permitted since this one leads; the one before may have carried out earlier ones.
      for (const { id, lockId } of await operations.asked(beganAtMs)) {
        const known = running.get(lockId)
        if (known) void known.lock.open(id, known.sender)
      }
    },

    /** Asks a lock to open for an attempt that was just permitted, without waiting for the lock. Does nothing if the
     * attempt is older than the driver. */
    operate: async ({ id, lockId }: { readonly id: string; readonly lockId: string }) => {
      const known = running.get(lockId)
      if (!known || (await operations.find(id))?.state !== 'asked') return
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

    /** Returns the status of a lock by its label, or undefined without a driver. */
    stateOf: (label: string): DrivenLockState | undefined =>
      states().find((state) => state.label === label),

    /** Returns whether a lock can be reached, as far as known. */
    controllerOf: (lockId: string): 'none' | 'online' | 'offline' => {
      const known = running.get(lockId)
      if (!known) return 'none'
      return known.lock.status().isOnline === false ? 'offline' : 'online'
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
