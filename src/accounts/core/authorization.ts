import { type Role, isAtLeast, mayActOn, mayManage } from '../../domain/account.ts'
import {
  type Actor,
  type AuditEvent,
  COMMAND_LINE,
  type RecordAuditEvent,
} from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { signedIn } from '../../http/authorization.ts'
import type { Queries } from '../../storage/database.ts'
import { type AccountState, findAccountState } from './account-state-store.ts'

type Reader = Pick<Queries, 'get'>

/** Someone who acts on an account. */
type Action = { readonly by: Actor; readonly publicId: string }

type Change = Action & {
  /** The new role of the account. */
  readonly role?: Role | undefined
}

/** Returns the account that `by` acts on, such as by ending its sessions. Everything that is done to
 * another account passes here, in the same transaction: it checks the roles as both accounts are
 * now. Throws `not_found`, or `forbidden` unless `by` is an admin or, for an owner's account, an
 * owner. */
export const requireActionable = async (tx: Reader, action: Action): Promise<AccountState> =>
  (await rolesOf(tx, action)).account

/** Returns the account that `by` wants to change: an admin's too is changed by owners only. Throws
 * like `requireActionable`. */
export const requireManageable = async (
  tx: Reader,
  { role, ...action }: Change,
): Promise<AccountState> => {
  const { actorRole, account } = await rolesOf(tx, action)
  if (!mayManage(actorRole, account.role) || (role && !mayManage(actorRole, role)))
    throw ownerNeeded('Only an owner can appoint or change admins and owners')
  return account
}

const rolesOf = async (tx: Reader, { by, publicId }: Action) => {
  const actorRole = await actingRole(tx, by)
  if (!actorRole || !isAtLeast(actorRole, 'admin'))
    throw new AppError('forbidden', 'Only an admin may do this')
  const account = await findAccountState(tx, publicId)
  if (!account) throw new AppError('not_found', 'No such account')
  if (!mayActOn(actorRole, account.role)) throw ownerNeeded(OWNERS_ONLY)
  return { actorRole, account }
}

/** The refusal of whatever is done to an owner's account by someone else. */
export const OWNERS_ONLY = 'Only an owner may do this to an owner’s account'

const ownerNeeded = (message: string): AppError =>
  new AppError('forbidden', message, { reason: 'owner_needed' })

/** Returns the lower of the role that a request was authorized with and the current role of its
 * account; undefined if the account is disabled or erased. */
export const actingRole = async (tx: Reader, by: Actor): Promise<Role | undefined> => {
  if (by === COMMAND_LINE) return 'owner'
  const { publicId, role } = signedIn(by.account)
  const current = await findAccountState(tx, publicId)
  if (!current || current.isDisabled) return undefined
  return isAtLeast(current.role, role) ? role : current.role
}

/** Throws `conflict` unless another owner can log in and has no end date. */
export const requireAnotherOwner = async (
  accounts: { readonly hasOtherOwner: (id: number) => Promise<boolean> },
  { id, role, isDisabled, endsAtMs }: AccountState,
): Promise<void> => {
  const isLasting = role === 'owner' && !isDisabled && endsAtMs === null
  if (isLasting && !(await accounts.hasOtherOwner(id)))
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
export const requireOtherAccount = (
  by: Actor,
  publicId: string,
  message = 'This is your own account; see /v1/me',
): void => {
  if (by.account?.publicId === publicId)
    throw new AppError('conflict', message, { reason: 'own_account' })
}
