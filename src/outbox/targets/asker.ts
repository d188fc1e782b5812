import { type Account, type Role, hasRole } from '../../domain/account.ts'
import { type Actor, COMMAND_LINE } from '../../domain/audit-event.ts'
import type { StoredTarget } from '../core/target-store.ts'

/** Someone with an account. */
export type By = Actor & { readonly account: Account }

/** The command line may do anything, and needs no password. */
export type Asker = By | typeof COMMAND_LINE

export const accountOf = (by: Asker): Account | undefined =>
  'account' in by ? by.account : undefined

export const isOwner = (by: Asker): boolean => {
  const account = accountOf(by)
  return account ? hasRole(account, 'owner') : by === COMMAND_LINE
}

/** Returns whether someone may see and change a target: owners those of the home, everyone their own. `role` is the
 * current role, if it was read. */
export const mayUse = ({ accountPublicId }: StoredTarget, by: Asker, role?: Role): boolean => {
  const account = accountOf(by)
  if (!account) return by === COMMAND_LINE
  return accountPublicId === null
    ? hasRole(role === undefined ? account : { role }, 'owner')
    : accountPublicId === account.publicId
}
