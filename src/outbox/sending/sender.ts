import pLimit from 'p-limit'
import { jumpWatch } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import { deliveriesIn } from '../core/delivery-store.ts'
import { targetsIn } from '../core/target-store.ts'
import { type DeliveryDependencies, deliveryLoop } from './delivery-loop.ts'

/** Targets that are told something at the same time. */
const REQUESTS_MAX = 4

/** Rows that may wait, and settled rows that are kept and how long. */
const WAITING_MAX = 10_000
const SETTLED_MAX = 10_000
const SETTLED_MS_MAX = 30 * DAY_MS

/** Commits within this time are looked at together. */
const GATHER_MS = 10

/** Without a target, a commit looks for one that another process has added at most this often. */
const LOOK_MS = MINUTE_MS

/** How often too many rows are looked for, and old ones. */
const TRIM_MS = SECOND_MS
const TIDY_MS = HOUR_MS

export type Sender = ReturnType<typeof sender>

/** Tells targets what the outbox holds for them: each in order, several at a time, in the background. */
export const sender = (deps: DeliveryDependencies) => {
  const { db, clock, logger } = deps
  const deliveries = deliveriesIn(db)
  const deliverTo = deliveryLoop(deps)
  const limit = pLimit(REQUESTS_MAX)
  const stopping = new AbortController()
  const { signal: stop } = stopping
  const readClocks = jumpWatch(clock)
  /** What is being told to which target, and which are to be looked at again after that. */
  const running = new Map<string, Promise<void>>()
  const again = new Set<string>()
  /** Until when, by the monotonic clock, a target is left alone. */
  const pausedUntilMs = new Map<string, number>()
  let isStarted = false
  let hasTargets = false
  let rounds: Promise<void> = Promise.resolve()
  let isRoundComing = false
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
    if (!isStarted || stop.aborted || isRoundComing) return
    isRoundComing = true
    rounds = rounds
      .then(() => Bun.sleep(GATHER_MS))
      .then(() => {
        isRoundComing = false
        return stop.aborted ? undefined : round()
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

  const round = async (): Promise<void> => {
    lookedAtMs = clock.monotonicMs()
    const targets = await targetsIn(db).all()
    hasTargets = targets.some(({ disabledWhy }) => disabledWhy === undefined)
    for (const id of pausedUntilMs.keys())
      if (!targets.some((target) => target.id === id)) pausedUntilMs.delete(id)
    if (!hasTargets) return
    await tidy()
    const nowMs = clock.wallMs()
    for (const { id } of await deliveries.readyTargets(nowMs)) look(id)
    const newsMs = await deliveries.nextNewsMs(nowMs)
    const waits = [...pausedUntilMs.values()].map((untilMs) => untilMs - clock.monotonicMs())
    if (newsMs !== undefined) waits.push(newsMs - nowMs)
    wakeIn(Math.min(TIDY_MS, ...waits.filter((ms) => ms > 0)))
  }

  /** Tells a target what waits for it, unless that is happening or it is to be left alone. */
  const look = (id: string): void => {
    const untilMs = pausedUntilMs.get(id)
    if (running.has(id)) again.add(id)
    else if (untilMs === undefined || untilMs <= clock.monotonicMs())
      running.set(id, run(id, untilMs === undefined))
  }

  const run = async (id: string, isFirst: boolean): Promise<void> => {
    let waitMs: number | undefined = MINUTE_MS
    try {
      waitMs = await deliverTo({ id, stop, isFirst, limit })
    } catch (error) {
      logger.warn({ err: error, target: id }, 'a target could not be told')
    }
    running.delete(id)
    pausedUntilMs.set(id, clock.monotonicMs() + (waitMs ?? 0))
    if (again.delete(id) || waitMs !== undefined) requestRound()
  }

  const isBusy = (): boolean => isRoundComing || running.size > 0

  return {
    /** Begins to tell; called when the service starts. */
    start: (): void => {
      isStarted = true
      requestRound()
    },

    /** Called after each commit. Costs next to nothing while there is no target. */
    onCommit: (): void => {
      if (hasTargets || clock.monotonicMs() - lookedAtMs >= LOOK_MS) requestRound()
    },

    /** Looks at the outbox now; at this target even if it is being left alone. */
    wake: (targetId?: string): void => {
      if (targetId !== undefined) pausedUntilMs.set(targetId, -Infinity)
      requestRound()
    },

    /** Looks at the outbox now, at every target: another process has changed something. */
    refresh: (): void => {
      for (const id of pausedUntilMs.keys()) pausedUntilMs.set(id, -Infinity)
      requestRound()
    },

    /** Resolves once nothing is being told and nothing is looked at. */
    idle: async (): Promise<void> => {
      do {
        await rounds
        await Promise.all(running.values())
      } while (isBusy())
    },

    /** Stops telling; what was not acknowledged is told again after the next start. */
    stop: async (): Promise<void> => {
      stopping.abort()
      clearTimeout(timer)
      await rounds
      await Promise.all(running.values())
    },
  }
}
