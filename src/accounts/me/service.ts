import type { Account } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import { tokenError } from '../../http/errors.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { AccountState } from '../core/account-state-store.ts'
import { auditRefusals } from '../core/authorization.ts'
import type { EndClock } from '../core/end-date.ts'
import { hashOneTimeCode } from '../core/one-time-code.ts'
import { usernameKeyOf } from '../core/username.ts'
import type { Lockout } from '../lockout/service.ts'
import type { Authentication } from '../login/service.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import { type KnownBy, type PasswordQueues, applicantOf } from '../passwords/queues.ts'
import type { PasswordPolicy } from '../passwords/policy.ts'
import { type Contact, accountTransaction } from '../people/account-transaction.ts'
import type { Erasures } from '../people/erasure.ts'
import { passwordResetsIn } from '../people/reset-store.ts'

export type OwnAccount = ReturnType<typeof ownAccountService>

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'run' | 'transaction'>
  readonly checkPassword: Authentication['checkPassword']
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly inTurn: PasswordQueues['inTurn']
  readonly passwordPolicy: Pick<PasswordPolicy, 'requireStrong'>
  readonly lockout: Pick<Lockout, 'trustClient'>
  readonly erasures: Pick<Erasures, 'eraseIn' | 'finish'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly clock: EndClock
}

/** A caller who is logged in. */
export type OwnCaller = Caller & { readonly account: Account }

type PasswordChange = { readonly currentPassword: string; readonly newPassword: string }

type Redemption = {
  readonly username: string
  readonly code: string
  readonly newPassword: string
}

/** What people can do with their own account. */
export const ownAccountService = (deps: Dependencies) => {
  const { db, checkPassword, hasher, inTurn, passwordPolicy, erasures, auditIn, record, clock } =
    deps

  /** Throws `forbidden` unless the password is the caller's: an unlocked phone is not enough. */
  const requirePassword = async (caller: OwnCaller, password: string): Promise<void> => {
    const { username, publicId } = caller.account
    const confirmed = await checkPassword({ username, password }, caller)
    if (confirmed?.publicId !== publicId)
      throw new AppError('forbidden', 'Wrong password', { reason: 'wrong_password' })
  }

  const hashNew = async (
    password: string,
    { account, from, knownBy }: { account: Account; from: Origin; knownBy: KnownBy },
  ): Promise<string> => {
    const { username } = account
    passwordPolicy.requireStrong(password, { username, field: 'new_password' })
    return inTurn(applicantOf(account, from, knownBy), () => hasher.hash(password))
  }

  /** Returns the caller's account if its session is still active: another request may have ended
   * it, or erased the account, while this one's body was received and its password was checked. */
  const requireSession = async (
    tx: Queries,
    { account: { publicId }, sessionId = '' }: OwnCaller,
  ): Promise<AccountState> => {
    const accounts = accountTransaction(tx, clock)
    const account = await accounts.find(publicId)
    if (!account || !(await accounts.hasSession(account.id, sessionId))) throw tokenError()
    return account
  }

  const invalidCode = async (from: Origin): Promise<AppError> => {
    const reason = 'invalid_code'
    await record(from, { action: 'password.reset', result: 'failure', detail: { reason } })
    return new AppError('unauthorized', 'Invalid username or code', { reason })
  }

  return {
    /** Leaves no audit event if nothing changes. */
    setContact: async (caller: OwnCaller, contact: Contact): Promise<void> => {
      const fields = Object.keys(contact).join(', ')
      await db.transaction(async (tx) => {
        const { id, publicId: subject } = await requireSession(tx, caller)
        if (!(await accountTransaction(tx, clock).setContact(id, contact))) return
        const event = { action: 'account.contact', subject, detail: { fields } } as const
        await auditIn(tx).record(caller, { ...event, result: 'success' })
      })
    },

    /** Ends all other sessions, and voids any password reset code. */
    changePassword: (caller: OwnCaller, change: PasswordChange): Promise<void> => {
      const event = { action: 'password.change', subject: caller.account.publicId } as const
      return auditRefusals({ record, by: caller, event }, async () => {
        await requirePassword(caller, change.currentPassword)
        const passwordHash = await hashNew(change.newPassword, {
          account: caller.account,
          from: caller,
          knownBy: 'session',
        })
        await db.transaction(async (tx) => {
          const { id } = await requireSession(tx, caller)
          const accounts = accountTransaction(tx, clock)
          await accounts.setPassword(id, passwordHash)
          await accounts.endSessions(id, caller.sessionId)
          await passwordResetsIn(tx, clock).end(id)
          await auditIn(tx).record(caller, { ...event, result: 'success' })
        })
      })
    },

    /** Uses up the code of a password reset and ends all sessions. The answer does not tell a
     * wrong, used or expired code from an unknown name. The client becomes known, so that earlier
     * failed logins do not lock it out. */
    redeemReset: async (redemption: Redemption, from: Origin): Promise<void> => {
      const claim = {
        usernameKey: usernameKeyOf(redemption.username),
        codeHash: hashOneTimeCode(redemption.code),
      }
      const found = await passwordResetsIn(db, clock).find(claim)
      if (!found) throw await invalidCode(from)
      const passwordHash = await hashNew(redemption.newPassword, {
        account: found,
        from,
        knownBy: 'one_time_code',
      })
      const account = await db.transaction(async (tx) => {
        const [accounts, resets] = [accountTransaction(tx, clock), passwordResetsIn(tx, clock)]
        const current = await resets.find(claim)
        if (!current) return undefined
        await accounts.setPassword(current.id, passwordHash)
        await accounts.endSessions(current.id)
        await resets.end(current.id)
        const event = { action: 'password.reset', subject: current.publicId } as const
        await auditIn(tx).record({ ...from, account: current }, { ...event, result: 'success' })
        return current
      })
      if (!account) throw await invalidCode(from)
      await deps.lockout.trustClient({ usernameKey: claim.usernameKey, account, from })
    },

    erase: (caller: OwnCaller, password: string): Promise<void> => {
      const event = { action: 'account.erase', subject: caller.account.publicId } as const
      return auditRefusals({ record, by: caller, event }, async () => {
        await requirePassword(caller, password)
        await db.transaction(async (tx) =>
          erasures.eraseIn(tx, caller, await requireSession(tx, caller)),
        )
        await erasures.finish(caller.account.publicId)
      })
    },
  }
}
