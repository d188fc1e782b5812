import { type Role, mayManage } from '../../domain/account.ts'

export const INVITATION_STATES = ['open', 'used_up', 'expired', 'revoked', 'suspended'] as const
export type InvitationState = (typeof INVITATION_STATES)[number]

/** What decides whether an invitation can be used. */
type Terms = {
  readonly role: Role
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly uses: number
  readonly usesMax: number
  readonly isRevoked: boolean
  /** The account that created it, as it is now: without a role if it is disabled or erased, or
   * has ended.
   * Undefined for the command line, which may do anything. */
  readonly maker: { readonly role: Role | undefined } | undefined
}

/** Returns the state of an invitation. It is `suspended` while its creator may not manage accounts
 * of its role: anyone who is disabled, erased or demoted, or has
 * ended, leaves no way back in. A clock that is
 * before the creation is wrong, and revives nothing. */
export const invitationState = (terms: Terms, nowMs: number): InvitationState => {
  const { role, maker } = terms
  if (terms.isRevoked) return 'revoked'
  if (terms.uses >= terms.usesMax) return 'used_up'
  if (nowMs < terms.createdAtMs || nowMs >= terms.expiresAtMs) return 'expired'
  if (maker && !(maker.role && mayManage(maker.role, role))) return 'suspended'
  return 'open'
}
