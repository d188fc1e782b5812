import type { Account } from '../../domain/account.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { hashOneTimeCode } from '../core/one-time-code.ts'
import type { SecretSealer } from './sealed-secret.ts'
import { type Attempt, type SecondFactorStore, secondFactorsIn } from './store.ts'

export type SecondFactors = ReturnType<typeof secondFactors>

/** The verdict on a code; a right one is `totp` (from the app) or `recovery_code`. */
export type CodeVerdict = 'unneeded' | 'totp' | 'recovery_code' | 'missing' | 'wrong'

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  readonly store: SecondFactorStore
  readonly sealer: SecretSealer
  /** Whether owners and admins count as members until they have a second factor. */
  readonly isRequired: boolean
  /** Wall time, because phones follow it, even when it is set back. */
  readonly clock: Pick<Clock, 'wallMs'>
}

/** The rules of logging in with a second factor. */
export const secondFactors = ({ db, store, sealer, isRequired, clock }: Dependencies) => {
  const isOn = async ({ id }: Account): Promise<boolean> => (await store.find(id)) === 'on'

  /** Prepares a code of an authenticator app to be checked. Throws `unavailable` if the secret
   * cannot be read. */
  const attempt = async (account: Account, code: string): Promise<Attempt> => {
    const atMs = clock.wallMs()
    // Loaded only for accounts with a second factor: otpauth brings in every hash function.
    const { totpStep } = await import('./totp.ts')
    const stepOf = (sealed: Uint8Array) => {
      const secret = sealer.open(sealed, account.publicId)
      if (!secret) throw new AppError('unavailable', OTHER_KEY)
      return totpStep(secret, withoutSeparators(code), atMs)
    }
    return { atMs, stepOf, lockoutMs }
  }

  /** Returns the account with its current role: an owner or admin who must have a second factor is
   * a member until they have one. */
  const standing = async (account: Account): Promise<Account> =>
    !isRequired || account.role === 'member' || (await isOn(account))
      ? account
      : { ...account, role: 'member', roleHeldBack: account.role }

  return {
    isRequired,
    isOn,
    attempt,
    standing,

    /** Checks a code of the app, or a recovery code, and uses it up. A time step of the app counts
     * once, and no earlier step counts after it. */
    check: async (account: Account, code = ''): Promise<CodeVerdict> => {
      if (!(await isOn(account))) return 'unneeded'
      const plain = withoutSeparators(code)
      if (plain === '') return 'missing'
      if (/^\d{6}$/.test(plain)) {
        const given = await attempt(account, plain)
        const isRight = await db.transaction((tx) => secondFactorsIn(tx).useStep(account.id, given))
        return isRight ? 'totp' : 'wrong'
      }
      const isOurs = await store.useRecoveryCode(account.id, hashOneTimeCode(plain))
      return isOurs ? 'recovery_code' : 'wrong'
    },

    /** Returns the account as `standing` does, for ways to log in that have no place for a code, such
     * as HTTP Basic. Throws `unauthorized` if the account has a second factor. */
    withoutCode: async (account: Account): Promise<Account> => {
      if (await isOn(account))
        throw new AppError('unauthorized', USE_TOKEN, { reason: 'otp_required' })
      return standing(account)
    },
  }
}

/** Phones show a code in two groups, and some keyboards type wide digits. */
const withoutSeparators = (code: string): string =>
  code.normalize('NFKC').replaceAll(/[\s\p{Pd}\p{Cf}]/gu, '')

/** Wrong codes in a row that cause no lockout. */
const FAILURES_FREE = 5

const LOCKOUT_MS_MIN = 30_000
const LOCKOUT_MS_MAX = HOUR_MS

/** Three in a million codes are valid at a time, so guesses must be limited. Only those who know
 * the password can try, so no stranger can lock an owner out. Recovery codes have no lockout:
 * nobody can try enough of them. */
const lockoutMs = (failures: number): number =>
  failures < FAILURES_FREE
    ? 0
    : Math.min(LOCKOUT_MS_MIN * 2 ** (failures - FAILURES_FREE), LOCKOUT_MS_MAX)

const USE_TOKEN =
  'This account has a second factor: log in with POST /login, and send the access token as ' +
  'Authorization: Bearer'

const OTHER_KEY =
  'One-time codes cannot be checked: second-factor-key in DATA_DIR is not the key they were ' +
  'created with; restore it from a backup, or use a recovery code'
