import type { Account } from '../../domain/account.ts'
import type { Actor, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { AppError } from '../../errors.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import { tokenError } from '../../http/errors.ts'
import type { Database, Queries } from '../../storage/database.ts'
import { auditRefusals, requireManageable, requireOtherAccount } from '../core/authorization.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'
import type { Sessions } from '../sessions/service.ts'
import type { SecretSealer } from './sealed-secret.ts'
import type { SecondFactors } from './service.ts'
import { type SecondFactorStore, secondFactorsIn } from './store.ts'

export type SecondFactorEnrolment = ReturnType<typeof secondFactorEnrolment>

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  readonly store: SecondFactorStore
  readonly sealer: SecretSealer
  readonly factors: SecondFactors
  readonly checkPassword: (
    credentials: { readonly username: string; readonly password: string },
    by: Actor,
  ) => Promise<Account | undefined>
  readonly sessions: Pick<Sessions, 'endAllIn'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
}

/** What people prove themselves with: the password, and a code once the second factor is on. */
type Proof = { readonly password: string; readonly otp?: string }

type Action =
  | 'second_factor.begin'
  | 'second_factor.confirm'
  | 'second_factor.remove'
  | 'recovery_code.renew'

/** The rules of second factors: how they are turned on and off. */
export const secondFactorEnrolment = (deps: Dependencies) => {
  const { db, store, sealer, factors, sessions, auditIn } = deps
  const prove = proofOf(deps)
  const refused = refusalOf(deps)

  const recordSuccess = (tx: Queries, caller: Caller, action: Action): Promise<void> => {
    const subject = signedIn(caller.account).publicId
    return auditIn(tx).record(caller, { action, result: 'success', subject })
  }

  const requireOn = async (caller: Caller): Promise<void> => {
    if (!(await factors.isOn(signedIn(caller.account))))
      throw new AppError('conflict', 'The second factor is not on', OFF)
  }

  return {
    state: async (account: Account) => ({
      isOn: await factors.isOn(account),
      isRequired: factors.isRequired,
      recoveryCodes: await store.countRecoveryCodes(account.id),
    }),

    /** Returns a new secret, which takes effect once a first code is confirmed. Throws `conflict`
     * if the second factor is on. */
    begin: async (caller: Caller, password: string) => {
      const account = await prove(caller, 'second_factor.begin', { password })
      const { newTotpSecret, totpSecretText, totpUri } = await import('./totp.ts')
      const secret = newTotpSecret()
      const sealed = sealer.seal(secret, account.publicId)
      const isBegun = await db.transaction(async (tx) => {
        const own = await ownFactorIn(tx, caller)
        if (!(await own.begin(account.id, sealed))) return false
        await recordSuccess(tx, caller, 'second_factor.begin')
        return true
      })
      if (!isBegun) throw new AppError('conflict', 'The second factor is on; turn it off first', ON)
      return { uri: totpUri(secret, account.username), secret: totpSecretText(secret) }
    },

    /** Turns the second factor on, ends all other sessions, which began without it, and returns the
     * recovery codes. Throws `conflict` if none was begun, `forbidden` for a wrong code. */
    confirm: async (caller: Caller, code: string): Promise<readonly string[]> => {
      const account = signedIn(caller.account)
      if ((await store.find(account.id)) !== 'begun')
        throw new AppError(
          'conflict',
          'Start the setup first: POST /v1/me/second-factor',
          NOT_BEGUN,
        )
      const codes = newRecoveryCodes()
      const attempt = await factors.attempt(account, code)
      const hashes = codes.map(hashOneTimeCode)
      const isOn = await db.transaction(async (tx) => {
        const own = await ownFactorIn(tx, caller)
        if (!(await own.confirm(account.id, attempt))) return false
        await own.replaceRecoveryCodes(account.id, hashes)
        await recordSuccess(tx, caller, 'second_factor.confirm')
        await sessions.endAllIn(tx, { by: caller, account, keptId: caller.sessionId })
        return true
      })
      if (!isOn) throw await refused(caller, 'second_factor.confirm', 'otp_invalid')
      return codes
    },

    /** Returns new recovery codes and voids the old ones. Throws `conflict` or `forbidden`. */
    renewCodes: async (caller: Caller, proof: Required<Proof>): Promise<readonly string[]> => {
      await requireOn(caller)
      const { id } = await prove(caller, 'recovery_code.renew', proof)
      const codes = newRecoveryCodes()
      const hashes = codes.map(hashOneTimeCode)
      await db.transaction(async (tx) => {
        await (await ownFactorIn(tx, caller)).replaceRecoveryCodes(id, hashes)
        await recordSuccess(tx, caller, 'recovery_code.renew')
      })
      return codes
    },

    /** Turns off the caller's own second factor. Throws `conflict` or `forbidden`. */
    remove: async (caller: Caller, proof: Required<Proof>): Promise<void> => {
      await requireOn(caller)
      const { id } = await prove(caller, 'second_factor.remove', proof)
      await db.transaction(async (tx) => {
        if (await (await ownFactorIn(tx, caller)).remove(id))
          await recordSuccess(tx, caller, 'second_factor.remove')
      })
    },

    /** Turns off someone's second factor without its codes, for a lost phone, and ends all their
     * sessions, since the phone may be logged in. Throws `not_found`, `forbidden` unless `by` may
     * change the account, or `conflict` for the caller's own. */
    reset: (by: Actor, publicId: string): Promise<void> => {
      const event = { action: 'second_factor.remove', subject: publicId } as const
      return auditRefusals({ record: deps.record, by, event }, async () => {
        requireOtherAccount(by, publicId, OWN)
        await db.transaction(async (tx) => {
          const account = await requireManageable(tx, { by, publicId })
          if (!(await secondFactorsIn(tx).remove(account.id)))
            throw new AppError('not_found', 'There is no second factor', OFF)
          await auditIn(tx).record(by, { ...event, result: 'success' })
          await sessions.endAllIn(tx, { by, account })
        })
      })
    },
  }
}

/** Returns a function that checks password and code and returns the caller's account. It throws
 * `forbidden` if either is wrong. A token alone, which may be stolen, changes nothing. */
const proofOf = (deps: Pick<Dependencies, 'factors' | 'checkPassword' | 'record'>) => {
  const { factors, checkPassword } = deps
  const refused = refusalOf(deps)
  return async (caller: Caller, action: Action, { password, otp }: Proof): Promise<Account> => {
    const account = signedIn(caller.account)
    const confirmed = await checkPassword({ username: account.username, password }, caller)
    if (confirmed?.id !== account.id) throw await refused(caller, action, 'wrong_password')
    if (otp === undefined) return account
    const verdict = await factors.check(account, otp)
    if (verdict !== 'totp' && verdict !== 'recovery_code')
      throw await refused(caller, action, 'otp_invalid')
    return account
  }
}

/** Returns a function that records a refusal and returns the error to throw. */
const refusalOf =
  ({ record }: Pick<Dependencies, 'record'>) =>
  async (caller: Caller, action: Action, reason: Reason): Promise<AppError> => {
    const subject = signedIn(caller.account).publicId
    await record(caller, { action, result: 'failure', subject, detail: { reason } })
    return new AppError('forbidden', REASONS[reason], { reason })
  }

/** Returns the operations on a second factor in a transaction. Throws 401 if the caller's session
 * has ended, perhaps while the request's body was received or its password was checked: its token
 * must no longer change what guards the account. */
const ownFactorIn = async (tx: Queries, { account, sessionId = '' }: Caller) => {
  const factors = secondFactorsIn(tx)
  const holder = { accountId: signedIn(account).id, sessionId }
  if (!(await factors.hasSession(holder))) throw tokenError()
  return factors
}

const RECOVERY_CODES = 10

/** Each logs in once. They are stored as SHA-256: a code of 112 random bits or more cannot be
 * guessed, however fast the attempts (ASVS 6.5.2). */
const newRecoveryCodes = (): readonly string[] =>
  Array.from({ length: RECOVERY_CODES }, newOneTimeCode)

const REASONS = {
  wrong_password: 'Wrong password',
  otp_invalid: 'Invalid one-time code',
} as const

type Reason = keyof typeof REASONS

const ON = { reason: 'second_factor_on' } as const
const OFF = { reason: 'second_factor_off' } as const
const NOT_BEGUN = { reason: 'second_factor_not_begun' } as const

const OWN = 'Turn your own off with your password and a code: DELETE /v1/me/second-factor'
