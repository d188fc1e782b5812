import { type Role, isAtLeast } from '../../domain/account.ts'
import type { Actor } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import type { Queries, Transaction } from '../../storage/database.ts'
import type { GrantLocks, StoredGrant } from './reads-store.ts'

/** A guest to be given a pass. */
type NewGuest = { readonly label: string; readonly devicesMax: number }

/** What grants need to know and do about guests. */
export type Guests = {
  /** Whether members may invite guests. */
  readonly isOpenToMembers: boolean
  /** Returns whether an account that was let in has a grant without counted uses for each of these locks that has not
   * ended. */
  readonly mayShare: (
    queries: Pick<Queries, 'all'>,
    publicId: string,
    locks: GrantLocks,
  ) => Promise<boolean>
  /** Creates a pass; returns its id and its link, which cannot be read again. Throws `conflict` if the host has too
   * many. */
  readonly makeIn: (
    tx: Transaction,
    by: Actor,
    guest: NewGuest,
  ) => Promise<{ readonly id: string; readonly link: string }>
  /** Ends a pass, its link and its devices. */
  readonly endIn: (tx: Transaction, passId: string) => Promise<void>
}

export const GUESTS_BY_ADMINS = 'Only admins and owners may invite guests here'
export const BEYOND_YOUR_GRANTS = 'You can share only doors that you may open yourself'

type Wish = {
  readonly by: Actor
  readonly role: Role
  /** The locks to be shared. */
  readonly locks: GrantLocks
}

/** Throws `forbidden` unless `by` may let a guest open these locks: admins any, members those that they may open
 * themselves, if guests of members are allowed. */
export const requireMayShare = async (
  guests: Guests,
  queries: Pick<Queries, 'all'>,
  { by, role, locks }: Wish,
): Promise<void> => {
  if (isAtLeast(role, 'admin')) return
  requireOpenToMembers(guests)
  if (!(await guests.mayShare(queries, by.account?.publicId ?? '', locks))) throw beyondYourGrants()
}

/** Throws `forbidden` if members may not invite guests. */
export const requireOpenToMembers = ({
  isOpenToMembers,
}: Pick<Guests, 'isOpenToMembers'>): void => {
  if (!isOpenToMembers)
    throw new AppError('forbidden', GUESTS_BY_ADMINS, { reason: 'guests_by_admins' })
}

export const beyondYourGrants = (): AppError =>
  new AppError('forbidden', BEYOND_YOUR_GRANTS, { reason: 'beyond_your_grants' })

/** Returns whether a role or the host may change the grant of a guest. */
export const isManagedBy = ({ by, role }: Omit<Wish, 'locks'>, { pass }: StoredGrant): boolean =>
  isAtLeast(role, 'admin') || (pass !== null && pass.madeBy === (by.account?.publicId ?? ''))
