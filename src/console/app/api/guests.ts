import type { Static } from '@sinclair/typebox'
import type { NewGrantAnswer } from '../../../locks/grants/schema.ts'
import { api } from './client.ts'
import type { Grant } from './doors.ts'
import { gateway, role } from './session.ts'
import { isAtLeast } from '../routing/sections.ts'

/** A phone on which a pass is used. */
export type GuestPhone = {
  readonly id: string
  /** Such as `iPhone`; null if unknown or erased. */
  readonly name: string | null
  readonly bound_at: string
  readonly seen_at: string
  readonly removed_at: string | null
}

/** A pass: it lets a guest without an account use one grant. The console calls it a guest. */
export type Guest = {
  readonly id: string
  /** The name that the host gave the guest; null once erased. */
  readonly label: string | null
  /** Null for the command line. */
  readonly host: { readonly id: string; readonly name: string | null } | null
  readonly grant: Grant
  readonly state: 'now' | 'later' | 'ended' | 'revoked' | 'suspended'
  readonly devices: readonly GuestPhone[]
  readonly devices_max: number
  readonly looked_at: string | null
  readonly asked_at: string | null
  readonly refused_at: string | null
  readonly created_at: string
}

/** A link that is shown once. */
export type PassLink = { readonly link: string }

/** The answer to a grant; a new pass has a link. */
export type NewGrant = Static<typeof NewGrantAnswer>

/** As many phones as a pass may be used on. */
export const PHONES_MAX = 5

export const PASSES = '/v1/passes'

export const passPath = (id: string): string => `${PASSES}/${encodeURIComponent(id)}`

/** Changes a pass. `handled` ends its notices to the host. */
export const changePass = (
  { id }: Pick<Guest, 'id'>,
  change: { readonly label?: string; readonly devices_max?: number; readonly handled?: true },
): Promise<Guest> => api.patch(passPath(id), change)

/** Whether whoever is logged in may give guests a pass. */
export const mayHaveGuests = (): boolean =>
  isAtLeast(role.value, 'admin') || gateway.value?.guest_passes === 'members'

/** What to call a guest. */
export const guestName = ({ label }: Pick<Guest, 'label'>): string => label ?? 'Erased guest'

/** The phones that may use it now. */
export const phonesInUse = ({ devices }: Pick<Guest, 'devices'>): readonly GuestPhone[] =>
  devices.filter(({ removed_at: removedAt }) => removedAt === null)
