import pLimit from 'p-limit'
import { jumpWatch } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import { deliveriesIn } from '../core/delivery-store.ts'
import { type StoredTarget, targetsIn } from '../core/target-store.ts'
import { type DeliveryDependencies, deliveryLoop } from './delivery-loop.ts'

/** Requests at the same time. */
const REQUESTS_MAX = 4

/** Limits on waiting rows, and on the number and age of settled rows. */
const WAITING_MAX = 10_000
const SETTLED_MAX = 10_000
const SETTLED_MS_MAX = 30 * DAY_MS

/** Commits within this time are handled together. */
const GATHER_MS = 10

/** Without targets, how often a commit checks at most whether another process has added one. */
const LOOK_MS = MINUTE_MS

/** How often the outbox is checked for too many waiting rows, and for old rows. */
const TRIM_MS = SECOND_MS
const TIDY_MS = HOUR_MS

export type Sender = ReturnType<typeof sender>

/** Sends what is in the outbox in the background: to several targets at a time, and to each in order. */
export const sender = (deps: DeliveryDependencies) => {
  const { db, clock, logger } = deps
  const deliveries = deliveriesIn(db)
  const deliverTo = deliveryLoop(deps)
  const limit = pLimit(REQUESTS_MAX)
  let stopping = new AbortController()
  const readClocks = jumpWatch(clock)
  /** Targets that something is being sent to, and those to check again afterwards. */
  const running = new Map<string, Promise<void>>()
  const again = new Set<string>()
  /** When to try each target again, by the monotonic clock. */
  const pausedUntilMs = new Map<string, number>()
  let isStarted = false
  let hasTargets = false
  let rounds: Promise<void> = Promise.resolve()
  let isRoundComing = false
  /** The version of each target when it was read, and whether another process may have changed what waits. */
  const versions = new Map<string, number>()
  let isChangedElsewhere = false
  let lookedAtMs = -Infinity
  let trimmedAtMs = -Infinity
  let tidiedAtMs = -Infinity
  let timer: Timer | undefined

  const wakeIn = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(requestRound, ms)
    timer.unref()
  }

  const requestRound = (): void => {
    if (!isStarted || isRoundComing) return
    isRoundComing = true
    rounds = rounds
      .then(() => Bun.sleep(GATHER_MS))
      .then(() => {
        isRoundComing = false
        return isStarted ? round() : undefined
      })
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'the outbox cannot be read')
        wakeIn(MINUTE_MS)
      })
  }

  /** Keeps the outbox within its bounds. */
  const tidy = async (): Promise<void> => {
    const { wallMs, monotonicMs, before, hasJumped } = readClocks()
    if (hasJumped) {
      const jumpMs = wallMs - before.wallMs - (monotonicMs - before.monotonicMs)
      await targetsIn(db).shiftFailing(Math.round(jumpMs))
    }
    if (monotonicMs - trimmedAtMs >= TRIM_MS) {
      trimmedAtMs = monotonicMs
      const excess = (await deliveries.countWaiting()) - WAITING_MAX
      if (excess > 0) await deliveries.dropOldest(excess, wallMs)
    }
    if (monotonicMs - tidiedAtMs >= TIDY_MS) {
      tidiedAtMs = monotonicMs
      await deliveries.removeSettled(wallMs - SETTLED_MS_MAX, SETTLED_MAX)
    }
  }

  /** Tries targets at once that another process has changed, or whose messages it has queued again. */
  const takeUp = async (targets: readonly StoredTarget[]): Promise<void> => {
    isChangedElsewhere = false
    for (const { id, version } of targets) {
      if (!pausedUntilMs.has(id)) continue
      const [next] = await deliveries.waiting(id, clock.wallMs(), 1)
      if (next?.attempts === 0 || versions.get(id) !== version) pausedUntilMs.set(id, -Infinity)
    }
  }

  const round = async (): Promise<void> => {
    lookedAtMs = clock.monotonicMs()
    const targets = await targetsIn(db).all()
    hasTargets = targets.some(({ disabledWhy }) => disabledWhy === undefined)
    for (const id of pausedUntilMs.keys())
      if (!targets.some((target) => target.id === id)) pausedUntilMs.delete(id)
    if (!hasTargets) return
    await tidy()
    if (isChangedElsewhere) await takeUp(targets)
    for (const { id, version } of targets) versions.set(id, version)
    const nowMs = clock.wallMs()
    for (const { id } of await deliveries.readyTargets(nowMs)) look(id)
    const newsMs = await deliveries.nextNewsMs(nowMs)
    const waits = [...pausedUntilMs.values()].map((untilMs) => untilMs - clock.monotonicMs())
    if (newsMs !== undefined) waits.push(newsMs - nowMs)
    wakeIn(Math.min(TIDY_MS, ...waits.filter((ms) => ms > 0)))
  }

  /** Sends what is waiting for a target, unless that is in progress or it is too early for another attempt. */
  const look = (id: string): void => {
    const untilMs = pausedUntilMs.get(id)
    if (running.has(id)) again.add(id)
    else if (untilMs === undefined || untilMs <= clock.monotonicMs())
      running.set(id, run(id, untilMs === undefined))
  }

  const run = async (id: string, isFirst: boolean): Promise<void> => {
    let waitMs: number | undefined = MINUTE_MS
    try {
      waitMs = await deliverTo({ id, stop: stopping.signal, isFirst, limit })
    } catch (error) {
      logger.warn({ err: error, target: id }, 'delivery to a target failed unexpectedly')
    }
    running.delete(id)
    pausedUntilMs.set(id, clock.monotonicMs() + (waitMs ?? 0))
    if (again.delete(id) || waitMs !== undefined) requestRound()
  }

  const isBusy = (): boolean => isRoundComing || running.size > 0

  return {
    /** Starts sending, also after a stop. */
    start: (): void => {
      if (isStarted) return
      isStarted = true
      stopping = new AbortController()
      // What another process has tried meanwhile is in the outbox.
      pausedUntilMs.clear()
      requestRound()
    },

    /** Called after each commit. Costs next to nothing while there is no target. */
    onCommit: (): void => {
      if (hasTargets || clock.monotonicMs() - lookedAtMs >= LOOK_MS) requestRound()
    },

    /** Called after another process has committed. */
    onForeignCommit: (): void => {
      isChangedElsewhere = true
      requestRound()
    },

    /** Checks the outbox now, and sends to this target without waiting for its next attempt. */
    wake: (targetId?: string): void => {
      if (targetId !== undefined) pausedUntilMs.set(targetId, -Infinity)
      requestRound()
    },

    /** Looks at the outbox now, at every target: another process has changed something. */
    refresh: (): void => {
      for (const id of pausedUntilMs.keys()) pausedUntilMs.set(id, -Infinity)
      requestRound()
    },

    /** Resolves once the sender is idle. */
    idle: async (): Promise<void> => {
      do {
        await rounds
        await Promise.all(running.values())
      } while (isBusy())
    },

    /** Stops sending. Messages that were not acknowledged are sent again after the next start. */
    stop: async (): Promise<void> => {
      isStarted = false
      stopping.abort()
      clearTimeout(timer)
      await rounds
      await Promise.all(running.values())
    },
  }
}
