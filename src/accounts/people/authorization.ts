import { type Role, isAtLeast, mayManage } from '../../domain/account.ts'
import {
  type Actor,
  type AuditEvent,
  COMMAND_LINE,
  type RecordAuditEvent,
} from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { signedIn } from '../../http/authorization.ts'
import type { AccountState, AccountTransaction } from './account-transaction.ts'

type Change = {
  readonly by: Actor
  readonly publicId: string
  /** The new role of the account. */
  readonly role?: Role | undefined
}

/** Returns the account that `by` wants to change. Checks the roles as both accounts are now. Throws
 * `not_found` or `forbidden`. */
export const requireManageable = async (
  accounts: Pick<AccountTransaction, 'find'>,
  { by, publicId, role }: Change,
): Promise<AccountState> => {
  const actorRole = await actingRole(accounts, by)
  if (!actorRole || !isAtLeast(actorRole, 'admin'))
    throw new AppError('forbidden', 'Only an admin may do this')
  const account = await accounts.find(publicId)
  if (!account) throw new AppError('not_found', 'No such account')
  if (!mayManage(actorRole, account.role) || (role && !mayManage(actorRole, role)))
    throw new AppError('forbidden', 'Only an owner can appoint or change admins and owners', {
      reason: 'owner_needed',
    })
  return account
}

/** Returns the lower of the role that a request was authorized with and the current role of its
 * account; undefined if the account is disabled or erased. */
const actingRole = async (
  accounts: Pick<AccountTransaction, 'find'>,
  by: Actor,
): Promise<Role | undefined> => {
  if (by === COMMAND_LINE) return 'owner'
  const { publicId, role } = signedIn(by.account)
  const current = await accounts.find(publicId)
  if (!current || current.isDisabled) return undefined
  return isAtLeast(current.role, role) ? role : current.role
}

/** Throws `conflict` if no owner could log in without this account. */
export const requireAnotherOwner = async (
  accounts: Pick<AccountTransaction, 'hasOtherOwner'>,
  { id, role, isDisabled }: AccountState,
): Promise<void> => {
  if (role === 'owner' && !isDisabled && !(await accounts.hasOtherOwner(id)))
    throw new AppError('conflict', 'This is the last owner; create another one first', {
      reason: 'last_owner',
    })
}

type Attempt = {
  readonly record: RecordAuditEvent
  readonly by: Actor
  readonly event: Pick<AuditEvent, 'action' | 'subject'>
}

/** Runs `work`, and records an audit event if it is refused. */
export const auditRefusals = async <Result>(
  { record, by, event }: Attempt,
  work: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError && (error.code === 'forbidden' || error.code === 'conflict'))
      await record(by, {
        ...event,
        result: 'failure',
        detail: { reason: error.reason ?? error.code },
      })
    throw error
  }
}

/** Throws `conflict` for the actor's own account, which is changed under `/v1/me`. */
export const requireOtherAccount = (by: Actor, publicId: string): void => {
  if (by.account?.publicId === publicId)
    throw new AppError('conflict', 'This is your own account; see /v1/me', {
      reason: 'own_account',
    })
}
