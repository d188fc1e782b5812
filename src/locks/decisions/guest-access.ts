import { type Account, hasRole } from '../../domain/account.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import type { IsOnHomeNetwork } from '../../http/request/home-network.ts'
import type { Database } from '../../storage/database.ts'
import { type Asking, stopOf } from '../rules/decide.ts'
import { explain, nextAt } from '../rules/explain.ts'
import { type MayOpen, homesAround, mayOpenBy } from './access.ts'
import { type DecidedAttempt, type DecisionTime, visitorOf } from './attempt.ts'
import { grantReads } from './grants-store.ts'
import { guestReads } from './guests-store.ts'
import { GUEST, guestPlaces, hostOf } from './guests.ts'
import { NO_SUCH_LOCK, ONLY_ADMINS } from './schema.ts'
import { decisionReads } from './store.ts'

export type GuestAccess = ReturnType<typeof guestAccess>

type Dependencies = {
  readonly db: Pick<Database, 'all'>
  /** Returns the time zone of the home. */
  readonly zone: () => string
  /** Whether members may invite guests. */
  readonly isOpenToMembers: boolean
  readonly isOnHomeNetwork: IsOnHomeNetwork
  readonly clock: () => DecisionTime
}

type Question = Pick<Asking, 'isHome' | 'nowMs' | 'isClockDoubted'> & {
  readonly passId: string
  /** Labels of locks. */
  readonly labels: readonly string[]
}

/** Predicts decisions on guests. Writes nothing. */
export const guestAccess = (deps: Dependencies) => {
  const { db, zone, isOpenToMembers, isOnHomeNetwork, clock } = deps
  const reads = decisionReads(db)
  const homeAround = homesAround(reads, zone)

  /** Returns what a decision at each of these locks would depend on; a lock that is gone is left out. */
  const askingsOf = async (question: Question): Promise<readonly Asking[]> => {
    const { passId, labels, ...asked } = question
    const pass = (await guestReads(db).passes([passId])).get(passId)
    if (!pass) throw new AppError('not_found', 'No such pass')
    const { madeBy } = pass
    const host = madeBy === null ? undefined : (await reads.holders([madeBy])).get(madeBy)
    const locks = await reads.locks(labels)
    const placesAt = (lockId: string) => guestPlaces(lockId, pass, host)
    const grants = await grantReads(db).at(
      [...locks.values()].flatMap(({ id }) => placesAt(id)),
      asked.isClockDoubted ? 0 : asked.nowMs,
    )
    const home = await homeAround(asked.nowMs)
    return labels.flatMap((label) => {
      const lock = locks.get(label)
      if (!lock) return []
      const [places = [], hosts = []] = placesAt(lock.id)
      const inviting = { host, isOpenToMembers, grants: grants.of(hosts) }
      return {
        ...asked,
        lock,
        holder: GUEST,
        grants: grants.of(places),
        guest: { host: hostOf(pass, inviting) },
        home,
        visitor: visitorOf(undefined, lock.id),
      }
    })
  }

  return {
    /** Returns when a denied attempt of a guest may be permitted, or null. */
    nextAtMs: async (
      { passId, decidedAtMs }: Pick<DecidedAttempt, 'passId' | 'decidedAtMs'>,
      label: string,
    ): Promise<number | null> => {
      const isClockDoubted = clock().isDoubted
      const question = { passId: passId ?? '', labels: [label], isHome: true, isClockDoubted }
      const [asking] = await askingsOf({ ...question, nowMs: decidedAtMs })
      return asking ? nextAt(asking) : null
    },

    /** Returns what a guest may open now, lock by lock. */
    mayOpen: async (
      caller: Pick<Caller, 'address' | 'isAddressHidden'>,
      passId: string,
      labels: readonly string[],
    ): Promise<readonly MayOpen[]> => {
      const { nowMs, isDoubted: isClockDoubted } = clock()
      const isHome = isOnHomeNetwork(caller)
      const askings = await askingsOf({ passId, labels, isHome, nowMs, isClockDoubted })
      return askings.map(mayOpenBy)
    },

    /** Explains whether a guest may open a lock at a time, now by default; see `explain` in access.ts. For the host and
     * admins. Throws `not_found`, and `forbidden` for anyone else. */
    explain: async (
      by: Account,
      {
        passId,
        label,
        atMs,
      }: { readonly passId: string; readonly label: string; readonly atMs: number | undefined },
    ) => {
      const now = clock()
      const question = { passId, labels: [label], isHome: true, nowMs: atMs ?? now.nowMs }
      const isClockDoubted = atMs === undefined && now.isDoubted
      const pass = (await guestReads(db).passes([passId])).get(passId)
      if (!hasRole(by, 'admin') && pass?.madeBy !== by.publicId)
        throw new AppError('forbidden', ONLY_ADMINS)
      const [asking] = await askingsOf({ ...question, isClockDoubted })
      if (!asking) throw new AppError('not_found', NO_SUCH_LOCK)
      const explained = explain(asking)
      return { ...explained, grants: explained.grants.map((grant) => ({ ...grant, role: null })) }
    },

    /** Returns whether a pass opens none of its locks because of its host, or until an owner confirms it. */
    isSuspended: async (passId: string, labels: readonly string[]): Promise<boolean> => {
      const { nowMs, isDoubted: isClockDoubted } = clock()
      const question = { passId, labels, isHome: true, nowMs, isClockDoubted }
      const askings = await askingsOf(question)
      return askings.length > 0 && askings.every(isSuspendedIn)
    },
  }
}

const isSuspendedIn = (asking: Asking): boolean =>
  asking.grants.length > 0 && asking.grants.every((grant) => stopOf(grant, asking) === 'suspended')
