import type { Account, Role } from '../../domain/account.ts'
import { COMMAND_LINE, type Origin } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import { type PasswordQueues, stranger } from '../passwords/queues.ts'
import type { PasswordPolicy } from '../passwords/policy.ts'
import { type AccountStore, type NewAccount, insertAccount } from './store.ts'
import { isReadableName, isReservedName, usernameKeyOf } from './username.ts'

export type NewAccounts = ReturnType<typeof newAccountService>

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  readonly accounts: Pick<AccountStore, 'exists'>
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly inTurn: PasswordQueues['inTurn']
  readonly passwordPolicy: Pick<PasswordPolicy, 'requireStrong'>
  readonly auditIn: AuditIn
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
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
export const newAccountService = (deps: Dependencies) => {
  const { db, accounts, hasher, inTurn, passwordPolicy, auditIn, clock } = deps

  /** Returns the account to store. Throws `invalid`; a taken name is reported before a weak
   * password. */
  const check = async (person: NewRegistration, from: Origin): Promise<NewAccount> => {
    const usernameKey = usernameKeyOf(person.username)
    if (usernameKey === '') throw unreadable()
    if (await accounts.exists(usernameKey)) throw nameTaken()
    if (!isReadableName(person.username) || isReservedName(usernameKey)) throw unreadable()
    const { username, password } = person
    passwordPolicy.requireStrong(password, { username, field: 'password' })
    return {
      username: person.username,
      usernameKey,
      passwordHash: await inTurn(stranger(from), () => hasher.hash(person.password)),
      phone: person.phone,
      address: person.address,
      email: person.email || undefined,
    }
  }

  return {
    check,

    /** Adds an account from the command line. Throws like `check`. */
    add: async (
      { unit, ...person }: NewRegistration & { readonly unit?: string },
      role: Role,
    ): Promise<Account> => {
      const checked = await check(person, COMMAND_LINE)
      const newAccount = { ...checked, role, admitted: true, ...(unit ? { unit } : {}) }
      return db.transaction(async (tx) => {
        const account = await insertAccount(tx, newAccount, clock.nonDecreasingMs())
        if (!account) throw nameTaken()
        const event = {
          action: 'account.add',
          subject: account.publicId,
          detail: { role },
        } as const
        await auditIn(tx).record(COMMAND_LINE, { ...event, result: 'success' })
        return account
      })
    },
  }
}

const unreadable = () =>
  notAccepted({
    username:
      'at least one letter, digit or emoji, nothing invisible, and no word that lists use in place ' +
      'of a name, such as (erased) or somebody',
  })

/** Thrown before the password is checked, as the phone app expects. */
export const nameTaken = () =>
  new AppError('invalid', 'User already exists', {
    fields: { username: 'a name that is not taken' },
  })
