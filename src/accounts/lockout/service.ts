import pLimit from 'p-limit'
import { type Account, mayActOn } from '../../domain/account.ts'
import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import type { Database, Queries } from '../../storage/database.ts'
import { auditRefusals, requireActionable } from '../core/authorization.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import { type LoginAttempt, attemptKeysOf } from './attempt-keys.ts'
import { deviceCookies } from './device-cookie.ts'
import { KNOWN_CLIENT_MS, knownClientStore, knownClientsIn } from './known-client-store.ts'
import {
  type Counters,
  type Evaluation,
  type LockoutPlace,
  type Outcome,
  evaluateAttempt,
} from './rules.ts'
import {
  type ActiveLockout,
  type ActiveLockouts,
  failedLoginStore,
  failedLoginsIn,
} from './store.ts'
import { unsavedCounters } from './unsaved-counters.ts'

export type Lockout = ReturnType<typeof lockoutService>

type Dependencies = {
  readonly db: Database
  /** Hides names and addresses in the counters, and signs device cookies. */
  readonly key: string
  /** The clock of the counters, which ignores jumps of the time of day. */
  readonly nowMs: () => number
  readonly clock: Pick<Clock, 'wallMs'>
  /** True while counters are kept in memory, to leave the rest of the disk to owners. */
  readonly keepsInMemory: () => boolean
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  /** Records events that anyone can cause without limit. */
  readonly recordCoalesced: RecordAuditEvent
  /** Records in the unlock log who was denied access; never rejects. */
  readonly recordDenied: (denial: Denial) => Promise<void>
  /** How many counters of each kind a sweep keeps. */
  readonly countersMax?: number
}

type Denial = {
  readonly account: Pick<Account, 'publicId' | 'username' | 'admitted'>
  readonly reason: 'too_many_attempts'
}

/** Failed logins in a day, at all names, from which on a client is guessing. */
const GUESSES_FROM = 10

const COUNTERS_MAX = 20_000
const SWEEP_MS = MINUTE_MS

/** The rules of lockouts: who is locked out after failed logins, and how that ends. */
export const lockoutService = (deps: Dependencies) => {
  const { db, key, nowMs, clock, keepsInMemory, auditIn, record, recordCoalesced, recordDenied } =
    deps
  const unsaved = unsavedCounters()
  const store = failedLoginStore(db)
  const clients = knownClientStore(db)
  const devices = deviceCookies(key)
  const keysOf = attemptKeysOf({ key, devices, nowMs })
  const sweep = sweeper(deps.countersMax ?? COUNTERS_MAX)

  const trustClient = async (
    attempt: LoginAttempt & { readonly account: AuthenticatedAccount },
  ): Promise<void> => {
    const keys = { ...keysOf(attempt), accountId: attempt.account.id }
    const atMs = nowMs()
    const stored = await store.counters(keys.subjects, atMs)
    const { name, client_at_name: clientAtName } = unsaved.over(stored, keys.subjects)
    const isNews = !keys.hasDeviceCookie && (await clients.needsRenewal(keys, atMs))
    if (!isNews && name.failures + clientAtName.failures === 0) return
    unsaved.forgive(keys.subjects)
    await db.transaction(async (tx) => {
      await failedLoginsIn(tx).forgive(keys.subjects)
      if (isNews) await knownClientsIn(tx).save(keys, atMs)
      await sweep(tx, atMs)
    })
  }

  /** Evaluates an attempt by the counters so far. An attempt that passes writes nothing: it must
   * not wait for a disk that is full or locked. */
  const evaluate = async (attempt: LoginAttempt, outcome: Outcome): Promise<Evaluation> => {
    const keys = keysOf(attempt)
    const atMs = nowMs()
    const isKnown = keys.hasDeviceCookie || (await clients.isKnown(keys, atMs))
    const evaluateBy = (stored: Counters) =>
      evaluateAttempt({ outcome, counters: unsaved.over(stored, keys.subjects), isKnown, atMs })
    const evaluation = evaluateBy(await store.counters(keys.subjects, atMs))
    if (evaluation.passes) return evaluation
    if (keepsInMemory()) {
      unsaved.save(keys.subjects, evaluation.after)
      return evaluation
    }
    const counted = await db.transaction(async (tx) => {
      const failedLogins = failedLoginsIn(tx)
      // Another replica may have counted since.
      const current = evaluateBy(await failedLogins.counters(keys.subjects, atMs))
      if (current.passes) return current
      await failedLogins.save({ ...keys, counters: current.after, atMs })
      await sweep(tx, atMs)
      for (const { kind, failures, durationMs } of current.started)
        await auditIn(tx).record(attempt.from, {
          action: 'login.lockout_started',
          result: 'failure',
          ...(attempt.account ? { subject: attempt.account.publicId } : {}),
          detail: {
            kind,
            failures,
            seconds: durationMs / 1000,
            ...placeDetail(kind === 'name' ? 'login' : keys.place),
          },
        })
      return current
    })
    unsaved.remove(keys.subjects)
    return counted
  }

  const requestedId = (by: Caller, publicId?: string): Promise<number | undefined> => {
    if (publicId === undefined) return Promise.resolve(undefined)
    const event = { action: 'access.deny', subject: publicId } as const
    return auditRefusals(
      { record: recordCoalesced, by, event },
      async () => (await requireActionable(db, { by, publicId })).id,
    )
  }

  // In turn, so that simultaneous guesses gain nothing. How many wait is bounded by the places of
  // `passwordQueues`, which attempts keep until they are judged.
  const inTurn = pLimit(1)

  return {
    /** Returns how an account knows the client of an attempt, or undefined if it does not or there is
     * no account; the work is the same. An address from which someone guesses is not known: who
     * shares it could tell by the time of an answer which names have logged in there. */
    knownBy: async (attempt: LoginAttempt): Promise<'device_cookie' | 'address' | undefined> => {
      const keys = keysOf(attempt)
      const isKnown = await clients.isKnown(keys, nowMs())
      const { client } = await store.counters(keys.subjects, nowMs())
      if (keys.hasDeviceCookie) return 'device_cookie'
      return isKnown && client.failures < GUESSES_FROM ? 'address' : undefined
    },

    /** Returns whether an attempt passes, and counts it if not. Call it last and whatever the
     * outcome, so that during a lockout the right password costs the same work and gets the same
     * answer as a wrong one. */
    judgeAttempt: async (attempt: LoginAttempt, outcome: Outcome): Promise<boolean> => {
      const evaluation = await inTurn(() => evaluate(attempt, outcome))
      const { account } = attempt
      if (evaluation.passes) {
        if (account && outcome === 'right') await trustClient({ ...attempt, account })
        return true
      }
      // Not awaited: the time of the answer must not reveal that the account exists.
      if (account && evaluation.started.some(({ kind }) => kind !== 'client'))
        void recordDenied({ account, reason: 'too_many_attempts' })
      return false
    },

    /** Makes a client known to an account after proof other than its password, and forgives the
     * failures there. */
    trustClient,

    /** Returns a device cookie, which makes a device known to an account, wherever it is, until all
     * sessions of the account are ended. A device that sent one stays the same device: logging in
     * again and again must not make it many, each with attempts of its own. */
    deviceToken: (account: AuthenticatedAccount, sent = ''): string =>
      devices.issue(account, nowMs() + KNOWN_CLIENT_MS, devices.verify(sent, account, nowMs())),

    /** Returns the device of a device cookie of this account, or undefined if it is not valid. */
    deviceOf: (account: AuthenticatedAccount, deviceToken: string): string | undefined =>
      devices.verify(deviceToken, account, nowMs()),

    /** Returns the active lockouts of one account or all, in wall time. Only an owner sees from where
     * someone tried an owner's name: it may be the owner. Throws `not_found` or `forbidden`. */
    list: async (by: Caller, publicId?: string): Promise<ActiveLockouts> => {
      const { total, lockouts } = await store.active(nowMs(), await requestedId(by, publicId))
      const aheadMs = clock.wallMs() - nowMs()
      return {
        total,
        lockouts: lockouts.map((lockout) => ({
          ...lockout,
          address: isShownTo(by, lockout) ? lockout.address : undefined,
          failedAtMs: lockout.failedAtMs + aheadMs,
          lockedUntilMs: lockout.lockedUntilMs + aheadMs,
        })),
      }
    },

    /** Clears a lockout and its failures. Throws `not_found` if no active one has this id, and
     * `forbidden` for that of an owner's account, unless by an owner. */
    clear: async (by: Caller, id: string): Promise<void> => {
      const subject = (await store.find(id, nowMs()))?.account?.publicId
      const event = { action: 'lockout.cleared', ...(subject ? { subject } : {}) } as const
      await auditRefusals({ record, by, event }, () =>
        db.transaction(async (tx) => {
          const cleared = await failedLoginsIn(tx).clear(id, nowMs())
          if (!cleared) throw new AppError('not_found', 'No such lockout')
          const { account, kind, failures, place } = cleared
          const detail = { kind, failures, ...placeDetail(place) }
          if (account) await requireActionable(tx, { by, publicId: account.publicId })
          await auditIn(tx).record(by, { ...event, result: 'success', detail })
        }),
      )
    },
  }
}

/** The events of logins have no place, as from before there were others. */
const placeDetail = (place: LockoutPlace) => (place === 'login' ? {} : { place })

const isShownTo = ({ account }: Caller, lockout: ActiveLockout): boolean =>
  !lockout.account || (account !== undefined && mayActOn(account.role, lockout.account.role))

/** Returns a function that removes expired and excess rows: a few at a time until none is left, then once
 * a minute. */
const sweeper = (countersMax: number) => {
  let sweptAtMs = Number.NEGATIVE_INFINITY
  return async (tx: Queries, atMs: number): Promise<void> => {
    if (atMs - sweptAtMs < SWEEP_MS) return
    const hasNone = await failedLoginsIn(tx).sweep(atMs, countersMax)
    if ((await knownClientsIn(tx).sweep(atMs)) && hasNone) sweptAtMs = atMs
  }
}
