import { NO_ACCOUNT, type NewReport } from '../../domain/access.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { Setup } from '../setup/store.ts'
import { DEADLINE_MS } from './asking-store.ts'
import { type Operator, operationsIn } from './store.ts'

export type LockOperations = ReturnType<typeof lockOperations>

/** Returns the use that an attempt counted to its grant, unless the lock may have opened. */
export type ReturnUseIn = (tx: Transaction, attemptId: string) => Promise<void>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs'>
  /** Adds a leaf to the unlock log; resolves after COMMIT. */
  readonly report: (report: NewReport) => Promise<unknown>
  /** Returns the name of an account, or undefined if there is none. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  readonly returnUseIn: ReturnUseIn
  /** Called if the end of an operation could not be stored; the next start says `unknown`. */
  readonly onError: (error: unknown) => void
  /** How long a lock may take; by default as in the manual. */
  readonly deadlineMs?: number | undefined
}

/** The method if somebody used an app. */
const METHOD = 'app'

const SAYS_MAX = 100

/** Returns what a lock reported, as stored and shown: without control characters, one of which PostgreSQL refuses. */
const shown = (says: string): string =>
  says
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, SAYS_MAX)
    .toWellFormed()

/** The open operations of a lock. Each ends once: it happened, failed, or its outcome is unknown. None is repeated,
 * because the door might open twice. */
export const lockOperations = (
  { lockId, label, kind }: Pick<Setup, 'lockId' | 'label' | 'kind'>,
  { db, clock, report, nameOf, returnUseIn, onError, deadlineMs = DEADLINE_MS }: Dependencies,
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
    const detail = says === null ? null : shown(says)
    const ended = { detail, nowMs: clock.wallMs() }
    if (state !== 'failed') return void (await store.settle(attemptId, state, ended))
    await db.transaction(async (tx) => {
      await operationsIn(tx).settle(attemptId, state, ended)
      await returnUseIn(tx, attemptId)
    })
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
      // The lock did open, even if the log has no room for it.
      await settle(attemptId, 'happened')
    }
  }

  /** Applies a change to each open operation or, if an attempt is given, to that one alone. */
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

    /** The lock accepted the command. */
    accepted: (says: string, only?: string) =>
      forEachOpen((attemptId) => store.accept(attemptId, shown(says)), only),

    /** Ends operations of which nothing more will be known. */
    switched: (says: string, only?: string) =>
      forEachOpen((attemptId) => settle(attemptId, 'accepted', says), only),

    failed: (says: string, only?: string) =>
      forEachOpen((attemptId) => settle(attemptId, 'failed', says), only),

    /** Ends operations whose outcome will never be known. */
    abandon: () => forEachOpen((attemptId) => settle(attemptId, 'unknown')),

    /** The lock opened: one opening for each person it was asked for. */
    opened: () =>
      forEachOpen(async (attemptId) => {
        const operator = await store.operator(attemptId)
        if (operator) await happened(operator)
      }),

    /** Marks an operation as happened, even if it ended otherwise before. */
    happened,

    /** Returns the newest operation that was asked between two times. */
    askedBetween: (fromMs: number, toMs: number) => store.askedBetween(lockId, fromMs, toMs),

    stop: (): void => {
      for (const timer of open.values()) clearTimeout(timer)
      open.clear()
    },
  }
}
