/** What some actions were called in 0.1.0. Stored events keep the name they were written
 * with, because triggers forbid changing them; everything that reads shows the name of today. */
const FORMER_NAMES: Readonly<Record<string, string>> = {
  'backup.make': 'backup.create',
  'invitation.make': 'invitation.create',
  'login.wait_begin': 'login.lockout_started',
  'owner.claim': 'owner.setup',
  'wait.lift': 'lockout.cleared',
}

/** The action's name of today, as an SQL expression over `audit_event.action`. */
export const ACTION_SQL = `CASE action ${Object.entries(FORMER_NAMES)
  .map(([former, name]) => `WHEN '${former}' THEN '${name}'`)
  .join(' ')} ELSE action END`

/** Returns the name of today for an action, given by that or by its former name. */
export const currentAction = (action: string): string => FORMER_NAMES[action] ?? action
