import type { Static } from '@sinclair/typebox'
import type { passAnswer } from '../../../guests/host/schema.ts'
import type { GrantAnswer, NewGrantAnswer } from '../../../locks/grants/schema.ts'
import { api } from './client.ts'
import { gateway, role } from './session.ts'
import { isAtLeast } from '../routing/sections.ts'

/** A pass: it lets a guest without an account use one grant. The console calls it a guest. */
export type Guest = Static<ReturnType<typeof passAnswer<typeof GrantAnswer>>>

/** A phone on which a pass is used. */
export type GuestPhone = Guest['devices'][number]

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

/** Whether the person who is logged in may invite guests. */
export const mayHaveGuests = (): boolean =>
  isAtLeast(role.value, 'admin') || gateway.value?.guest_passes === 'members'

/** The phones that may use it now. */
export const phonesInUse = ({ devices }: Pick<Guest, 'devices'>): readonly GuestPhone[] =>
  devices.filter(({ removed_at: removedAt }) => removedAt === null)
