import type { Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AppError } from '../errors.ts'
import type { Account, Origin, RecordSecurityEvent, Role } from '../http/access.ts'
import type { Guesses } from './guesses.ts'
import type { PasswordHasher } from './password-hasher.ts'
import type { PasswordPolicy } from './password-policy.ts'
import { LoginBody } from './schema.ts'
import type { Sessions, Tokens } from './sessions.ts'
import type { AccountStore, StoredPassword } from './store.ts'

export type Accounts = ReturnType<typeof accountService>

type Dependencies = {
  readonly store: AccountStore
  readonly hasher: PasswordHasher
  readonly isWeak: PasswordPolicy
  readonly sessions: Pick<Sessions, 'begin'>
  readonly guesses: Pick<Guesses, 'deviceToken' | 'judge' | 'welcome'>
  readonly record: RecordSecurityEvent
}

type Registration = {
  readonly username: string
  readonly password: string
  readonly phone: string
  readonly address: string
  readonly email?: string
}

type Credentials = Static<typeof LoginBody>

/** What a login gives beside the session's tokens: see `guesses.ts`. */
type SignedInDevice = Tokens & { readonly deviceToken: string }

/** The rules of accounts: who may be added, who may sign in. */
export const accountService = (deps: Dependencies) => {
  const { store, hasher, isWeak, sessions, guesses, record } = deps

  /** Throws `invalid` for a taken name, told before a weak password is. */
  const add = async (person: Registration, role: Role): Promise<void> => {
    const usernameKey = keyOf(person.username)
    if (usernameKey === '') throw new AppError('invalid', 'Invalid username')
    if (await store.exists(usernameKey)) throw taken()
    if (isWeak(person.password, person.username)) throw new AppError('invalid', 'Weak password')
    const publicId = await store.add({
      username: person.username,
      usernameKey,
      passwordHash: await hasher.hash(person.password),
      role,
      phone: person.phone,
      address: person.address,
      email: person.email,
    })
    if (publicId === undefined) throw taken()
  }

  /** Gives the account of a name and its password; nothing, after the same work, for an unknown
   * name, a wrong password, a disabled account and one that has to wait. Each failure is counted. */
  const checkPassword = async (
    credentials: Credentials,
    from: Origin,
  ): Promise<Account | undefined> => {
    if (!Value.Check(LoginBody, credentials)) return refuseMalformed(from)
    const { username, password, device_token: deviceToken } = credentials
    const usernameKey = keyOf(username)
    const found = await store.findPassword(usernameKey)
    const fits = await hasher.verify(password, found?.passwordHash)
    const isRight = fits && found !== undefined && !found.isDisabled
    const attempt = { usernameKey, account: found, deviceToken, from }
    const passes = await guesses.judge(attempt, isRight ? 'right' : 'wrong')
    if (!passes || !found) return undefined
    if (hasher.isOutdated(found.passwordHash)) await rehash(found, password)
    return found
  }

  /** Counts what is no name and password at all: a guess at a name that nobody can have. */
  const refuseMalformed = async (from: Origin): Promise<undefined> => {
    await guesses.judge({ usernameKey: '', account: undefined, from }, 'wrong')
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
    checkPassword,

    /** Begins a session and gives its tokens; throws `unauthorized`. */
    login: async (credentials: Credentials, from: Origin): Promise<SignedInDevice> => {
      const account = await checkPassword(credentials, from)
      const tokens = account && (await sessions.begin(account, from))
      if (!tokens) {
        await record(from, { action: 'login', result: 'failure' })
        throw new AppError('unauthorized', 'Invalid username or password')
      }
      await record({ ...from, account }, { action: 'login', result: 'success' })
      return { ...tokens, deviceToken: guesses.deviceToken(account) }
    },

    refuseMalformed,

    /** Knows the device that registered an account as one that has signed in to it. */
    welcome: async (username: string, from: Origin): Promise<void> => {
      const usernameKey = keyOf(username)
      const account = await store.findPassword(usernameKey)
      if (account) await guesses.welcome({ usernameKey, account, from })
    },
  }
}

const taken = () => new AppError('invalid', 'User already exists')

/** What makes two names one: the name in NFKC, without signs that nobody sees and without space at
 * its ends. Letters of other alphabets that look alike stay other names. */
const keyOf = (username: string): string =>
  username
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
