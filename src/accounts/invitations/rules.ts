import type { Role } from '../../domain/account.ts'

export const INVITATION_STATES = ['open', 'used_up', 'expired', 'revoked', 'suspended'] as const
export type InvitationState = (typeof INVITATION_STATES)[number]

/** What decides whether an invitation is good. */
type Terms = {
  readonly role: Role
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly uses: number
  readonly usesMax: number
  readonly isRevoked: boolean
  /** Who made it, as they are now; nobody for the gateway's command line, which may do anything. */
  readonly maker: { readonly role: Role | undefined } | undefined
}

/** Owners invite anybody, admins members: nobody hands on more than they could give otherwise. */
export const mayInvite = (inviter: Role | undefined, invited: Role): boolean =>
  inviter === 'owner' || (inviter === 'admin' && invited === 'member')

/** What an invitation is now. It is `suspended` while its maker might not make it again, so that
 * somebody who was disabled, deleted or given a lower role left no way back in. A clock that is behind
 * its making is wrong, and revives nothing. */
export const invitationState = (terms: Terms, nowMs: number): InvitationState => {
  if (terms.isRevoked) return 'revoked'
  if (terms.uses >= terms.usesMax) return 'used_up'
  if (nowMs < terms.createdAtMs || nowMs >= terms.expiresAtMs) return 'expired'
  if (terms.maker && !mayInvite(terms.maker.role, terms.role)) return 'suspended'
  return 'open'
}
