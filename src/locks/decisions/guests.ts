import type { DecisionReason } from '../../domain/access.ts'
import { isAtLeast } from '../../domain/account.ts'
import type { Host } from '../rules/decide.ts'
import type { Grant } from '../rules/grant.ts'
import { holderText, holdersOf } from '../grants/holder.ts'
import type { PassAsking } from './attempt.ts'
import { type Place, placesOf } from './grants-store.ts'
import type { DeviceNow, PassNow } from './guests-store.ts'
import type { HolderNow } from './store.ts'

/** A guest as a holder: role and admission are those of the host. */
export const GUEST = {
  role: 'member',
  isDisabled: false,
  isAdmitted: true,
  endsAtMs: null,
} as const

/** Returns why a device may not open anything, or undefined. A device that has a key must sign; its counters only
 * grow. */
export const deviceStopOf = (
  { id, knock }: PassAsking['pass'],
  device: DeviceNow | undefined,
): DecisionReason | undefined => {
  if (!device || device.passId !== id || device.isRemoved) return 'device_revoked'
  if (device.key === null) return undefined
  if (!knock || knock.key !== device.key) return 'bad_signature'
  return knock.counter > device.counter ? undefined : 'replayed'
}

/** Returns where the grant of a pass for a lock is, and where those of its host are, which limit it. */
export const guestPlaces = (
  lockId: string,
  pass: Pick<PassNow, 'id'>,
  host: HolderNow | undefined,
): readonly (readonly Place[])[] => [
  placesOf(lockId, [holderText({ pass: pass.id })]),
  ...(host && !isAtLeast(host.role, 'admin') ? [placesOf(lockId, holdersOf(host))] : []),
]

type Inviting = {
  /** The account that made the pass; undefined if it is gone. */
  readonly host: HolderNow | undefined
  /** Whether members may invite guests. */
  readonly isOpenToMembers: boolean
  /** The grants of the host for the lock. */
  readonly grants: readonly Grant[]
}

/** Returns what the host of a pass may open to guests; undefined if the pass has no host. */
export const hostOf = (
  { madeBy }: Pick<PassNow, 'madeBy'>,
  { host, isOpenToMembers, grants }: Inviting,
): Host | undefined => {
  if (madeBy === null) return undefined
  if (!host) return { mayInvite: false, endsAtMs: null, grants: [] }
  const isAdmin = isAtLeast(host.role, 'admin')
  return {
    mayInvite: !host.isDisabled && host.isAdmitted && (isAdmin || isOpenToMembers),
    endsAtMs: host.endsAtMs,
    grants: isAdmin ? undefined : grants.filter(({ usesMax }) => usesMax === null),
  }
}
