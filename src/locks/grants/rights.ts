import { type Role, isAtLeast, mayManage } from '../../domain/account.ts'
import type { Actor } from '../../domain/audit-event.ts'
import { ROLE_NAMES } from '../../domain/text/grant-words.ts'
import { AppError } from '../../errors.ts'
import type { Queries, Transaction } from '../../storage/database.ts'
import { shownName } from '../core/name.ts'
import { type Labels, requireLocks } from './asked-locks.ts'
import {
  type Guests,
  beyondYourGrants,
  isManagedBy,
  requireMayShare,
  requireOpenToMembers,
} from './guests.ts'
import { type Holder, holderText } from './holder.ts'
import { holderOf } from './json.ts'
import { NO_SUCH_GRANT } from './reading.ts'
import type { GrantLocks, StoredGrant } from './reads-store.ts'
import { DEVICES_DEFAULT } from './schema.ts'

/** What grants need of accounts. */
export type People = {
  /** Returns an account as it is now. */
  readonly findAccount: (
    queries: Pick<Queries, 'get'>,
    publicId: string,
  ) => Promise<Found | undefined>
  /** Lets in an account that waits and is not disabled, with its audit event. */
  readonly admit: (tx: Transaction, by: Actor, publicId: string) => Promise<unknown>
}

type Found = {
  readonly username: string
  readonly role: Role
  /** The time from which it is treated as disabled; null for never. */
  readonly endsAtMs: number | null
}

/** An account, a role, or a guest who gets a new pass. */
export type AskedHolder =
  | Exclude<Holder, { readonly pass: string }>
  | { readonly pass: { readonly label: string; readonly devices_max?: number } }

/** Who acts, and with which role. */
export type Acting = { readonly by: Actor; readonly role: Role }

const NO_SUCH_ACCOUNT = 'No such account'
export const OWNER_NEEDED = 'Only an owner can give access to admins and owners'

/** Checks who may give whom access to what. */
export const grantRights = ({ people, guests }: Dependencies) => {
  /** Returns the name and end date of a holder. Throws `not_found`, and `forbidden` unless the actor may give the
   * holder access to these locks. */
  const requireMayGrant = async (
    queries: Pick<Queries, 'all' | 'get'>,
    { by, role: actor }: Acting,
    { holder, locks }: { readonly holder: AskedHolder; readonly locks: GrantLocks },
  ) => {
    if ('pass' in holder) {
      await requireMayShare(guests, queries, { by, role: actor, locks })
      return { who: holder.pass.label, endsAtMs: null }
    }
    const found =
      'account' in holder
        ? await people.findAccount(queries, holder.account)
        : { username: ROLE_NAMES[holder.role], role: holder.role, endsAtMs: null }
    if (!found) throw new AppError('not_found', NO_SUCH_ACCOUNT)
    if (!mayManage(actor, found.role))
      throw new AppError('forbidden', OWNER_NEEDED, { reason: 'owner_needed' })
    return { who: found.username, endsAtMs: found.endsAtMs }
  }

  /** Throws like `requireMayGrant` for a grant that exists, and `not_found` for one of another host's guest. */
  const requireMayChange = async (
    queries: Pick<Queries, 'all' | 'get'>,
    acting: Acting,
    grant: StoredGrant,
  ): Promise<void> => {
    const holder = holderOf(grant)
    if (!holder) return
    if ('pass' in holder) {
      if (!isManagedBy(acting, grant)) throw new AppError('not_found', NO_SUCH_GRANT)
      return
    }
    await requireMayGrant(queries, acting, { holder, locks: grant.locks })
  }

  /** Returns the locks with these labels. A member who invites a guest does not learn which others there are. Throws
   * what `requireLocks` throws, and `forbidden`. */
  const locksFor = async (
    queries: Pick<Queries, 'all' | 'get' | 'run'>,
    { role }: Acting,
    { holder, labels, kept }: Wanted,
  ): Promise<GrantLocks> => {
    const isLimited = 'pass' in holder && !isAtLeast(role, 'admin')
    if (isLimited) requireOpenToMembers(guests)
    return requireLocks(queries, labels, kept).catch((error: unknown) => {
      throw isLimited && error instanceof AppError ? beyondYourGrants() : error
    })
  }

  return { requireMayGrant, requireMayChange, locksFor }
}

type Dependencies = { readonly people: People; readonly guests: Guests }

type Wanted = {
  readonly holder: AskedHolder | Holder
  readonly labels: Labels
  readonly kept?: GrantLocks | undefined
}

/** Throws `invalid` for a label that nobody could read. */
export const shownHolder = (holder: AskedHolder): AskedHolder =>
  'pass' in holder
    ? { pass: { ...holder.pass, label: shownName(holder.pass.label, 'holder') } }
    : holder

/** Returns whether a grant has such a holder. The pass of a guest is known by its label. */
export const isHeldBy = ({ holder, pass }: StoredGrant, asked: AskedHolder): boolean =>
  'pass' in asked
    ? pass?.label === asked.pass.label &&
      pass.devicesMax === (asked.pass.devices_max ?? DEVICES_DEFAULT)
    : holder === holderText(asked)
