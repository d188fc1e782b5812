import type { PassGrant } from './access.ts'

/** The state of a pass: that of its grant, and `suspended` while its host could not open these doors either, or until
 * an owner confirms it. */
export const PASS_STATES = ['now', 'later', 'ended', 'revoked', 'suspended'] as const
export type PassState = (typeof PASS_STATES)[number]

export const passStateOf = (
  { state }: Pick<PassGrant, 'state'>,
  isSuspended: boolean,
): PassState => {
  const known = PASS_STATES.find((one) => one === state) ?? 'suspended'
  return isSuspended && (known === 'now' || known === 'later') ? 'suspended' : known
}
