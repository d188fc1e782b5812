import type { Queries } from '../../storage/database.ts'
import { holdersOf } from '../grants/holder.ts'
import { ALL_LOCKS, type GrantLocks } from '../grants/reads-store.ts'
import type { Grant } from '../rules/grant.ts'
import { type Place, grantReads, placesOf } from './grants-store.ts'
import { decisionReads } from './store.ts'

/** Returns whether an account that was let in has a grant without counted uses for each of these locks that has not
 * ended. */
export const mayShare = async (
  queries: Pick<Queries, 'all'>,
  publicId: string,
  { locks, nowMs }: { readonly locks: GrantLocks; readonly nowMs: number },
): Promise<boolean> => {
  const host = (await decisionReads(queries).holders([publicId])).get(publicId)
  if (!host || !host.isAdmitted || host.isDisabled) return false
  const holders = holdersOf(host)
  const places: readonly (readonly Place[])[] =
    locks === 'all'
      ? [holders.map((holder) => ({ lockId: ALL_LOCKS, holder }))]
      : locks.map(({ id }) => placesOf(id, holders))
  const grants = await grantReads(queries).at(places, nowMs)
  const isLive = ({ revokedAtMs, suspendedAtMs, endsAtMs, usesMax }: Grant): boolean =>
    revokedAtMs === null &&
    suspendedAtMs === null &&
    usesMax === null &&
    (endsAtMs === null || endsAtMs > nowMs)
  return places.every((asked) => grants.of(asked).some(isLive))
}
