import type { Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import type { Actor, Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import { type EndClock, accessEnded, hasEnded } from '../core/end-date.ts'
import type { Lockout } from '../lockout/service.ts'
import type { LockoutPlace } from '../lockout/rules.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import { type Applicant, type PasswordQueues, applicantOf, stranger } from '../passwords/queues.ts'
import { LoginBody } from './schema.ts'
import type { CodeVerdict, SecondFactors } from '../second-factor/service.ts'
import type { Sessions, Tokens } from '../sessions/service.ts'
import type { AccountStore, AuthenticatedAccount, StoredPassword } from '../core/store.ts'
import { usernameKeyOf } from '../core/username.ts'

export type Authentication = ReturnType<typeof authenticationService>

type Dependencies = {
  readonly store: AccountStore
  readonly hasher: PasswordHasher
  readonly inTurn: PasswordQueues['inTurn']
  readonly sessions: Pick<Sessions, 'begin'>
  readonly secondFactors: Pick<SecondFactors, 'check' | 'isOn' | 'withoutCode'>
  readonly lockout: Pick<
    Lockout,
    'deviceOf' | 'deviceToken' | 'judgeAttempt' | 'knownBy' | 'trustClient'
  >
  readonly clock: Pick<EndClock, 'certainMs'>
  /** The time zone of the home, for dates in messages. */
  readonly zone: () => string
  readonly record: RecordAuditEvent
  /** Records events that may come with every request. */
  readonly recordCoalesced: RecordAuditEvent
}

type Credentials = Static<typeof LoginBody>

/** Where the credentials were sent, and from where. */
type Sent = { readonly place: LockoutPlace; readonly from: Origin }

type CodeAttempt = Credentials & { readonly account: AuthenticatedAccount; readonly from: Origin }

/** The tokens of a session, and the device cookie of the lockout rules. */
type LoginTokens = Tokens & { readonly deviceToken: string }

/** The rules of logging in. */
export const authenticationService = (deps: Dependencies) => {
  const { store, hasher, inTurn, sessions, secondFactors, lockout, record, recordCoalesced } = deps

  const isShut = (account: StoredPassword): boolean =>
    account.isDisabled || hasEnded(account, deps.clock)

  /** Returns the error for someone who knows the password of an account that has ended. */
  const endedFault = ({ endsAtMs }: StoredPassword): AppError | undefined =>
    endsAtMs !== null && hasEnded({ endsAtMs }, deps.clock)
      ? accessEnded(endsAtMs, deps.zone())
      : undefined

  /** Returns in whose turn a login comes. Reads the same whether or not the name has an account, and
   * a name makes a difference only where that account has logged in before. */
  const applicantFor = async (
    credentials: Credentials,
    { place, from }: Sent,
  ): Promise<Applicant> => {
    if (!Value.Check(LoginBody, credentials)) return stranger(from)
    const usernameKey = usernameKeyOf(credentials.username)
    const account = await store.findPassword(usernameKey)
    const attempt = { usernameKey, account, deviceToken: credentials.device_token, place, from }
    const knownBy = await lockout.knownBy(attempt)
    return applicantOf(account && isShut(account) ? undefined : account, from, knownBy)
  }

  let earlier: Promise<undefined> = Promise.resolve(undefined)

  /** Runs the work of a login in its turn. Logins queue in the order in which they came, although a database server may
   * answer the look-ups of a later one first: the right password must not overtake ten wrong ones. */
  const inTurnOf = <Result>(
    credentials: Credentials,
    sent: Sent,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const applicant = applicantFor(credentials, sent)
    earlier = Promise.allSettled([earlier, applicant]).then(() => undefined)
    return earlier.then(async () => inTurn(await applicant, work))
  }

  /** Returns the account if the password is right, also if it has ended. Otherwise returns undefined after the same work,
   * whether for an unknown name, a wrong password, a disabled account or a lockout. Counts each
   * failure. */
  const checkPassword = async (
    credentials: Credentials,
    { place, from }: Sent,
  ): Promise<StoredPassword | undefined> => {
    if (!Value.Check(LoginBody, credentials)) return countMalformed({ place, from })
    const { username, password, device_token: deviceToken } = credentials
    const usernameKey = usernameKeyOf(username)
    const found = await store.findPassword(usernameKey)
    const fits = await hasher.verify(password, found?.passwordHash, await store.legacySchemes())
    const isRight = fits && found !== undefined && !found.isDisabled
    const attempt = { usernameKey, account: found, deviceToken, place, from }
    const isUnfinished = isRight && (isShut(found) || (await secondFactors.isOn(found)))
    const outcome = isUnfinished ? 'unfinished' : isRight ? 'right' : 'wrong'
    const passes = await lockout.judgeAttempt(attempt, outcome)
    if (!passes || !found) return undefined
    if (hasher.isOutdated(found.passwordHash)) await rehash(found, password)
    return found
  }

  /** Checks the code of someone who knows the password. A wrong code counts like a wrong password;
   * only a right one forgives the failures. */
  const checkCode = async ({
    account,
    from,
    otp,
    ...credentials
  }: CodeAttempt): Promise<CodeVerdict> => {
    const verdict = await secondFactors.check(account, otp)
    const attempt = {
      usernameKey: usernameKeyOf(account.username),
      account,
      deviceToken: credentials.device_token,
      from,
    }
    if (verdict === 'wrong') await lockout.judgeAttempt(attempt, 'wrong')
    if (verdict === 'totp' || verdict === 'recovery_code') await lockout.trustClient(attempt)
    return verdict
  }

  /** Returns the account that a login was for, whatever the password. */
  const namedBy = async (credentials: Credentials): Promise<Account | undefined> =>
    Value.Check(LoginBody, credentials)
      ? store.findPassword(usernameKeyOf(credentials.username))
      : undefined

  /** Counts a malformed body as a guess at a name that nobody can have. */
  const countMalformed = async (sent: Sent): Promise<undefined> => {
    await lockout.judgeAttempt({ usernameKey: '', account: undefined, ...sent }, 'wrong')
  }

  /** Replaces an outdated hash, or leaves it to a later login if the disk accepts no writes. */
  const rehash = async ({ id, passwordHash }: StoredPassword, password: string): Promise<void> => {
    try {
      await store.replacePasswordHash(id, passwordHash, await hasher.hash(password))
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'unavailable')) throw error
    }
  }

  const logIn = async (credentials: Credentials, from: Origin): Promise<LoginTokens> => {
    const account = await checkPassword(credentials, { place: 'login', from })
    const ended = account && endedFault(account)
    const verdict =
      account && !ended ? await checkCode({ ...credentials, account, from }) : undefined
    const isIn = !ended && verdict !== 'missing' && verdict !== 'wrong'
    const how = { second_factor: verdict ?? 'unneeded' }
    const tokens = account && isIn && (await sessions.begin(account, from, how))
    if (!tokens) {
      // Every refusal gets here, whichever factor failed. A code that is still missing is no failure:
      // every login with a second factor begins like that.
      const fault = ended ?? loginFault(verdict)
      const named = account ?? (await namedBy(credentials))
      const isAsked = verdict === 'missing'
      await record(from, {
        action: isAsked ? 'login.code_required' : 'login',
        result: isAsked ? 'success' : 'failure',
        ...(named ? { subject: named.publicId } : {}),
        ...(fault.reason && !isAsked ? { detail: { reason: fault.reason } } : {}),
      })
      throw fault
    }
    return { ...tokens, deviceToken: lockout.deviceToken(account, credentials.device_token) }
  }

  const signInOnce = async (
    credentials: Credentials,
    from: Origin,
  ): Promise<Account | undefined> => {
    const account = await checkPassword(credentials, { place: 'tables', from })
    if (!account) return undefined
    const ended = endedFault(account)
    if (ended) {
      await recordCoalesced(from, {
        action: 'login',
        result: 'failure',
        subject: account.publicId,
        detail: { reason: 'access_ended' },
      })
      throw ended
    }
    const needsCode = await secondFactors.isOn(account)
    await recordCoalesced(needsCode ? from : { ...from, account }, {
      action: 'login',
      result: needsCode ? 'failure' : 'success',
      subject: account.publicId,
      detail: needsCode ? { reason: 'otp_required' } : { session: 'none' },
    })
    return secondFactors.withoutCode(account)
  }

  return {
    /** Checks the password of someone who is logged in, like a login. Returns undefined if it is
     * wrong. */
    checkPassword: (credentials: Credentials, by: Actor): Promise<Account | undefined> =>
      inTurn(applicantOf(by.account, by, 'session'), () =>
        checkPassword(credentials, { place: 'login', from: by }),
      ),

    /** Returns the account of a name, without a password. */
    find: (username: string): Promise<Account | undefined> =>
      store.findPassword(usernameKeyOf(username)),

    /** Begins a session and returns its tokens. Throws `unauthorized`; only after the right password, it
     * asks for the code of a second factor or says that access has ended. */
    login: (credentials: Credentials, from: Origin): Promise<LoginTokens> =>
      inTurnOf(credentials, { place: 'login', from }, () => logIn(credentials, from)),

    /** Returns the device of a login if its device cookie is genuine and somebody has let its account
     * in. */
    deviceOf: async ({
      username,
      device_token: token,
    }: Pick<Credentials, 'username' | 'device_token'>): Promise<string | undefined> => {
      if (token === undefined) return undefined
      const account = await store.findPassword(usernameKeyOf(username))
      return account?.admitted && !isShut(account) ? lockout.deviceOf(account, token) : undefined
    },

    /** Returns the account of a name and password that come with every request, as a browser sends
     * them to the tables, or undefined if they are wrong. Throws `unauthorized` if they are right
     * but the account has a second factor, or has ended. */
    signInOnce: (credentials: Credentials, from: Origin): Promise<Account | undefined> =>
      inTurnOf(credentials, { place: 'tables', from }, () => signInOnce(credentials, from)),

    /** Counts a malformed body as a guess at a name that nobody can have. */
    refuseMalformed: (from: Origin): Promise<undefined> =>
      inTurn(stranger(from), () => countMalformed({ place: 'login', from })),

    /** Makes the client that registered an account known, as if it had logged in. */
    trustClient: async (username: string, from: Origin): Promise<void> => {
      const usernameKey = usernameKeyOf(username)
      const account = await store.findPassword(usernameKey)
      if (account) await lockout.trustClient({ usernameKey, account, from })
    },
  }
}

const loginFault = (verdict: CodeVerdict | undefined): AppError => {
  if (verdict === 'missing')
    return new AppError('unauthorized', 'One-time code required', { reason: 'otp_required' })
  if (verdict === 'wrong')
    return new AppError('unauthorized', 'Invalid one-time code', { reason: 'otp_invalid' })
  return new AppError('unauthorized', 'Invalid username or password')
}
