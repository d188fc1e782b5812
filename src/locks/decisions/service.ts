import type { Delivery } from '../../domain/access.ts'
import { type Account, hasRole, isNewcomer } from '../../domain/account.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import { RateLimitError } from '../../http/errors.ts'
import { windowCounter } from '../../http/rate-limits.ts'
import type { IsOnHomeNetwork } from '../../http/request/home-network.ts'
import type { Database } from '../../storage/database.ts'
import type { PermittedAttempt } from '../../storage/writing/after-permitted.ts'
import type { AccessService } from './access.ts'
import type { Attempt, AttemptAnswer, DecidedAttempt, DecisionTime } from './attempt.ts'
import {
  type AttemptJson,
  type DecisionJson,
  ID_TAKEN,
  NO_SUCH_ATTEMPT,
  NO_SUCH_LOCK,
  USE_YOUR_KEY,
  timeJson,
} from './schema.ts'
import { decisionReads } from './store.ts'

export type AttemptService = ReturnType<typeof attemptService>

type Dependencies = {
  readonly db: Pick<Database, 'all'>
  /** Has the writer decide an attempt and record the decision; resolves after COMMIT, with the receipt of the
   * leaf, if it got one. */
  readonly decide: (
    attempt: Attempt,
    how: { readonly account: string },
  ) => Promise<{ readonly answer?: unknown; readonly receipt?: string | undefined }>
  /** Returns the receipt of a leaf, against the log as it was when the leaf was added. */
  readonly receiptOf: (seq: number) => Promise<string>
  /** Counts an attempt against the limits of its account. Throws if there is no room. Returns a function that
   * undoes this. */
  readonly spend: (account: Account, caller: Caller) => Promise<() => void>
  /** False if attempts are not limited. */
  readonly isLimited: boolean
  /** Returns when a denied attempt may be permitted. */
  readonly nextAtMs: AccessService['nextAtMs']
  readonly isOnHomeNetwork: IsOnHomeNetwork
  readonly clock: () => DecisionTime
  /** Asks a lock to open for an attempt that was just permitted, without waiting for the lock. */
  readonly operate: (attempt: PermittedAttempt) => Promise<void>
  /** Returns the outcome of an attempt at its lock. */
  readonly deliveryOf: (
    attemptId: string,
  ) => Promise<{ readonly delivery: Delivery; readonly says: string | null }>
  /** Called after each new decision. */
  readonly onDecision: (decided: Pick<DecidedAttempt, 'decision' | 'reason'>) => void
  /** Called after each attempt over the limit. */
  readonly onOverLimit: () => void
}

/** Attempts of a session in a minute. */
const ATTEMPTS_MAX = 10

type Asked = {
  readonly caller: Caller
  readonly account: Account
  readonly label: string
  readonly id: string
}

/** Decides on attempts to open locks, and keeps what was decided. */
export const attemptService = (deps: Dependencies) => {
  const reads = decisionReads(deps.db)
  const attempts = windowCounter()

  const requireRoom = async (sessionId: string): Promise<void> => {
    if (!deps.isLimited) return
    const { count, nextReset } = await attempts.increment(sessionId, MINUTE_MS)
    if (count <= ATTEMPTS_MAX) return
    deps.onOverLimit()
    const waitMs = nextReset.getTime() - Date.now()
    throw new RateLimitError(waitMs, `A session may try ${ATTEMPTS_MAX} times a minute`)
  }

  const decided = async (attempt: Attempt, takeBack: () => void) => {
    try {
      const { answer, receipt } = await deps.decide(attempt, { account: attempt.account.publicId })
      return { answer: answer as AttemptAnswer, receipt }
    } catch (error) {
      takeBack()
      throw error instanceof AppError && error.code === 'unavailable' ? keyNeeded(error) : error
    }
  }

  const deliveryIn = async ({
    id,
    decision,
  }: DecidedAttempt): Promise<DecisionJson['delivery']> => {
    if (decision === 'denied') return 'no_controller'
    const { delivery } = await deps.deliveryOf(id)
    return delivery === 'no_controller' ? delivery : 'asked'
  }

  return {
    /** Decides an attempt and records the decision. Throws `not_found` for an unknown lock, `conflict` if
     * another attempt has the id, `unavailable` if nothing can be recorded: then nobody is let in. */
    decide: async ({ caller, account, label, id }: Asked): Promise<DecisionJson> => {
      const sessionId = caller.sessionId ?? ''
      await requireRoom(sessionId)
      const takeBack = await deps.spend(account, caller)
      const { publicId, username, role } = account
      const attempt = {
        id,
        lock: label,
        account: { publicId, username, role },
        sessionId,
        ...(caller.token ? { tokenId: caller.token.id } : {}),
        isHome: deps.isOnHomeNetwork(caller),
        ...deps.clock(),
      }
      const { answer, receipt } = await decided(attempt, takeBack)
      if (answer.status !== 'decided') {
        takeBack()
        throw REFUSALS[answer.status]()
      }
      const { isRepeat, attempt: found } = answer
      // Only the leaves of newcomers' attempts are kept.
      if (isRepeat || (found.seq === null && isNewcomer(account))) takeBack()
      if (!isRepeat) deps.onDecision(found)
      if (!isRepeat && found.decision === 'permitted') await deps.operate(found)
      const nextAtMs = found.decision === 'denied' ? await deps.nextAtMs(found, label, role) : null
      return {
        ...decisionJson(found),
        next_at: timeJson(nextAtMs),
        repeat: isRepeat,
        receipt: receipt ?? (found.seq === null ? null : await deps.receiptOf(found.seq)),
        delivery: await deliveryIn(found),
      }
    },

    /** Returns a label if it is that of a lock. */
    findLabel: async (label: string): Promise<string | undefined> =>
      (await reads.locks([label])).get(label)?.label,

    /** Returns what was decided on an attempt. Throws `not_found` unless it is the asker's own, or an admin
     * asks. */
    find: async ({ account, label, id }: Omit<Asked, 'caller'>): Promise<AttemptJson> => {
      const found = (await reads.attempts([id])).get(id)
      const lock = (await reads.locks([label])).get(label)
      const maySee = found?.accountPublicId === account.publicId || hasRole(account, 'admin')
      if (!found || found.lockId !== lock?.id || !maySee)
        throw new AppError('not_found', NO_SUCH_ATTEMPT)
      const { delivery, says } = await deps.deliveryOf(found.id)
      return {
        id: found.id,
        lock: label,
        account: found.accountPublicId,
        ...decisionJson(found),
        decided_at: new Date(found.decidedAtMs).toISOString(),
        delivery,
        lock_says: says,
      }
    },
  }
}

const decisionJson = ({
  decision,
  reason,
  grantId,
  useNumber: number,
  useMax: max,
  seq,
}: DecidedAttempt) => ({
  decision,
  reason,
  grant: grantId,
  use: number === null || max === null ? null : { number, max },
  seq,
})

const REFUSALS = {
  unknown_lock: () => new AppError('not_found', NO_SUCH_LOCK),
  unknown_account: () => new AppError('unauthorized', 'This account no longer exists'),
  id_taken: () => new AppError('conflict', ID_TAKEN, { reason: 'id_taken' }),
} as const

const keyNeeded = (error: AppError): AppError =>
  new AppError('unavailable', USE_YOUR_KEY, { reason: error.reason, cause: error })
