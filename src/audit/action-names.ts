/** Names that actions had in 0.1.0, and their current names. Stored events keep the name they were
 * written with, because triggers forbid changing them; readers show the current name. */
const FORMER_NAMES = new Map([
  ['backup.make', 'backup.create'],
  ['invitation.make', 'invitation.create'],
  ['login.wait_begin', 'login.lockout_started'],
  ['owner.claim', 'owner.setup'],
  // As the first word of a filter.
  ['wait', 'lockout'],
  ['wait.lift', 'lockout.cleared'],
])

/** The action's current name, as an SQL expression over `audit_event.action`. */
export const ACTION_SQL = `CASE action ${[...FORMER_NAMES]
  .map(([former, name]) => `WHEN '${former}' THEN '${name}'`)
  .join(' ')} ELSE action END`

/** Returns the current name of an action, given its current or former name. */
export const currentAction = (action: string): string => FORMER_NAMES.get(action) ?? action
