import { type Account, hasRole, isNewcomer } from './account.ts'

/** Who asks for a place; those of a lower rank give way. */
type Rank = (typeof RANKS)[number]
const RANKS = ['newcomer', 'member', 'admin', 'owner'] as const

/** Returns the rank of an account. */
export const rankOf = (account: Account | undefined): Rank => {
  if (account && hasRole(account, 'admin')) return account.role
  return isNewcomer(account) ? 'newcomer' : 'member'
}

/** True for the keepers of the door: admins and owners. */
const isKeeper = ({ rank }: Pick<Holder, 'rank'>): boolean => levelOf(rank) >= levelOf('admin')

type Holder = {
  readonly rank: Rank
  /** The public id of the account, or what else tells its holder apart. */
  readonly account: string
  /** The client's address, or its network. */
  readonly client: string
}

type Options = {
  readonly max: number
  /** Places that only keepers take. */
  readonly reserved: number
  readonly perAccountMax: number
  /** Those of a lower rank, and keepers, are not counted. Newcomers beyond it give way to each other,
   * since their accounts cost them nothing; members are refused. */
  readonly perClientMax: number
  /** A place that is idle for this long is given to anyone whose rank is not lower. */
  readonly idleMsMax: number
}

export type Place = {
  /** Notes that the place is in use; it is, at first. */
  readonly busy: () => void
  /** Notes that the place is idle from now on. */
  readonly idle: () => void
  /** Frees the place; calling it again does nothing. */
  readonly release: () => void
}

/** Why there is no place: the account has enough, its client has, or all are taken. */
export type NoPlace = 'account' | 'client' | 'full'

type Taken = Holder & { readonly giveWay: () => void; idleSinceMs: number }

/** A bounded number of places for what lasts. When all are taken, the place that was idle for longest
 * is taken away from the lowest rank for someone of a higher one. No member in use of
 * a place gives way to their equals, or two of them would take turns forever. */
export const places = ({ max, reserved, perAccountMax, perClientMax, idleMsMax }: Options) => {
  const taken = new Set<Taken>()

  const refusal = (holder: Holder): NoPlace | undefined => {
    const { rank, account, client } = holder
    const all = [...taken]
    if (all.filter((one) => one.account === account).length >= perAccountMax) return 'account'
    if (isKeeper(holder)) return undefined
    // Newcomers behind the same router as a household must not use up its share.
    const near = all.filter(
      (one) => one.client === client && !isKeeper(one) && levelOf(one.rank) >= levelOf(rank),
    )
    if (near.length < perClientMax) return undefined
    const idleNewcomers = near.filter((one) => one.rank === 'newcomer' && one.idleSinceMs < BUSY)
    return takeAwayFrom(idleNewcomers) ? undefined : 'client'
  }

  /** Takes a place away for someone of this rank; returns false if there is none to take. */
  const makeRoom = (rank: Rank): boolean => {
    const idleBeforeMs = performance.now() - idleMsMax
    const givesWay = (one: Taken) =>
      levelOf(one.rank) < levelOf(rank) || (one.rank === rank && one.idleSinceMs <= idleBeforeMs)
    return takeAwayFrom([...taken].filter(givesWay))
  }

  /** Takes away the place of the lowest rank that was idle for longest; returns false if there is none. */
  const takeAwayFrom = (candidates: readonly Taken[]): boolean => {
    const [first] = candidates.toSorted(
      (a, b) => levelOf(a.rank) - levelOf(b.rank) || a.idleSinceMs - b.idleSinceMs,
    )
    if (!first) return false
    taken.delete(first)
    first.giveWay()
    return true
  }

  return {
    /** Takes a place, or returns why there is none. `giveWay` is called if the place is taken away,
     * which frees it. */
    take: (holder: Holder, giveWay: () => void): Place | NoPlace => {
      const refused = refusal(holder)
      if (refused) return refused
      const open = isKeeper(holder) ? max : max - reserved
      if (taken.size >= open && !makeRoom(holder.rank)) return 'full'
      const one: Taken = { ...holder, giveWay, idleSinceMs: BUSY }
      taken.add(one)
      return {
        busy: () => {
          one.idleSinceMs = BUSY
        },
        idle: () => {
          one.idleSinceMs = performance.now()
        },
        release: () => {
          taken.delete(one)
        },
      }
    },

    count: (): number => taken.size,
  }
}

/** Later than all times at which places became idle. A finite number, to be subtracted. */
const BUSY = Number.MAX_VALUE

const levelOf = (rank: Rank): number => RANKS.indexOf(rank)
