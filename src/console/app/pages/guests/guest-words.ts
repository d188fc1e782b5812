import type { Guest } from '../../api/guests.ts'

/** The states of a pass, as a mark. */
export const GUEST_STATES: Readonly<Record<Guest['state'], string>> = {
  now: 'may open',
  later: 'starts later',
  ended: 'ended',
  revoked: 'revoked',
  suspended: 'switched off',
}

/** What the gateway calls a device whose browser does not say what it is. */
const UNKNOWN = 'Unknown device'

/** `an iPhone`, `a phone`. */
export const aPhone = (name: string | null): string => {
  const noun = name === null || name === UNKNOWN ? 'phone' : name
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`
}
