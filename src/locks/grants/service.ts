import type { RecordKind } from '../../domain/access.ts'
import { type Role, mayManage } from '../../domain/account.ts'
import type { AuditAction } from '../../domain/audit-actions.ts'
import { type Actor, GATEWAY } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { AppError } from '../../errors.ts'
import type { IsOnHomeNetwork } from '../../http/request/home-network.ts'
import { requireVersion } from '../../http/request/headers/if-match.ts'
import type { Database, Queries, Transaction } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import type { ReadHome } from '../home/home.ts'
import { locksIn } from '../registry/store.ts'
import type { Home } from '../rules/grant.ts'
import { type Labels, requireLocks } from './asked-locks.ts'
import { ALWAYS, type GivenTerms, readTerms, requireOpening } from '../rules/terms.ts'
import { conditionsJson, isSame } from './conditions.ts'
import { type Holder, holderText } from './holder.ts'
import { asGrant, holderOf, labelsOf } from './json.ts'
import { NO_SUCH_GRANT } from './reading.ts'
import type { StoredGrant } from './reads-store.ts'
import { requireRoom } from './room.ts'
import { type Granted, grantsIn } from './store.ts'

export type Grants = ReturnType<typeof grantService>

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

type Dependencies = {
  readonly db: Database
  readonly changes: Changes
  readonly people: People
  readonly readHome: ReadHome
  readonly isOnHomeNetwork: IsOnHomeNetwork
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

export type GrantRequest = {
  readonly key?: string | undefined
  readonly holder: Holder
  readonly locks: Labels
  readonly asked: GivenTerms
}

/** What a new version changes; the rest stays. */
type GrantPatch = { readonly locks: Labels | undefined; readonly asked: GivenTerms }

const NO_SUCH_ACCOUNT = 'No such account'
export const KEY_TAKEN = 'Another grant has this key, or this one has been changed since'
export const VERSION_NEEDED = 'Send the `version` that you read in the If-Match header'
export const GRANT_REVOKED = 'The grant is revoked for good; create another one'
export const OWNER_NEEDED = 'Only an owner can give access to admins and owners'

/** The rules of grants: who may make, change and revoke them. */
export const grantService = (deps: Dependencies) => {
  const { db, changes, people, readHome, isOnHomeNetwork, clock } = deps
  const now = (): number => clock.nonDecreasingMs()

  const readingIn = ({ zone }: Home, by: Actor, nowMs = now()) => ({
    zone,
    nowMs,
    canTellHome: isOnHomeNetwork({ isAddressHidden: false, ...by }) !== 'unknown',
  })

  /** Returns the name, role and end date of a holder. Throws `not_found`, and `forbidden` unless an actor with
   * that role may give the holder access. */
  const requireMayGrant = async (queries: Pick<Queries, 'get'>, actor: Role, holder: Holder) => {
    const found =
      'account' in holder
        ? await people.findAccount(queries, holder.account)
        : { username: null, role: holder.role, endsAtMs: null }
    if (!found) throw new AppError('not_found', NO_SUCH_ACCOUNT)
    if (!mayManage(actor, found.role))
      throw new AppError('forbidden', OWNER_NEEDED, { reason: 'owner_needed' })
    return found
  }

  const requireGrant = async (queries: Queries, id: string): Promise<StoredGrant> => {
    const found = await grantsIn(queries, now()).find(id)
    if (!found) throw new AppError('not_found', NO_SUCH_GRANT)
    return found
  }

  /** Adds the audit event and the leaf of a grant that was just changed, and returns the grant. */
  const note = async (
    tx: Transaction,
    by: Actor,
    { id, ...change }: Noted,
  ): Promise<StoredGrant> => {
    const grant = await requireGrant(tx, id)
    const holder = holderOf(grant)
    await changes.note(tx, by, {
      ...change,
      subject: subjectOf(holder),
      detail: { grant: id, version: grant.version },
      about: `grant:${id}`,
      person: holder && 'account' in holder ? holder.account : null,
      body: recordBody(grant),
    })
    return grant
  }

  /** Adds a grant, and lets its holder in. Throws `conflict` if there are too many. */
  const addIn = async (tx: Transaction, by: Actor, added: Added): Promise<StoredGrant> => {
    const { holder, key = null, granted } = added
    const text = holderText(holder)
    await requireRoom(grantsIn(tx, now()), text)
    const id = Bun.randomUUIDv7('hex', now())
    const madeBy = by.account?.publicId ?? null
    await grantsIn(tx, now()).add({ id, key, holder: text, granted, madeBy })
    if ('account' in holder) await people.admit(tx, by, holder.account)
    return note(tx, by, { id, kind: 'grant.made', action: 'grant.make' })
  }

  const revokeIn = async (
    tx: Transaction,
    by: Actor,
    { id, why }: { readonly id: string; readonly why: string | null },
  ): Promise<void> => {
    await grantsIn(tx, now()).revoke(id, why)
    await note(tx, by, { id, kind: 'grant.revoked', action: 'grant.revoke' })
  }

  return {
    /** Creates a grant, and lets its holder in if they are waiting. A repeat with the same key creates no
     * second grant. Throws `invalid`, `forbidden`, `not_found` for an unknown account, and `conflict` for a
     * key with other terms, a retired lock, or too many grants. */
    make: async (by: Actor, request: GrantRequest): Promise<Made> => {
      const { key, holder, asked } = request
      const find = async (queries: Queries) =>
        key === undefined ? undefined : grantsIn(queries, now()).findByKey(key)
      const home = await readHome(db)
      const known = await find(db)
      // A repeat is still the same request after the grant has ended.
      const reading = readingIn(home, by, known?.createdAtMs)
      const conditions = readTerms(asked, reading)
      if (!known) requireOpening(conditions, home, now())
      const event = { action: 'grant.make', subject: subjectOf(holder) } as const
      return changes.byAdmin(by, event, async (tx, role) => {
        await requireMayGrant(tx, role, holder)
        const same = await find(tx)
        const granted = { conditions, locks: await requireLocks(tx, request.locks, same?.locks) }
        if (!same) return { isNew: true, grant: await addIn(tx, by, { key, holder, granted }) }
        if (same.holder !== holderText(holder) || !isSame(grantedBy(same), granted))
          throw new AppError('conflict', KEY_TAKEN, { reason: 'key_taken' })
        return { isNew: false, grant: same }
      })
    },

    /** Adds a grant without conditions, in a transaction that has checked that `by` may do so. Throws
     * `conflict` if there are too many. */
    addIn: (
      tx: Transaction,
      by: Actor,
      { holder, locks }: { readonly holder: Holder; readonly locks: Granted['locks'] },
    ): Promise<StoredGrant> => addIn(tx, by, { holder, granted: { locks, conditions: ALWAYS } }),

    /** Returns the grant that `make` would create. Throws the same, except for a key and too many grants. */
    preview: async (by: Actor, { holder, locks, asked }: GrantRequest) => {
      const shown = { home: await readHome(db), nowMs: now() }
      const conditions = readTerms(asked, readingIn(shown.home, by))
      requireOpening(conditions, shown.home, shown.nowMs)
      const found = await requireMayGrant(db, by.account?.role ?? 'owner', holder)
      return {
        holder,
        username: found.username,
        holderEndsAtMs: found.endsAtMs,
        locks: await requireLocks(db, locks),
        conditions,
        shown,
      }
    },

    /** Creates the next version of a grant. Records nothing if nothing changes. Throws like `make`, and
     * `precondition_required` without a version, and `precondition_failed` unless it is the current one. */
    change: async (by: Actor, { id, version, patch }: Change): Promise<StoredGrant> => {
      const home = await readHome(db)
      const known = await requireGrant(db, id)
      if (version === undefined)
        throw new AppError('precondition_required', VERSION_NEEDED, { reason: 'version_needed' })
      const event = { action: 'grant.change', subject: subjectOf(holderOf(known)) } as const
      const changed = (grant: StoredGrant) =>
        readTerms(patch.asked, readingIn(home, by), asGrant(grant))
      // Not in the transaction, because it may take a while.
      requireOpening(changed(known), home, now())
      return changes.byAdmin(by, event, async (tx, role) => {
        const grant = await requireGrant(tx, id)
        const holder = requireHeld(grant)
        await requireMayGrant(tx, role, holder)
        // The version that the client read, and the one that the request was merged with.
        for (const read of [version, known.version]) requireVersion(read, grant.version)
        const granted = {
          conditions: changed(grant),
          locks: patch.locks ? await requireLocks(tx, patch.locks, grant.locks) : grant.locks,
        }
        if (isSame(grantedBy(grant), granted)) return grant
        const hasEnded = (ms: number | null) => ms !== null && ms <= now()
        if (hasEnded(grant.endsAtMs) && !hasEnded(granted.conditions.endsAtMs))
          await requireRoom(grantsIn(tx, now()), holderText(holder))
        await grantsIn(tx, now()).change({ id, holder: holderText(holder), granted })
        return note(tx, by, { id, kind: 'grant.changed', action: 'grant.change' })
      })
    },

    /** Returns the labels of the locks that it no longer opens. Revoking it again changes nothing. Throws
     * `not_found` and `forbidden`. */
    revoke: async (by: Actor, id: string, why: string | null): Promise<readonly string[]> => {
      const subject = subjectOf(holderOf(await requireGrant(db, id)))
      return changes.byAdmin(by, { action: 'grant.revoke', subject }, async (tx, role) => {
        const grant = await requireGrant(tx, id)
        const holder = holderOf(grant)
        if (holder) await requireMayGrant(tx, role, holder)
        if (grant.revokedAtMs === null) await revokeIn(tx, by, { id, why })
        if (grant.locks !== 'all') return grant.locks.map(({ label }) => label)
        const locks = (await locksIn(tx).all()).filter(({ state }) => state !== 'retired')
        return locks.map(({ label }) => label).toSorted()
      })
    },

    /** Revokes the live grants of an account and blanks all of them, in the transaction that erases it, and
     * forgets which ones it made. */
    eraseIn: async (tx: Transaction, publicId: string): Promise<void> => {
      const grants = grantsIn(tx, now())
      const holder = holderText({ account: publicId })
      for (const id of await grants.liveIdsOf(holder))
        await revokeIn(tx, GATEWAY, { id, why: 'holder_erased' })
      await grants.blank(holder, publicId)
    },
  }
}

type Made = { readonly isNew: boolean; readonly grant: StoredGrant }

type Added = {
  readonly key?: string | undefined
  readonly holder: Holder
  readonly granted: Granted
}

type Change = {
  readonly id: string
  /** That was read. */
  readonly version: number | undefined
  readonly patch: GrantPatch
}

type Noted = { readonly id: string; readonly kind: RecordKind; readonly action: AuditAction }

/** The holder of a grant, as audit events name it. */
const subjectOf = (holder: Holder | undefined): string => {
  if (!holder) return 'erased'
  return 'account' in holder ? holder.account : holderText(holder)
}

/** Returns the holder of a grant that may still be changed. Throws `conflict`. */
const requireHeld = (grant: StoredGrant): Holder => {
  const holder = holderOf(grant)
  if (!holder || grant.revokedAtMs !== null)
    throw new AppError('conflict', GRANT_REVOKED, { reason: 'grant_revoked' })
  return holder
}

const grantedBy = (grant: StoredGrant): Granted => ({
  locks: grant.locks,
  conditions: asGrant(grant),
})

/** What a leaf commits to: everything that is granted, and to whom. */
const recordBody = (grant: StoredGrant) => ({
  grant: grant.id,
  version: grant.version,
  holder: grant.holder,
  locks: labelsOf(grant.locks),
  ...conditionsJson(asGrant(grant)),
  ...(grant.revokedAtMs === null ? {} : { why: grant.revokedWhy }),
})
