import type { RecordKind } from '../../domain/access.ts'
import type { Role } from '../../domain/account.ts'
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
import type { Labels } from './asked-locks.ts'
import { ALWAYS, type GivenTerms, readTerms, requireOpening } from '../rules/terms.ts'
import { isSame } from './conditions.ts'
import { type Guests, isManagedBy, requireMayShare } from './guests.ts'
import { type Holder, holderText } from './holder.ts'
import { asGrant, holderOf } from './json.ts'
import { ACTIONS, personOf, recordBody, subjectOf } from './notes.ts'
import { NO_SUCH_GRANT } from './reading.ts'
import type { StoredGrant } from './reads-store.ts'
import { type AskedHolder, type People, grantRights, isHeldBy, shownHolder } from './rights.ts'
import { requireRoom } from './room.ts'
import { DEVICES_DEFAULT } from './schema.ts'
import { type Granted, grantsIn } from './store.ts'

export type Grants = ReturnType<typeof grantService>

type Dependencies = {
  readonly db: Database
  readonly changes: Changes
  readonly people: People
  readonly guests: Guests
  readonly readHome: ReadHome
  readonly isOnHomeNetwork: IsOnHomeNetwork
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

export type GrantRequest = {
  readonly key?: string | undefined
  readonly holder: AskedHolder
  readonly locks: Labels
  readonly asked: GivenTerms
}

/** What a new version changes; the rest stays. */
type GrantPatch = { readonly locks: Labels | undefined; readonly asked: GivenTerms }

export const KEY_TAKEN = 'Another grant has this key, or this one has been changed since'
export const VERSION_NEEDED = 'Send the `version` that you read in the If-Match header'
export const GRANT_REVOKED = 'The grant is revoked for good; create another one'
/** The rules of grants: who may make, change and revoke them. */
export const grantService = (deps: Dependencies) => {
  const { db, changes, people, guests, readHome, isOnHomeNetwork, clock } = deps
  const { requireMayGrant, requireMayChange, locksFor } = grantRights(deps)
  const now = (): number => clock.nonDecreasingMs()

  const readingIn = ({ zone }: Home, by: Actor, nowMs = now()) => ({
    zone,
    nowMs,
    canTellHome: isOnHomeNetwork({ isAddressHidden: false, ...by }) !== 'unknown',
  })

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
      action: ACTIONS[holder && 'pass' in holder ? 'pass' : 'grant'][change.action],
      subject: subjectOf(holder),
      detail: { grant: id, version: grant.version },
      about: `grant:${id}`,
      person: personOf(holder),
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
    return note(tx, by, { id, kind: 'grant.made', action: 'make' })
  }

  /** Adds a grant, for a guest with a new pass. */
  const makeIn = async (
    tx: Transaction,
    by: Actor,
    { key, holder, granted }: Omit<Added, 'holder'> & { readonly holder: AskedHolder },
  ): Promise<Made> => {
    if (!('pass' in holder))
      return { isNew: true, grant: await addIn(tx, by, { key, holder, granted }) }
    const { label, devices_max: devicesMax = DEVICES_DEFAULT } = holder.pass
    const { id, link } = await guests.makeIn(tx, by, { label, devicesMax })
    const grant = await addIn(tx, by, { key, holder: { pass: id }, granted })
    return { isNew: true, grant, link }
  }

  const revokeIn = async (
    tx: Transaction,
    by: Actor,
    { id, why }: { readonly id: string; readonly why: string | null },
  ): Promise<void> => {
    await grantsIn(tx, now()).revoke(id, why)
    const { pass } = await note(tx, by, { id, kind: 'grant.revoked', action: 'revoke' })
    if (pass) await guests.endIn(tx, pass.id)
  }

  const eventOf = ({ pass }: StoredGrant, does: 'change' | 'revoke') => ({
    action: ACTIONS[pass ? 'pass' : 'grant'][does],
    run: pass ? changes.byMember : changes.byAdmin,
  })

  return {
    /** Creates a grant, and lets its holder in if they are waiting; for a guest, with a new pass. A repeat with the
     * same key creates no second grant. Throws `invalid`, `forbidden`, `not_found` for an unknown account, and `conflict` for a
     * key with other terms, a retired lock, or too many grants. */
    make: async (by: Actor, request: GrantRequest): Promise<Made> => {
      const { key, asked } = request
      const holder = shownHolder(request.holder)
      const find = async (queries: Queries) =>
        key === undefined ? undefined : grantsIn(queries, now()).findByKey(key)
      const home = await readHome(db)
      const known = await find(db)
      // A repeat is still the same request after the grant has ended.
      const reading = readingIn(home, by, known?.createdAtMs)
      const conditions = readTerms(asked, reading)
      if (!known) requireOpening(conditions, home, now())
      const work = async (tx: Transaction, role: Role): Promise<Made> => {
        const same = await find(tx)
        const wanted = { holder, labels: request.locks, kept: same?.locks }
        const granted = { conditions, locks: await locksFor(tx, { by, role }, wanted) }
        await requireMayGrant(tx, { by, role }, { holder, locks: granted.locks })
        if (!same) return makeIn(tx, by, { key, holder, granted })
        const isAlike = isHeldBy(same, holder) && isSame(grantedBy(same), granted)
        if (!isAlike || ('pass' in holder && !isManagedBy({ by, role }, same)))
          throw new AppError('conflict', KEY_TAKEN, { reason: 'key_taken' })
        return { isNew: false, grant: same }
      }
      if ('pass' in holder) return changes.byMember(by, { action: 'pass.make' }, work)
      return changes.byAdmin(by, { action: 'grant.make', subject: subjectOf(holder) }, work)
    },

    /** Returns whether a grant is that of a guest; false if there is none. */
    isOfGuest: async (id: string): Promise<boolean> =>
      (await grantsIn(db, now()).find(id))?.pass != null,

    /** Returns the grants whose key begins so, oldest first. */
    withKeys: (prefix: string) => grantsIn(db, now()).withKeys(prefix),

    /** Adds a grant without conditions, in a transaction that has checked that `by` may do so. Throws
     * `conflict` if there are too many. */
    addIn: (
      tx: Transaction,
      by: Actor,
      { holder, locks }: { readonly holder: Holder; readonly locks: Granted['locks'] },
    ): Promise<StoredGrant> => addIn(tx, by, { holder, granted: { locks, conditions: ALWAYS } }),

    /** Returns the grant that `make` would create. Throws the same, except for a key and too many grants. */
    preview: async (by: Actor, request: GrantRequest) => {
      const holder = shownHolder(request.holder)
      const shown = { home: await readHome(db), nowMs: now() }
      const conditions = readTerms(request.asked, readingIn(shown.home, by))
      requireOpening(conditions, shown.home, shown.nowMs)
      const acting = { by, role: by.account?.role ?? 'owner' }
      const locks = await locksFor(db, acting, { holder, labels: request.locks })
      const { who, endsAtMs } = await requireMayGrant(db, acting, { holder, locks })
      return { who, holderEndsAtMs: endsAtMs, locks, conditions, shown }
    },

    /** Creates the next version of a grant. Records nothing if nothing changes. Throws like `make`, and
     * `precondition_required` without a version, and `precondition_failed` unless it is the current one. */
    change: async (by: Actor, { id, version, patch }: Change): Promise<StoredGrant> => {
      const home = await readHome(db)
      const known = await requireGrant(db, id)
      if (version === undefined)
        throw new AppError('precondition_required', VERSION_NEEDED, { reason: 'version_needed' })
      const { action, run } = eventOf(known, 'change')
      const event = { action, subject: subjectOf(holderOf(known)) }
      const changed = (grant: StoredGrant) =>
        readTerms(patch.asked, readingIn(home, by), asGrant(grant))
      // Not in the transaction, because it may take a while.
      requireOpening(changed(known), home, now())
      return run(by, event, async (tx, role) => {
        const grant = await requireGrant(tx, id)
        await requireMayChange(tx, { by, role }, grant)
        const holder = requireHeld(grant)
        // The version that the client read, and the one that the request was merged with.
        for (const read of [version, known.version]) requireVersion(read, grant.version)
        const granted = {
          conditions: changed(grant),
          locks: patch.locks
            ? await locksFor(tx, { by, role }, { holder, labels: patch.locks, kept: grant.locks })
            : grant.locks,
        }
        if (grant.pass) await requireMayShare(guests, tx, { by, role, locks: granted.locks })
        if (isSame(grantedBy(grant), granted)) return grant
        const hasEnded = (ms: number | null) => ms !== null && ms <= now()
        if (hasEnded(grant.endsAtMs) && !hasEnded(granted.conditions.endsAtMs))
          await requireRoom(grantsIn(tx, now()), holderText(holder))
        await grantsIn(tx, now()).change({ id, holder: holderText(holder), granted })
        return note(tx, by, { id, kind: 'grant.changed', action: 'change' })
      })
    },

    /** Returns the labels of the locks that it no longer opens, and since when. Revoking it again changes nothing. Throws
     * `not_found` and `forbidden`. */
    revoke: async (by: Actor, id: string, why: string | null): Promise<Revoked> => {
      const known = await requireGrant(db, id)
      const { action, run } = eventOf(known, 'revoke')
      return run(by, { action, subject: subjectOf(holderOf(known)) }, async (tx, role) => {
        const grant = await requireGrant(tx, id)
        await requireMayChange(tx, { by, role }, grant)
        if (grant.revokedAtMs === null) await revokeIn(tx, by, { id, why })
        const atMs = (await requireGrant(tx, id)).revokedAtMs ?? now()
        if (grant.locks !== 'all') return { labels: grant.locks.map(({ label }) => label), atMs }
        const locks = (await locksIn(tx).all()).filter(({ state }) => state !== 'retired')
        return { labels: locks.map(({ label }) => label).toSorted(), atMs }
      })
    },

    /** Revokes the live grants of an account and blanks all of them, in the transaction that erases it, and
     * forgets which ones it made. Those of its guests are suspended. */
    eraseIn: async (tx: Transaction, publicId: string): Promise<void> => {
      const grants = grantsIn(tx, now())
      const holder = holderText({ account: publicId })
      for (const id of await grants.liveIdsOf(holder))
        await revokeIn(tx, GATEWAY, { id, why: 'holder_erased' })
      await grants.blank(holder)
      for (const id of await grants.orphan(publicId))
        await note(tx, GATEWAY, { id, kind: 'grant.suspended', action: 'suspend' })
    },

    /** Blanks the grant of a pass, whose guest is erased. */
    eraseGuestIn: (tx: Transaction, passId: string): Promise<void> =>
      grantsIn(tx, now()).blank(holderText({ pass: passId })),
  }
}

type Made = {
  readonly isNew: boolean
  readonly grant: StoredGrant
  /** Of a new pass; it cannot be read again. */
  readonly link?: string
}

/** The labels of the locks that a revoked grant no longer opens, and since when. */
type Revoked = { readonly labels: readonly string[]; readonly atMs: number }

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

type Noted = {
  readonly id: string
  readonly kind: RecordKind
  readonly action: 'make' | 'change' | 'revoke' | 'suspend'
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
