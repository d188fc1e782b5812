import { createHmac } from 'node:crypto'
import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { Caller } from '../../http/authorization.ts'
import { clientKey } from '../../http/request/client-address.ts'
import { deviceCookies } from './device-cookie.ts'
import {
  type FailedLoginStore,
  type AttemptKeys,
  KNOWN_CLIENT_MS,
  type ActiveLockouts,
} from './store.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import { type Outcome, evaluateAttempt } from './rules.ts'

export type Lockout = ReturnType<typeof lockoutService>

type Dependencies = {
  readonly store: FailedLoginStore
  /** Hides names and addresses in the counters, and signs device tokens. */
  readonly key: string
  /** The clock of the store. */
  readonly now: () => number
  /** The clock of the day. */
  readonly day: () => number
  readonly record: RecordAuditEvent
  /** Notes at the door whom it kept out; never rejects. */
  readonly recordDenied: (denial: Denial) => Promise<void>
}

type Denial = {
  readonly account: Pick<Account, 'publicId' | 'username'>
  readonly reason: 'too_many_attempts'
}

/** An attempt to prove who one is, at whatever place asks for a password. */
export type LoginAttempt = {
  /** What the account is found by, or would be. Empty where nothing was named that could be one. */
  readonly usernameKey: string
  readonly account: AuthenticatedAccount | undefined
  readonly deviceToken?: string | undefined
  readonly from: Origin
}

/** The rules of guessing: who has to wait after failed logins, and who may lift that. */
export const lockoutService = (deps: Dependencies) => {
  const { store, key, now, day, record, recordDenied } = deps
  const devices = deviceCookies(key)

  const hash = (...parts: readonly string[]): Buffer =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest()

  const attemptKeys = ({
    usernameKey,
    account,
    deviceToken = '',
    from,
  }: LoginAttempt): AttemptKeys => {
    const client = clientKey(from.address)
    const device = account && devices.verify(deviceToken, account, now())
    return {
      subjects: {
        client: hash('client', client),
        name: hash('name', usernameKey),
        client_at_name: device
          ? hash('device', device)
          : hash('client_at_name', client, usernameKey),
      },
      clientHash: hash('place', client),
      address: from.address,
      accountId: account?.id,
      hasDeviceCookie: device !== undefined,
    }
  }

  const registerAttempt = async (attempt: LoginAttempt, outcome: Outcome): Promise<boolean> => {
    const { account, from } = attempt
    const keys = attemptKeys(attempt)
    const evaluation = await store.registerAttempt(keys, (standing) =>
      evaluateAttempt({ ...standing, outcome }),
    )
    if (evaluation.passes) {
      if (account && outcome === 'right') await store.trustClient(account.id, keys)
      return true
    }
    for (const { kind, failures, durationMs } of evaluation.started)
      await record(from, {
        action: 'login.lockout_started',
        result: 'failure',
        ...(account ? { subject: account.publicId } : {}),
        detail: { kind, failures, seconds: durationMs / 1000 },
      })
    // Not waited for: the time of the answer must not tell that there is such an account.
    if (account && evaluation.started.some(({ kind }) => kind !== 'client'))
      void recordDenied({ account, reason: 'too_many_attempts' })
    return false
  }

  return {
    /** Tells whether an attempt may pass whose outcome is found out, and not told yet; counts it
     * where it may not. Ask it last and whatever the outcome, so that in a wait the right password
     * costs the same work and gets the same answer as a wrong one. */
    registerAttempt,

    /** Makes the place of a person known who has just shown to be the account's by other means than
     * its password, and forgives the failures there. */
    trustClient: (
      attempt: LoginAttempt & { readonly account: AuthenticatedAccount },
    ): Promise<void> => store.trustClient(attempt.account.id, attemptKeys(attempt)),

    /** Gives a token that makes a device known to that account, wherever it is, until all sessions of
     * the account are ended. */
    deviceToken: (account: AuthenticatedAccount): string =>
      devices.issue(account, now() + KNOWN_CLIENT_MS),

    /** The waits that run now, at one account or at all, in times of the day's clock. */
    list: async (accountId?: number): Promise<ActiveLockouts> => {
      const { total, lockouts } = await store.active(accountId)
      const aheadMs = day() - now()
      return {
        total,
        lockouts: lockouts.map((wait) => ({
          ...wait,
          failedAtMs: wait.failedAtMs + aheadMs,
          lockedUntilMs: wait.lockedUntilMs + aheadMs,
        })),
      }
    },

    /** Ends a wait and forgets its failures; throws `not_found` where none of that id runs. */
    clear: async (caller: Caller, id: string): Promise<void> => {
      const lifted = await store.clear(id)
      if (!lifted) throw new AppError('not_found', 'No such lockout')
      await record(caller, {
        action: 'lockout.cleared',
        result: 'success',
        ...(lifted.account ? { subject: lifted.account.publicId } : {}),
        detail: { kind: lifted.kind, failures: lifted.failures },
      })
    },
  }
}
