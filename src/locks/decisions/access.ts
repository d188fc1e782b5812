import {
  type Account,
  type Role,
  hasRole,
  isNewcomer,
  lowerRole,
  ROLES,
} from '../../domain/account.ts'
import { DAY_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import type { IsOnHomeNetwork } from '../../http/request/home-network.ts'
import type { Database } from '../../storage/database.ts'
import { type Asking, decide } from '../rules/decide.ts'
import { explain, nextAt } from '../rules/explain.ts'
import type { Grant, Home } from '../rules/grant.ts'
import { type DecidedAttempt, type DecisionTime, visitorOf } from './attempt.ts'
import { holderFrom, holdersOf, holdersOfRole } from '../grants/holder.ts'
import { type Place, grantReads, placesOf } from './grants-store.ts'
import { NO_SUCH_LOCK, ONLY_ADMINS } from './schema.ts'
import { type LockNow, decisionReads } from './store.ts'

export type AccessService = ReturnType<typeof accessService>

type Dependencies = {
  readonly db: Pick<Database, 'all'>
  /** Returns the time zone of the home. */
  readonly zone: () => string
  readonly isOnHomeNetwork: IsOnHomeNetwork
  readonly clock: () => DecisionTime
}

/** Who asks, and from where. */
type Asker = Pick<Caller, 'address' | 'isAddressHidden' | 'sessionId'> & {
  readonly account: Account
}

type Question = {
  /** Undefined for the command line. */
  readonly by: Asker | undefined
  readonly label: string
  /** `account:<public id>` or `role:<role>`. */
  readonly holder: string
  /** Undefined for now. */
  readonly atMs: number | undefined
}

/** An account or a role, and the holders whose grants it may use. */
type Holder = Asking['holder'] & { readonly holders: readonly string[] }

/** Whether a holder may open a lock. */
export type MayOpen = Pick<ReturnType<typeof decide>, 'reason'> & {
  readonly mayOpen: boolean
  readonly nextAtMs: number | null
}

/** Explains and predicts decisions. Writes nothing. */
export const accessService = ({ db, zone, isOnHomeNetwork, clock }: Dependencies) => {
  const reads = decisionReads(db)
  const grants = grantReads(db)

  const homeAround = homesAround(reads, zone)

  const lockOf = async (label: string): Promise<LockNow> => {
    const lock = (await reads.locks([label])).get(label)
    if (!lock) throw new AppError('not_found', NO_SUCH_LOCK)
    return lock
  }

  /** Returns an account, with at most this role. Throws `not_found`. */
  const accountOf = async (publicId: string, role: Role = 'owner'): Promise<Holder> => {
    const found = (await reads.holders([publicId])).get(publicId)
    if (!found) throw new AppError('not_found', 'No such account')
    const holder = { ...found, role: lowerRole(found.role, role) }
    return { ...holder, holders: holdersOf(holder) }
  }

  const holderOf = async (name: string, by: Account | undefined): Promise<Holder> => {
    const role = ROLES.find((candidate) => name === `role:${candidate}`)
    if (role !== undefined) return { ...ANYONE, role, holders: holdersOfRole(role) }
    const publicId = name.slice(name.indexOf(':') + 1)
    return publicId === by?.publicId ? accountOf(publicId, by.role) : accountOf(publicId)
  }

  return {
    /** Explains whether a holder may open a lock at a time, based on everything as it is now. Throws
     * `not_found`, and `forbidden` if a member asks about others. */
    explain: async ({ by, label, holder: name, atMs }: Question) => {
      const isOwn = by !== undefined && name === `account:${by.account.publicId}`
      if (by && !isOwn && !hasRole(by.account, 'admin'))
        throw new AppError('forbidden', ONLY_ADMINS)
      const lock = await lockOf(label)
      const holder = await holderOf(name, by?.account)
      const now = clock()
      const nowMs = atMs ?? now.nowMs
      const places = placesOf(lock.id, by ? visibleHolders(holder, by.account) : holder.holders)
      const read = await grants.all(places)
      const found = read.of(places)
      const roles = new Map(
        places.flatMap((place) => read.of([place]).map(({ id }) => [id, roleOf(place)])),
      )
      const explained = explain({
        lock,
        holder,
        // What is revoked stays revoked, even if the clock was wrong then.
        grants: atMs === undefined ? found.map((grant) => revokedBy(grant, nowMs)) : found,
        home: await homeAround(nowMs),
        nowMs,
        isClockDoubted: atMs === undefined && now.isDoubted,
        // Nobody knows where others will be.
        isHome: isOwn ? isOnHomeNetwork(by) : true,
        visitor: visitorOf(by?.sessionId, lock.id),
      })
      const told = explained.grants.map((grant) => ({
        ...grant,
        role: roles.get(grant.id) ?? null,
      }))
      return { ...explained, grants: told }
    },

    /** Returns when a denied attempt may be permitted, or null. */
    nextAtMs: async (
      { decidedAtMs, accountPublicId }: DecidedAttempt,
      label: string,
      role: Role,
    ): Promise<number | null> => {
      const [lock, holder] = [await lockOf(label), await accountOf(accountPublicId, role)]
      const places = placesOf(lock.id, holder.holders)
      return nextAt({
        lock,
        holder,
        grants: (await grants.at([places], decidedAtMs)).of(places),
        home: await homeAround(decidedAtMs),
        nowMs: decidedAtMs,
        isClockDoubted: clock().isDoubted,
        isHome: true,
        visitor: '',
      })
    },

    /** Returns what a caller may open now, for each lock in order; undefined for a lock that is gone. */
    mayOpen: async (
      asker: Asker,
      labels: readonly string[],
    ): Promise<readonly (MayOpen | undefined)[]> => {
      const { nowMs, isDoubted } = clock()
      const locks = await reads.locks(labels)
      const holder = await accountOf(asker.account.publicId, asker.account.role)
      const placesFor = ({ id }: LockNow) => placesOf(id, holder.holders)
      const asked = [...locks.values()].map(placesFor)
      const found = await grants.at(asked, isDoubted ? 0 : nowMs)
      const home = await homeAround(nowMs)
      const isHome = isOnHomeNetwork(asker)
      const alike = new Map<string, MayOpen>()
      return labels.map((label) => {
        const lock = locks.get(label)
        if (!lock) return undefined
        const asking: Asking = {
          lock,
          holder,
          grants: found.of(placesFor(lock)),
          home,
          nowMs,
          isClockDoubted: isDoubted,
          isHome,
          visitor: visitorOf(asker.sessionId, lock.id),
        }
        const key = likeness(asking)
        const known = alike.get(key) ?? mayOpenBy(asking)
        alike.set(key, known)
        return known
      })
    },
  }
}

/** Returns a function that reads the home with the holidays that matter to openings around a time. */
export const homesAround = (
  { holidays }: Pick<ReturnType<typeof decisionReads>, 'holidays'>,
  zone: () => string,
) => {
  let name: string | undefined
  return async (ms: number): Promise<Home> => ({
    zone: (name ??= zone()),
    holidays: await holidays(dateOf(ms - HOLIDAYS_BEFORE_MS), dateOf(ms + HOLIDAYS_AFTER_MS)),
  })
}

/** Nobody who waits to be let in learns what everybody of a role may open. */
const visibleHolders = ({ holders }: Holder, by: Account): readonly string[] =>
  isNewcomer(by) ? holders.filter((holder) => holder === `account:${by.publicId}`) : holders

/** Whose a grant is that is read by a place: a role, or nobody but an account. */
const roleOf = ({ holder }: Place): Role | null => {
  const found = holderFrom(holder)
  return found && 'role' in found ? found.role : null
}

export const mayOpenBy = (asking: Asking): MayOpen => {
  const { decision, reason } = decide(asking)
  const mayOpen = decision === 'permitted'
  return { mayOpen, reason, nextAtMs: mayOpen ? null : nextAt(asking) }
}

/** Locks with the same grants open alike: of the thousand locks of a large house, most have the same grants. */
const likeness = ({ lock, grants, visitor }: Asking): string =>
  JSON.stringify([
    lock.state,
    lock.lockdowns,
    grants.map(({ id }) => id),
    grants.some(({ usesMax }) => usesMax !== null) && visitor,
  ])

const ANYONE = { isDisabled: false, isAdmitted: true, endsAtMs: null } as const

const revokedBy = (grant: Grant, nowMs: number): Grant =>
  grant.revokedAtMs === null ? grant : { ...grant, revokedAtMs: Math.min(grant.revokedAtMs, nowMs) }

/** Openings are searched for in the next 370 days; a window that is open now began at most two days ago. */
const HOLIDAYS_BEFORE_MS = 4 * DAY_MS
const HOLIDAYS_AFTER_MS = 375 * DAY_MS

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
