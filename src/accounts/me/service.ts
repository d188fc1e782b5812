import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import { tokenError } from '../../http/errors.ts'
import { auditRefusals } from '../people/authorization.ts'
import type {
  AccountTransactions,
  AccountTransaction,
  Contact,
  AccountState,
} from '../people/account-transaction.ts'
import type { Erasures } from '../people/erasure.ts'
import type { Lockout } from '../lockout/service.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import type { WeakPasswordCheck } from '../passwords/policy.ts'
import { usernameKeyOf } from '../core/username.ts'
import type { Authentication } from '../login/service.ts'
import { hashOneTimeCode } from '../core/one-time-code.ts'

export type OwnAccount = ReturnType<typeof ownAccountService>

type Dependencies = {
  readonly store: AccountTransactions
  readonly checkPassword: Authentication['checkPassword']
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly isWeak: WeakPasswordCheck
  readonly lockout: Pick<Lockout, 'trustClient'>
  readonly erasures: Pick<Erasures, 'erase'>
  readonly record: RecordAuditEvent
}

type PasswordChange = { readonly currentPassword: string; readonly newPassword: string }

type Redemption = {
  readonly username: string
  readonly code: string
  readonly newPassword: string
}

/** What people do to their own account. */
export const ownAccountService = (deps: Dependencies) => {
  const { store, checkPassword, hasher, isWeak, lockout, erasures, record } = deps

  /** Throws `forbidden` unless the caller knows the password too: a phone left open is not enough. */
  const confirm = async (caller: Caller, password: string): Promise<Account> => {
    const account = signedIn(caller.account)
    const confirmed = await checkPassword({ username: account.username, password }, caller)
    if (confirmed?.publicId !== account.publicId)
      throw new AppError('forbidden', 'Wrong password', { reason: 'wrong_password' })
    return account
  }

  const newHash = async (password: string, { username }: Account): Promise<string> => {
    if (isWeak(password, username))
      throw new AppError('invalid', 'Weak password', { reason: 'weak_password' })
    return hasher.hash(password)
  }

  return {
    setContact: async (caller: Caller, contact: Contact): Promise<void> => {
      const fields = Object.keys(contact).join(', ')
      await store.transaction(async (changes, tx) => {
        const { id, publicId } = await standingCaller(changes, caller)
        await changes.setContact(id, contact)
        const event = { action: 'account.contact', subject: publicId, detail: { fields } } as const
        await record(caller, { ...event, result: 'success' }, tx)
      })
    },

    /** Ends all other sessions, and a code that somebody may have been given meanwhile. */
    changePassword: (caller: Caller, change: PasswordChange): Promise<void> => {
      const subject = signedIn(caller.account).publicId
      const event = { action: 'password.change', subject }
      return auditRefusals({ record, by: caller, event }, async () => {
        const account = await confirm(caller, change.currentPassword)
        const passwordHash = await newHash(change.newPassword, account)
        await store.transaction(async (changes, tx) => {
          await standingCaller(changes, caller)
          await changes.setPassword(account.id, passwordHash)
          await changes.endSessions(account.id, caller.sessionId)
          await changes.endReset(account.id)
          await record(caller, { ...event, result: 'success' }, tx)
        })
      })
    },

    /** Uses up the code that an admin has begun a reset with, and ends all sessions. A code that is
     * wrong, used or over, and an unknown name, are told apart by nothing. Who redeems it need not
     * wait for those that went before. */
    redeemReset: async (redemption: Redemption, from: Origin): Promise<void> => {
      const reset = {
        usernameKey: usernameKeyOf(redemption.username),
        codeHash: hashOneTimeCode(redemption.code),
      }
      const account = await store.findReset(reset)
      if (!account) throw await invalidCode(from)
      const passwordHash = await newHash(redemption.newPassword, account)
      const redeemed = await store.transaction(async (changes, tx) => {
        const person = await changes.findReset(reset)
        if (!person) return undefined
        await changes.setPassword(person.id, passwordHash)
        await changes.endSessions(person.id)
        await changes.endReset(person.id)
        const event = { action: 'password.reset', subject: person.publicId } as const
        await record({ ...from, account: person }, { ...event, result: 'success' }, tx)
        return person
      })
      if (!redeemed) throw await invalidCode(from)
      await lockout.trustClient({ usernameKey: reset.usernameKey, account: redeemed, from })
    },

    erase: (caller: Caller, password: string): Promise<void> => {
      const subject = signedIn(caller.account).publicId
      return auditRefusals(
        { record, by: caller, event: { action: 'account.erase', subject } },
        async () => {
          await confirm(caller, password)
          await erasures.erase(caller, (changes) => standingCaller(changes, caller))
        },
      )
    },
  }

  async function invalidCode(from: Origin): Promise<AppError> {
    const reason = 'invalid_code'
    await record(from, { action: 'password.reset', result: 'failure', detail: { reason } })
    return new AppError('unauthorized', 'Invalid username or code', { reason })
  }
}

/** The caller's account, where the session that asks still stands: another request may have ended
 * it, or erased the account, while this one's body came in and its password was checked. */
const standingCaller = async (
  changes: Pick<AccountTransaction, 'find' | 'hasSession'>,
  { account, sessionId }: Caller,
): Promise<AccountState> => {
  const person = await changes.find(signedIn(account).publicId)
  if (!person || !(await changes.hasSession(person.id, sessionId ?? ''))) throw tokenError()
  return person
}
