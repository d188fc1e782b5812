import { AppError } from '../../errors.ts'
import { type Account, type Role, hasRole } from '../../domain/account.ts'
import {
  COMMAND_LINE,
  type Origin,
  type RecordAuditEvent,
  type AuditEvent,
} from '../../domain/audit-event.ts'
import { signedIn } from '../../http/authorization.ts'
import type { AccountTransaction, AccountState } from './account-transaction.ts'

/** Who changes an account: a caller, or the command line of the gateway. */
export type Actor = Origin & { readonly account?: Account | undefined }

type Wish = {
  readonly by: Actor
  readonly publicId: string
  /** The role that the person is to get. */
  readonly role?: Role | undefined
}

/** Finds the person whom somebody wants to change, by what both now are: an owner changes anybody,
 * an admin members alone, and makes nobody more than that. Throws `not_found` or `forbidden`. */
export const requireManageable = async (
  changes: Pick<AccountTransaction, 'find'>,
  { by, publicId, role }: Wish,
): Promise<AccountState> => {
  const may = await authorityOf(changes, by)
  if (!may('admin')) throw new AppError('forbidden', 'Only an admin may do this')
  const person = await changes.find(publicId)
  if (!person) throw new AppError('not_found', 'No such account')
  const reachesUp = person.role !== 'member' || (role !== undefined && role !== 'member')
  if (reachesUp && !may('owner'))
    throw new AppError('forbidden', 'Only an owner changes admins and owners, and makes them', {
      reason: 'owner_needed',
    })
  return person
}

/** Tells what whoever acts may do, both as the request was let in and as they now stand. */
const authorityOf = async (changes: Pick<AccountTransaction, 'find'>, by: Actor) => {
  if (by === COMMAND_LINE) return () => true
  const account = signedIn(by.account)
  const standing = await changes.find(account.publicId)
  return (role: Role): boolean =>
    standing?.isDisabled === false && hasRole(standing, role) && hasRole(account, role)
}

/** Throws `conflict` where without this person no owner could sign in any more. */
export const requireAnotherOwner = async (
  changes: Pick<AccountTransaction, 'hasOtherOwner'>,
  { id, role, isDisabled }: AccountState,
): Promise<void> => {
  if (role === 'owner' && !isDisabled && !(await changes.hasOtherOwner(id)))
    throw new AppError('conflict', 'This is the last owner; make another one first', {
      reason: 'last_owner',
    })
}

type Attempt = {
  readonly record: RecordAuditEvent
  readonly by: Actor
  readonly event: Pick<AuditEvent, 'action' | 'subject'>
}

/** Does what somebody asks for, and records it where rules refuse it. */
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

/** Throws `conflict` for one's own account, where that has ways of its own. */
export const requireOtherAccount = (by: Actor, publicId: string): void => {
  if (by.account?.publicId === publicId)
    throw new AppError('conflict', 'This is your own account; see /v1/me', {
      reason: 'own_account',
    })
}
