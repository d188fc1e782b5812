import { AppError } from '../../errors.ts'
import { type Account, hasRole } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent, Recording } from '../../domain/audit-event.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import type { SecondFactors } from './service.ts'
import type { Holder, SecondFactorStore } from './store.ts'
import type { SecretSealer } from './sealed-secret.ts'
import type { Sessions } from '../sessions/service.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'

export type SecondFactorEnrolment = ReturnType<typeof secondFactorEnrolment>

type Dependencies = {
  readonly store: SecondFactorStore
  readonly box: SecretSealer
  readonly factors: SecondFactors
  readonly checkPassword: (
    credentials: { readonly username: string; readonly password: string },
    from: Origin,
  ) => Promise<Account | undefined>
  readonly sessions: Pick<Sessions, 'endAll'>
  readonly record: RecordAuditEvent
}

/** What a person proves themselves with: the password, and a code once the second factor is on. */
type Proof = { readonly password: string; readonly otp?: string }

type Action =
  | 'second_factor.begin'
  | 'second_factor.confirm'
  | 'second_factor.remove'
  | 'recovery_code.renew'

/** The rules of second factors: how they are turned on and off. */
export const secondFactorEnrolment = (deps: Dependencies) => {
  const { store, box, factors, checkPassword, sessions, record } = deps

  const recordSuccess =
    (caller: Caller, action: Action): Recording<number> =>
    (_, tx) => {
      const subject = signedIn(caller.account).publicId
      return record(caller, { action, result: 'success', subject }, tx)
    }

  const refused = async (caller: Caller, action: Action, reason: Reason): Promise<AppError> => {
    const subject = signedIn(caller.account).publicId
    await record(caller, { action, result: 'failure', subject, detail: { reason } })
    return new AppError('forbidden', REASONS[reason], { reason })
  }

  /** The caller's account; throws `forbidden` where the password or the code is wrong. A token
   * alone, which may be stolen, changes nothing here. */
  const proven = async (
    caller: Caller,
    action: Action,
    { password, otp }: Proof,
  ): Promise<Account> => {
    const account = signedIn(caller.account)
    const named = await checkPassword({ username: account.username, password }, caller)
    if (named?.id !== account.id) throw await refused(caller, action, 'wrong_password')
    if (otp === undefined) return account
    const verdict = await factors.check(account, otp)
    if (verdict !== 'totp' && verdict !== 'recovery_code')
      throw await refused(caller, action, 'otp_invalid')
    return account
  }

  const requireOn = async (caller: Caller): Promise<void> => {
    if (!(await factors.isOn(signedIn(caller.account))))
      throw new AppError('conflict', 'The second factor is not on', OFF)
  }

  /** Turns a second factor off without its codes, for a phone that is lost, and ends all sessions,
   * since the phone may hold one. Throws `not_found`. */
  const reset = async (from: Parameters<typeof record>[0], subject: Account): Promise<void> => {
    const isRemoved = await store.reset(subject, async (_, tx) => {
      const event = { action: 'second_factor.remove', subject: subject.publicId } as const
      await record(from, { ...event, result: 'success' }, tx)
      await sessions.endAll(from, subject, undefined, tx)
    })
    if (!isRemoved) throw new AppError('not_found', 'There is no second factor', OFF)
  }

  return {
    state: async (account: Account) => ({
      isOn: await factors.isOn(account),
      isRequired: factors.isRequired,
      recoveryCodes: await store.countRecoveryCodes(account.id),
    }),

    /** Gives a new secret, which counts once a code of it is confirmed. Throws `conflict` where the
     * second factor is on. */
    begin: async (caller: Caller, password: string) => {
      const account = await proven(caller, 'second_factor.begin', { password })
      const { newTotpSecret, totpSecretText, totpUri } = await import('./totp.ts')
      const secret = newTotpSecret()
      const isBegun = await store.begin(
        holderOf(caller),
        box.seal(secret, account.publicId),
        recordSuccess(caller, 'second_factor.begin'),
      )
      if (!isBegun) throw new AppError('conflict', 'The second factor is on; turn it off first', ON)
      return { uri: totpUri(secret, account.username), secret: totpSecretText(secret) }
    },

    /** Turns the second factor on, ends all other sessions, which began without it, and gives the
     * recovery codes. Throws `conflict` where none was begun, `forbidden` for a wrong code. */
    confirm: async (caller: Caller, code: string): Promise<readonly string[]> => {
      const account = signedIn(caller.account)
      if ((await store.find(account.id)) !== 'begun')
        throw new AppError('conflict', 'Begin first: POST /v1/me/second-factor', NOT_BEGUN)
      const codes = newRecoveryCodes()
      const isOn = await store.confirm(holderOf(caller), {
        ...(await factors.attempt(account, code)),
        recoveryCodes: codes.map(hashOneTimeCode),
        record: async (id, tx) => {
          await recordSuccess(caller, 'second_factor.confirm')(id, tx)
          await sessions.endAll(caller, account, caller.sessionId, tx)
        },
      })
      if (!isOn) throw await refused(caller, 'second_factor.confirm', 'otp_invalid')
      return codes
    },

    /** Gives new recovery codes; the old ones are void. Throws `conflict` or `forbidden`. */
    renewCodes: async (caller: Caller, proof: Required<Proof>): Promise<readonly string[]> => {
      await requireOn(caller)
      await proven(caller, 'recovery_code.renew', proof)
      const codes = newRecoveryCodes()
      await store.replaceRecoveryCodes(holderOf(caller), {
        recoveryCodes: codes.map(hashOneTimeCode),
        record: recordSuccess(caller, 'recovery_code.renew'),
      })
      return codes
    },

    /** Turns the caller's own second factor off. Throws `conflict` or `forbidden`. */
    remove: async (caller: Caller, proof: Required<Proof>): Promise<void> => {
      await requireOn(caller)
      await proven(caller, 'second_factor.remove', proof)
      await store.remove(holderOf(caller), recordSuccess(caller, 'second_factor.remove'))
    },

    reset,

    /** As `reset`, by an admin for a member or by an owner for anybody else. Throws
     * `forbidden`, or `conflict` for the caller's own. */
    resetFor: async (caller: Caller, subject: Account): Promise<void> => {
      if (subject.id === caller.account?.id)
        throw new AppError('conflict', OWN, { reason: 'own_account' })
      if (subject.role !== 'member' && !hasRole(caller.account, 'owner')) {
        const reason = 'owner_needed'
        const event = { action: 'second_factor.remove', subject: subject.publicId } as const
        await record(caller, { ...event, result: 'failure', detail: { reason } })
        throw new AppError('forbidden', 'Only an owner may do this to an admin or owner', {
          reason,
        })
      }
      await reset(caller, subject)
    },
  }
}

const holderOf = ({ account, sessionId = '' }: Caller): Holder => ({
  accountId: signedIn(account).id,
  sessionId,
})

const RECOVERY_CODES = 10

/** Each logs in once. They are kept as SHA-256, since from 112 random bits on a code cannot be found
 * by trying, however fast one tries (ASVS 6.5.2). */
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
