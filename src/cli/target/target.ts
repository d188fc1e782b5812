import { type Actions, type Command, runAction } from '../command/command.ts'
import { add, change } from './edit.ts'
import { deliveries, list } from './list.ts'
import { remove, replay, secret, test, turn } from './operate.ts'

const ACTIONS: Actions = {
  list,
  add,
  change,
  test,
  on: turn('enabled', 'switch a target on'),
  off: turn('disabled', 'switch a target off'),
  remove,
  deliveries,
  replay,
  secret,
}

/** Adds, lists, changes and tests targets, also while the service runs. */
export const target: Command = {
  summary: 'notify phones, mailboxes and programs of unlocks and refusals',
  details:
    'A target is named by its name or its id. Secrets are asked for, or read from standard input, one a line. ' +
    'E-mail needs SMTP_URL or SMTP_URL_FILE, set as for the service.',
  actions: ACTIONS,
  examples: {
    'a program of yours':
      'secure-lock-server target add webhook Node-RED --set url=http://node-red.home:1880/unlocks',
    'a phone, at night only':
      'secure-lock-server target add ntfy Phones --set url=https://ntfy.sh --set topic=our-door-8xk2 --when unlocked,hours=22:00-06:00 --when denied',
  },
  run: runAction('target', ACTIONS),
}
