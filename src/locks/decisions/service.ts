import { type DecisionReason, type Delivery, attemptResult } from '../../domain/access.ts'
import { type Account, hasRole, isNewcomer } from '../../domain/account.ts'
import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import type { OpenWindows } from '../../domain/limits/windows.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import { RateLimitError } from '../../http/errors.ts'
import type { IsOnHomeNetwork } from '../../http/request/home-network.ts'
import type { Database } from '../../storage/database.ts'
import type { PermittedAttempt } from '../../storage/writing/after-permitted.ts'
import type { AccessService } from './access.ts'
import type { Attempt, AttemptAnswer, DecidedAttempt, DecisionTime, Knock } from './attempt.ts'
import {
  type AttemptJson,
  type DecisionJson,
  ID_TAKEN,
  NO_SUCH_ATTEMPT,
  NO_SUCH_LOCK,
  USE_YOUR_KEY,
  timeJson,
} from './schema.ts'
import type { GuestAccess } from './guest-access.ts'
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
  /** Throws `unavailable` if the disk has no room for the attempt of a guest. */
  readonly requireRoomForGuest: () => void
  readonly monotonicMs: () => number
  readonly openWindows: OpenWindows
  /** False if attempts are not limited. */
  readonly isLimited: boolean
  /** Returns when a denied attempt may be permitted. */
  readonly nextAtMs: AccessService['nextAtMs']
  readonly nextAtMsOfGuest: GuestAccess['nextAtMs']
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

/** Attempts of a guest's phone in a day: each may leave an entry in the log for good, and ring the host's phone. */
const GUEST_ATTEMPTS_A_DAY_MAX = 200

type Window = { readonly max: number; readonly windowMs: number; readonly detail: string }

type Asked = {
  readonly caller: Caller
  readonly account: Account
  readonly label: string
  readonly id: string
}

/** A guest who asks. */
export type AskingGuest = {
  readonly caller: Caller
  readonly passId: string
  /** Undefined if the pass is in use on as many devices as it allows: the attempt is refused. */
  readonly deviceId: string | undefined
  /** Returns the name of the host, to send the guest to. */
  readonly hostName: () => Promise<string | null>
  /** The label of the lock. */
  readonly label: string
  readonly id: string
  readonly knock?: Knock | undefined
}

/** Decides on attempts to open locks, and keeps what was decided. */
export const attemptService = (deps: Dependencies) => {
  const reads = decisionReads(deps.db)
  const attempts = deps.openWindows('attempts', deps.monotonicMs)

  const spendWithin = (key: string, { max, windowMs, detail }: Window): void => {
    if (!deps.isLimited) return
    const { count, endMs } = attempts.add(key, 1, windowMs)
    if (count <= max) return
    deps.onOverLimit()
    throw new RateLimitError(endMs - attempts.nowMs(), detail)
  }

  const requireRoom = (sessionId: string): void =>
    spendWithin(sessionId, {
      max: ATTEMPTS_MAX,
      windowMs: MINUTE_MS,
      detail: `A session may try ${ATTEMPTS_MAX} times a minute`,
    })

  const requireRoomForGuest = (sessionId: string): void => {
    requireRoom(sessionId)
    spendWithin(`${sessionId} day`, {
      max: GUEST_ATTEMPTS_A_DAY_MAX,
      windowMs: DAY_MS,
      detail: `A guest's phone may try ${GUEST_ATTEMPTS_A_DAY_MAX} times a day`,
    })
  }

  /** Has an attempt decided, and asks the lock if it was permitted. Throws what `decide` throws, after
   * `takeBack`. */
  const decided = async (attempt: Attempt, account: string, takeBack = () => {}) => {
    const { answer: given, receipt } = await deps.decide(attempt, { account }).catch((error) => {
      takeBack()
      throw error
    })
    const answer = given as AttemptAnswer
    if (answer.status !== 'decided') {
      takeBack()
      throw REFUSALS[answer.status]()
    }
    const { isRepeat, attempt: found } = answer
    if (!isRepeat) deps.onDecision(found)
    if (!isRepeat && found.decision === 'permitted') await deps.operate(found)
    return { isRepeat, found, receipt }
  }

  const deliveryIn = async ({
    id,
    decision,
  }: DecidedAttempt): Promise<DecisionJson['delivery']> => {
    if (decision === 'denied') return 'no_controller'
    const { delivery } = await deps.deliveryOf(id)
    return delivery === 'no_controller' || delivery === 'offline' ? delivery : 'asked'
  }

  const answerOf = async (
    { isRepeat, found, receipt }: Awaited<ReturnType<typeof decided>>,
    nextAtMs: () => Promise<number | null>,
  ): Promise<DecisionJson> => ({
    ...decisionJson(found),
    next_at: timeJson(found.decision === 'denied' ? await nextAtMs() : null),
    repeat: isRepeat,
    receipt: receipt ?? (found.seq === null ? null : await deps.receiptOf(found.seq)),
    delivery: await deliveryIn(found),
  })

  const attemptJson = async (found: DecidedAttempt, label: string): Promise<AttemptJson> => {
    const { delivery, says } = await deps.deliveryOf(found.id)
    return {
      id: found.id,
      lock: label,
      account: found.passId === null ? found.accountPublicId : null,
      pass: found.passId,
      ...decisionJson(found),
      decided_at: new Date(found.decidedAtMs).toISOString(),
      delivery,
      ...attemptResult(delivery, says),
      lock_says: says,
    }
  }

  return {
    /** Decides an attempt and records the decision. Throws `not_found` for an unknown lock, `conflict` if
     * another attempt has the id, `unavailable` if nothing can be recorded: then nobody is let in. */
    decide: async ({ caller, account, label, id }: Asked): Promise<DecisionJson> => {
      const sessionId = caller.sessionId ?? ''
      requireRoom(sessionId)
      const takeBack = await deps.spend(account, caller)
      const { publicId, username, role } = account
      const attempt = {
        id,
        lock: label,
        who: { account: { publicId, username, role } },
        sessionId,
        ...(caller.token ? { tokenId: caller.token.id } : {}),
        isHome: deps.isOnHomeNetwork(caller),
        ...deps.clock(),
      }
      const outcome = await decided(attempt, publicId, takeBack).catch((error: unknown) => {
        throw whileClosed(error, USE_YOUR_KEY)
      })
      const { isRepeat, found } = outcome
      // Only the leaves of newcomers' attempts are kept.
      if (isRepeat || (found.seq === null && isNewcomer(account))) takeBack()
      return answerOf(outcome, () => deps.nextAtMs(found, label, role))
    },

    /** Decides the attempt of a guest like any other. Throws the same. */
    decideGuest: async (asking: AskingGuest): Promise<DecisionJson> => {
      const { caller, passId, deviceId, hostName, label, id, knock } = asking
      const sessionId = deviceId ?? `pass:${passId}`
      requireRoomForGuest(sessionId)
      const attempt = {
        id,
        lock: label,
        who: { pass: { id: passId, deviceId, knock } },
        sessionId,
        isHome: deps.isOnHomeNetwork(caller),
        ...deps.clock(),
      }
      try {
        deps.requireRoomForGuest()
        const outcome = await decided(attempt, `pass:${passId}`)
        const answer = await answerOf(outcome, () => deps.nextAtMsOfGuest(outcome.found, label))
        return { ...answer, reason: reasonForGuest(answer.reason) }
      } catch (error) {
        throw isUnavailable(error) ? whileClosed(error, askHost(await hostName())) : error
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
      return attemptJson(found, label)
    },

    /** Returns what was decided on the attempt of a guest's device, without the word of the lock, which may be that of the
     * home's network. Throws `not_found` for any other. */
    findOfDevice: async (deviceId: string, id: string): Promise<AttemptJson> => {
      const found = (await reads.attempts([id])).get(id)
      if (!found || found.passId === null || found.sessionId !== deviceId)
        throw new AppError('not_found', NO_SUCH_ATTEMPT)
      const json = await attemptJson(found, await reads.labelOf(found.lockId))
      return { ...json, reason: reasonForGuest(json.reason), lock_says: null }
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
  unknown_holder: () => new AppError('unauthorized', 'This account or pass no longer exists'),
  id_taken: () => new AppError('conflict', ID_TAKEN, { reason: 'id_taken' }),
} as const

const isUnavailable = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'unavailable'

/** Returns an error with what to do instead, if nothing can be recorded. */
const whileClosed = (error: unknown, advice: string): unknown =>
  isUnavailable(error)
    ? new AppError('unavailable', advice, { reason: error.reason, cause: error })
    : error

const askHost = (host: string | null): string =>
  `Nothing can be recorded right now, so nobody is let in. Ask ${host ?? 'your host'}.`

export const ASK_YOUR_HOST = askHost(null)

/** A guest does not learn whether a pass was revoked or never opened a lock. */
const reasonForGuest = (reason: DecisionReason | null): DecisionReason | null =>
  reason === 'revoked' ? 'no_grant' : reason
