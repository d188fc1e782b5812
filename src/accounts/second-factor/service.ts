import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import type { Attempt, SecondFactorStore } from './store.ts'
import type { SecretSealer } from './sealed-secret.ts'
import { hashOneTimeCode } from '../core/one-time-code.ts'

export type SecondFactors = ReturnType<typeof secondFactors>

/** What a code comes to: right, by the phone's clock (TOTP) or as a recovery code; or not. */
export type CodeVerdict = 'unneeded' | 'totp' | 'recovery_code' | 'missing' | 'wrong'

type Dependencies = {
  readonly store: SecondFactorStore
  readonly box: SecretSealer
  /** Whether owners and admins are only members until they have a second factor. */
  readonly isRequired: boolean
  /** The time of day as the gateway has it now: phones follow it, also when it is set back. */
  readonly now: () => number
}

/** What a second factor asks of those who come in. */
export const secondFactors = ({ store, box, isRequired, now }: Dependencies) => {
  const isOn = async ({ id }: Account): Promise<boolean> => (await store.find(id)) === 'on'

  /** A code of the phone, to be judged. Throws `unavailable` where the secret is not readable. */
  const attempt = async (account: Account, code: string): Promise<Attempt> => {
    const atMs = now()
    // Loaded for those who have a second factor: otpauth brings every hash that there is.
    const { totpStep } = await import('./totp.ts')
    const stepOf = (sealed: Uint8Array) => {
      const secret = box.open(sealed, account.publicId)
      if (!secret) throw new AppError('unavailable', OTHER_KEY)
      return totpStep(secret, withoutSpaces(code), atMs)
    }
    return { atMs, stepOf, waitMs }
  }

  /** As the setting has it: an owner or admin who must have a second factor and has none is a
   * member until then. */
  const standing = async (account: Account): Promise<Account> =>
    !isRequired || account.role === 'member' || (await isOn(account))
      ? account
      : { ...account, role: 'member', roleHeldBack: account.role }

  return {
    isRequired,
    isOn,
    attempt,
    standing,

    /** Judges the code of an account, and uses it up: the phone's, or a recovery code. A step of the
     * phone's clock counts once, and none before it any more. */
    check: async (account: Account, code = ''): Promise<CodeVerdict> => {
      if (!(await isOn(account))) return 'unneeded'
      const plain = withoutSpaces(code)
      if (plain === '') return 'missing'
      if (/^\d{6}$/.test(plain))
        return (await store.useStep(account.id, await attempt(account, plain))) ? 'totp' : 'wrong'
      const isOurs = await store.useRecoveryCode(account.id, hashOneTimeCode(plain))
      return isOurs ? 'recovery_code' : 'wrong'
    },

    /** The standing of who came by a way that has no place for a code, such as HTTP Basic; throws
     * `unauthorized` where the account has a second factor. */
    withoutCode: async (account: Account): Promise<Account> => {
      if (await isOn(account))
        throw new AppError('unauthorized', USE_TOKEN, { reason: 'otp_required' })
      return standing(account)
    },
  }
}

/** Phones show a code in two groups. */
const withoutSpaces = (code: string): string => code.replaceAll(/[\s-]/g, '')

/** Wrong codes in a row after which the next has to wait. */
const FAILURES_FREE = 5

const WAIT_MS_MIN = 30_000
const WAIT_MS_MAX = HOUR_MS

/** Three of a million codes are good at a time, so they are not to be tried out. Whoever tries knows
 * the password, hence no stranger can make an owner wait; recovery codes, of which nobody can try
 * enough, never wait. */
const waitMs = (failures: number): number =>
  failures < FAILURES_FREE
    ? 0
    : Math.min(WAIT_MS_MIN * 2 ** (failures - FAILURES_FREE), WAIT_MS_MAX)

const USE_TOKEN =
  'This account has a second factor: sign in with POST /login, and send the access token as ' +
  'Authorization: Bearer'

const OTHER_KEY =
  'One-time codes cannot be checked: second-factor-key in DATA_DIR is not the one they were made ' +
  'with; restore it from a backup, or use a recovery code'
