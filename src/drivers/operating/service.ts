import { NO_ACCOUNT, type NewReport } from '../../domain/access.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Database } from '../../storage/database.ts'
import type { Setup } from '../setup/store.ts'
import { DEADLINE_MS } from './asking-store.ts'
import { type Operator, operationsIn } from './store.ts'

export type LockOperations = ReturnType<typeof lockOperations>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly clock: Pick<Clock, 'wallMs'>
  /** Adds a leaf to the unlock log; resolves after COMMIT. */
  readonly report: (report: NewReport) => Promise<unknown>
  /** Returns the name of an account, or undefined if there is none. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  /** Called if the end of an operation could not be stored; the next start says `unknown`. */
  readonly onError: (error: unknown) => void
  /** How long a lock has; as in the manual unless given. */
  readonly deadlineMs?: number | undefined
}

/** People use an app. */
const METHOD = 'app'

const SAYS_MAX = 100

/** What was asked of a lock and has not ended. Each operation ends once: it happened, failed, or nobody knows. None is
 * asked a second time, because then the door might open twice. */
export const lockOperations = (
  { lockId, label, kind }: Pick<Setup, 'lockId' | 'label' | 'kind'>,
  { db, clock, report, nameOf, onError, deadlineMs = DEADLINE_MS }: Dependencies,
) => {
  const store = operationsIn(db)
  const open = new Map<string, Timer>()

  const settle = async (
    attemptId: string,
    state: 'accepted' | 'happened' | 'failed' | 'unknown',
    says: string | null = null,
  ): Promise<void> => {
    clearTimeout(open.get(attemptId))
    open.delete(attemptId)
    const detail = says?.slice(0, SAYS_MAX) ?? null
    await store.settle(attemptId, state, { detail, nowMs: clock.wallMs() })
  }

  const happened = async ({ attemptId, accountPublicId, state }: Operator): Promise<void> => {
    if (state === 'happened') return
    const username = await nameOf(accountPublicId)
    try {
      await report({
        lock: label,
        result: 'unlocked',
        reason: null,
        accountPublicId: username === undefined ? NO_ACCOUNT : accountPublicId,
        username: username ?? '',
        method: METHOD,
        occurredAtMs: null,
        reporter: kind,
        attemptId,
        entry: `attempt:${attemptId}`,
      })
    } finally {
      // It did, even if the log has no room for it.
      await settle(attemptId, 'happened')
    }
  }

  /** Does so for each open operation or, if an attempt is given, for that alone. */
  const forEachOpen = async (
    work: (attemptId: string) => Promise<void>,
    only?: string,
  ): Promise<void> => {
    for (const attemptId of open.keys().toArray())
      if (only === undefined || attemptId === only) await work(attemptId)
  }

  return {
    /** The lock is being asked. */
    begin: (attemptId: string): void => {
      const abandon = () => void settle(attemptId, 'unknown').catch(onError)
      open.set(attemptId, setTimeout(abandon, deadlineMs))
    },

    isOpen: (attemptId: string): boolean => open.has(attemptId),
    isAnyOpen: (): boolean => open.size > 0,

    /** The lock took the command. */
    accepted: (says: string, only?: string) =>
      forEachOpen((attemptId) => store.accept(attemptId, says), only),

    /** More will not be known. */
    switched: (says: string, only?: string) =>
      forEachOpen((attemptId) => settle(attemptId, 'accepted', says), only),

    failed: (says: string, only?: string) =>
      forEachOpen((attemptId) => settle(attemptId, 'failed', says), only),

    /** Nobody will know. */
    abandon: () => forEachOpen((attemptId) => settle(attemptId, 'unknown')),

    /** The lock opened: that is an opening of everybody whom it was asked for. */
    opened: () =>
      forEachOpen(async (attemptId) => {
        const operator = await store.operator(attemptId)
        if (operator) await happened(operator)
      }),

    /** An operation happened, although it may have ended otherwise before. */
    happened,

    /** Returns the newest operation that was asked between two times. */
    askedBetween: (fromMs: number, toMs: number) => store.askedBetween(lockId, fromMs, toMs),

    stop: (): void => {
      for (const timer of open.values()) clearTimeout(timer)
      open.clear()
    },
  }
}
