import type { Clock } from '../../domain/clock.ts'
import { RateLimitError } from '../../http/errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { Observation } from '../observation.ts'
import { DEADLINE_MS } from '../operating/asking-store.ts'
import { lockOperations } from '../operating/service.ts'
import type { Setup } from '../setup/store.ts'
import { mayBeOurs, openings } from './openings.ts'
import { NOTHING_KNOWN, type Status, isPassing, statusAfter } from './status.ts'

export type DrivenLock = ReturnType<typeof drivenLock>

type Dependencies = Omit<Parameters<typeof lockOperations>[1], 'onError'> &
  Omit<Parameters<typeof openings>[1], 'operations'> & {
    readonly clock: Clock
    readonly logger: Logger
    /** Called after each change of the known state. */
    readonly onState: (label: string, status: Status) => void
    /** Returns false once another process asks the lock. */
    readonly isLeader: () => boolean
  }

/** The most messages that wait to be stored; more are dropped. */
const WAITING_MAX = 1000

/** A lock with a driver. What it reports updates its status, ends operations and becomes events, all in order. */
export const drivenLock = (setup: Setup, deps: Dependencies) => {
  const { clock, logger, onState, isLeader, deadlineMs = DEADLINE_MS } = deps
  const { label } = setup
  const onError = (error: unknown): void => {
    // That was logged once, and there may be many.
    if (error instanceof RateLimitError) return
    logger.error({ err: error, lock: label }, 'what a lock said was not stored')
  }
  const operations = lockOperations(setup, { ...deps, onError })
  const people = openings(setup, { ...deps, operations })
  const preparing = new Set<string>()
  let status = NOTHING_KNOWN
  let passing: Timer | undefined
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let isStopped = false

  const setStatus = (next: Status): void => {
    const isChanged = next.state !== status.state || next.isOnline !== status.isOnline
    status = next
    if (!isChanged) return
    clearTimeout(passing)
    if (isPassing(next.state)) passing = setTimeout(forgetState, deadlineMs)
    onState(label, status)
  }
  // A lock takes seconds; in home-assistant/core issue 151310, one keeps unlocking forever.
  const forgetState = (): void => setStatus({ ...status, state: null, stateAtMs: null })

  const settleByState = async (before: Status, said: Said<'state'>): Promise<void> => {
    if (said.isOld || !operations.isAnyOpen()) return
    // A repeated state does not mean that the lock has moved.
    const hasMoved = before.state !== said.state
    if (said.state === 'jammed' && hasMoved) return operations.failed(said.state)
    if (said.state !== 'unlocked' && said.state !== 'open') return
    if (!hasMoved) return operations.switched('already unlocked')
    await operations.opened()
  }

  const take = async (
    before: Status,
    said: Observation,
    { isByHand, only }: { readonly isByHand: boolean; readonly only: string | undefined },
  ): Promise<void> => {
    switch (said.kind) {
      case 'state':
        return isByHand ? undefined : settleByState(before, said)
      case 'opened':
        return people.opened(said)
      case 'refused':
        return people.refused(said, said.reason)
      case 'accepted':
        return operations.accepted(said.says, only)
      case 'switched':
        return operations.switched(said.says, only)
      case 'failed':
        return operations.failed(said.says, only)
      case 'log':
        return people.begin(said.newest, said.isLive)
      case 'availability':
        return
    }
  }

  const takeAll = async (said: readonly Observation[], only?: string): Promise<void> => {
    // If somebody turned the lock by hand at the same time, that was not the operation.
    const isByHand = said.some((one) => one.kind === 'opened' && !mayBeOurs(one))
    for (const one of said) {
      const before = status
      setStatus(statusAfter(status, one, clock.wallMs()))
      await take(before, one, { isByHand, only })
    }
  }

  /** Handles observations in order; about one attempt, if one is given. Never rejects. */
  const hear = (said: readonly Observation[], only?: string): Promise<void> => {
    if (said.length === 0) return Promise.resolve()
    if (waiting >= WAITING_MAX) {
      logger.warn({ lock: label }, 'a lock says more than can be stored')
      return Promise.resolve()
    }
    waiting += 1
    const taken = last
      .then(() => takeAll(said, only))
      .catch(onError)
      .finally(() => (waiting -= 1))
    last = taken
    return taken
  }

  return {
    setup,
    status: () => status,
    hear: (said: readonly Observation[]) => hear(said),
    isAnyOpen: operations.isAnyOpen,

    /** Asks the lock to open for an attempt, unless it was asked before. Never rejects. */
    open: async (attemptId: string, { prepare, send }: Sender): Promise<void> => {
      if (preparing.has(attemptId) || operations.isOpen(attemptId)) return
      preparing.add(attemptId)
      try {
        const before = await prepare()
        await hear(before)
        operations.begin(attemptId)
        if (isStopped) return await operations.abandon()
        const isWanted = () => operations.isOpen(attemptId) && isLeader()
        const offline = before.find(isOffline)
        await hear(offline ? [unavailable(offline)] : await send(isWanted), attemptId)
      } catch (error) {
        // The outcome is unknown, which the deadline records.
        onError(error)
      } finally {
        preparing.delete(attemptId)
      }
    },

    /** Called before the driver is replaced: open operations end as unknown. Never rejects. */
    abandon: (): Promise<void> => operations.abandon().catch(onError),

    stop: (): void => {
      isStopped = true
      clearTimeout(passing)
      operations.stop()
    },
  }
}

/** Sends commands to a lock. */
export type Sender = {
  /** Returns observations of the lock from before it is asked to open. */
  readonly prepare: () => Promise<readonly Observation[]>
  /** Sends the command, once, unless it is no longer wanted when its turn comes, since nobody is at the door any more.
   * Returns the first observations. */
  readonly send: (isWanted: () => boolean) => Promise<readonly Observation[]>
  readonly stop: () => void
}

type Availability = Extract<Observation, { readonly kind: 'availability' }>

const unavailable = ({ says = 'unavailable' }: Availability): Observation => ({
  kind: 'failed',
  says,
})

const isOffline = (said: Observation): said is Availability =>
  said.kind === 'availability' && !said.isOnline

type Said<Kind extends Observation['kind']> = Extract<Observation, { readonly kind: Kind }>
