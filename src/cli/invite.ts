import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import {
  HOURS_DEFAULT,
  HOURS_MAX,
  InvitationBody,
  USES_MAX,
} from '../accounts/invitation-schema.ts'
import type { ListedInvitation } from '../accounts/invitation-store.ts'
import { parseConfig } from '../config.ts'
import { COMMAND_LINE, ROLES } from '../http/access.ts'
import { qrTerminal } from '../http/qr.ts'
import { type Command, type Terminal, UsageError } from './command.ts'
import { withExistingData } from './with-app.ts'

/** Makes, lists and revokes invitations, also while the service runs. */
export const invite: Command = {
  usage:
    'invite [--role member|admin|owner] [--label L] [--hours H] [--uses N] | invite list | invite revoke ID',
  summary: 'let people register, or list and revoke what lets them',
  details:
    `The code, the link and its QR code are shown once. They are good for ${HOURS_DEFAULT} hours (up to ${HOURS_MAX}) and\n` +
    `one account (up to ${USES_MAX}). Give it the settings of the service, for the link's sake.`,
  run: async (args, terminal) => {
    const [action, ...more] = args
    switch (action) {
      case 'list':
        if (more.length > 0) throw new UsageError('invite list takes no more words')
        return list(terminal)
      case 'revoke':
        return revoke(more, terminal)
      case undefined:
      default:
        return make([...args], terminal)
    }
  },
}

const make = (args: string[], { env, print, say, isShown }: Terminal): Promise<number> => {
  const { values } = parseArgs({
    args,
    options: {
      role: { type: 'string', default: 'member' },
      label: { type: 'string', default: '' },
      hours: { type: 'string', default: String(HOURS_DEFAULT) },
      uses: { type: 'string', default: '1' },
    },
  })
  const { role, label } = values
  const hours = Number(values.hours)
  const usesMax = Number(values.uses)
  const wish = { role, label, expires_in_hours: hours, uses: usesMax }
  if (!Value.Check(InvitationBody, wish)) throw new UsageError(faultOf(wish))
  return withExistingData(parseConfig(env), async ({ invitations }) => {
    const made = await invitations.make(COMMAND_LINE, {
      role: wish.role,
      label,
      hours,
      usesMax,
    })
    print(`Code   ${made.code}`)
    print(`Link   ${made.link}`)
    print(`Good   ${usesMax === 1 ? 'once' : `${usesMax} times`}, as ${role}, until ${time(made)}`)
    if (isShown) say(qrTerminal(made.link))
  })
}

const faultOf = (wish: unknown): string => {
  const name = Value.Errors(InvitationBody, wish).First()?.path.slice(1)
  switch (name) {
    case 'role':
      return `--role must be ${ROLES.join(' or ')}`
    case 'expires_in_hours':
      return `--hours must be a whole number from 1 to ${HOURS_MAX}`
    case 'uses':
      return `--uses must be a whole number from 1 to ${USES_MAX}`
    case undefined:
    default:
      return '--label is too long, or holds control characters'
  }
}

const time = ({ expiresAtMs }: { readonly expiresAtMs: number }): string =>
  new Date(expiresAtMs).toISOString()

const ROWS_PER_PAGE = 100

const list = ({ env, print }: Terminal): Promise<number> =>
  withExistingData(parseConfig(env), async ({ invitations }) => {
    print(['ID', 'STATE', 'ROLE', 'USES', 'UNTIL', 'LABEL', 'ACCOUNTS'].join('\t'))
    let cursor: string | undefined
    do {
      const { page, next } = await invitations.page(cursor, ROWS_PER_PAGE)
      for (const one of page) print(row(one))
      cursor = next
    } while (cursor !== undefined)
  })

const row = (one: ListedInvitation): string =>
  [
    one.id,
    one.state,
    one.role,
    `${one.uses}/${one.usesMax}`,
    time(one),
    one.label,
    one.accounts.map(({ username }) => username).join(', '),
  ].join('\t')

const revoke = ([id, ...more]: readonly string[], { env, print }: Terminal): Promise<number> => {
  if (id === undefined || more.length > 0) throw new UsageError('invite revoke needs one ID')
  return withExistingData(parseConfig(env), async ({ invitations }) => {
    await invitations.revoke(COMMAND_LINE, id)
    print('Revoked')
  })
}
