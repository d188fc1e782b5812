import type { Account, Role } from '../../domain/account.ts'
import { COMMAND_LINE, type RecordAuditEvent } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import type { WeakPasswordCheck } from '../passwords/policy.ts'
import type { AccountStore, NewAccount } from './store.ts'
import { hasDirectionControls, usernameKeyOf } from './username.ts'

export type NewAccounts = ReturnType<typeof newAccountService>

type Dependencies = {
  readonly store: Pick<AccountStore, 'exists' | 'add'>
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly isWeak: WeakPasswordCheck
  readonly record: RecordAuditEvent
}

/** What people enter about themselves. */
export type NewRegistration = {
  readonly username: string
  readonly password: string
  readonly phone: string
  readonly address: string
  readonly email?: string
}

/** The rules of new accounts: which names and passwords are accepted. */
export const newAccountService = ({ store, hasher, isWeak, record }: Dependencies) => {
  /** Returns the account as it may be stored. Throws `invalid`; a taken name is reported before a
   * weak password. */
  const check = async (person: NewRegistration): Promise<NewAccount> => {
    const usernameKey = usernameKeyOf(person.username)
    if (usernameKey === '') throw new AppError('invalid', 'Invalid username')
    if (await store.exists(usernameKey)) throw nameTaken()
    if (hasDirectionControls(person.username)) throw new AppError('invalid', 'Invalid username')
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

  return {
    check,

    /** Adds an account from the command line. Throws like `check`. */
    add: async (person: NewRegistration, role: Role): Promise<Account> => {
      const added = await store.add(await check(person), role, ({ publicId }, tx) => {
        const event = { action: 'account.add', subject: publicId, detail: { role } } as const
        return record(COMMAND_LINE, { ...event, result: 'success' }, tx)
      })
      if (!added) throw nameTaken()
      return added
    },
  }
}

/** Thrown before the password is judged, as the phone app expects. */
export const nameTaken = () => new AppError('invalid', 'User already exists')
