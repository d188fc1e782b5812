import { Value } from '@sinclair/typebox/value'
import { AppError } from '../errors.ts'
import type { Account, Origin, RecordSecurityEvent, Role } from '../http/access.ts'
import type { PasswordHasher } from './password-hasher.ts'
import type { PasswordPolicy } from './password-policy.ts'
import { LoginBody } from './schema.ts'
import type { CodeVerdict, SecondFactors } from './second-factor.ts'
import type { Sessions, Tokens } from './sessions.ts'
import type { AccountStore, NewPerson, StoredPassword } from './store.ts'

export type Accounts = ReturnType<typeof accountService>

type Dependencies = {
  readonly store: AccountStore
  readonly hasher: PasswordHasher
  readonly isWeak: PasswordPolicy
  readonly sessions: Pick<Sessions, 'begin'>
  readonly secondFactors: Pick<SecondFactors, 'check'>
  readonly record: RecordSecurityEvent
}

/** What a person says of themselves. */
export type Registration = {
  readonly username: string
  readonly password: string
  readonly phone: string
  readonly address: string
  readonly email?: string
}

type Credentials = {
  readonly username: string
  readonly password: string
  readonly otp?: string
}

/** The rules of accounts: who may be added, who may sign in. */
export const accountService = (deps: Dependencies) => {
  const { store, hasher, isWeak, sessions, secondFactors, record } = deps

  /** Gives a person as they may be added. Throws `invalid` for a taken name, told before a weak
   * password is. */
  const checkPerson = async (person: Registration): Promise<NewPerson> => {
    const usernameKey = keyOf(person.username)
    if (usernameKey === '') throw new AppError('invalid', 'Invalid username')
    if (await store.exists(usernameKey)) throw nameTaken()
    if (isWeak(person.password, person.username)) throw new AppError('invalid', 'Weak password')
    return {
      username: person.username,
      usernameKey,
      passwordHash: await hasher.hash(person.password),
      phone: person.phone,
      address: person.address,
      email: person.email,
    }
  }

  const add = async (person: Registration, role: Role): Promise<Account> => {
    const added = await store.add(await checkPerson(person), role)
    if (!added) throw nameTaken()
    return added
  }

  /** Gives the account of a name and its password; nothing, after the same work, for an unknown
   * name, a wrong password and a disabled account alike. */
  const checkPassword = async (
    username: string,
    password: string,
  ): Promise<Account | undefined> => {
    if (!Value.Check(LoginBody, { username, password })) return undefined
    const found = await store.findPassword(keyOf(username))
    const fits = await hasher.verify(password, found?.passwordHash)
    if (!found || !fits || found.isDisabled) return undefined
    if (hasher.isOutdated(found.passwordHash)) await rehash(found, password)
    return found
  }

  /** A hash that cannot be renewed now, because the service is busy, is renewed at a later login. */
  const rehash = async ({ id, passwordHash }: StoredPassword, password: string): Promise<void> => {
    try {
      await store.replacePasswordHash(id, passwordHash, await hasher.hash(password))
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'unavailable')) throw error
    }
  }

  return {
    add,
    checkPerson,
    checkPassword,

    /** The account of a name, whoever asks. */
    find: (username: string): Promise<Account | undefined> => store.findPassword(keyOf(username)),

    /** Begins a session and gives its tokens; throws `unauthorized`, and only after the right
     * password asks for the code of a second factor. */
    login: async ({ username, password, otp }: Credentials, from: Origin): Promise<Tokens> => {
      const account = await checkPassword(username, password)
      const verdict = account && (await secondFactors.check(account, otp))
      const isIn = verdict !== 'missing' && verdict !== 'wrong'
      const how = { second_factor: verdict ?? 'unneeded' }
      const tokens = account && isIn && (await sessions.begin(account, from, how))
      if (!tokens) {
        // Every login that fails passes here, whichever factor it fails by.
        const fault = loginFault(verdict)
        await record(from, {
          action: 'login',
          result: 'failure',
          ...(account ? { subject: account.publicId } : {}),
          ...(fault.reason ? { detail: { reason: fault.reason } } : {}),
        })
        throw fault
      }
      return tokens
    },
  }
}

/** Told before a password is judged, as the phone app expects. */
export const nameTaken = () => new AppError('invalid', 'User already exists')

const loginFault = (verdict: CodeVerdict | undefined): AppError => {
  if (verdict === 'missing')
    return new AppError('unauthorized', 'One-time code required', { reason: 'otp_required' })
  if (verdict === 'wrong')
    return new AppError('unauthorized', 'Invalid one-time code', { reason: 'otp_invalid' })
  return new AppError('unauthorized', 'Invalid username or password')
}

/** What makes two names one: the name in NFKC, without signs that nobody sees and without space at
 * its ends. Letters of other alphabets that look alike stay other names. */
export const keyOf = (username: string): string =>
  username
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
