import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import {
  HOURS_DEFAULT,
  HOURS_MAX,
  InvitationBody,
  USES_MAX,
} from '../accounts/invitations/schema.ts'
import type { ListedInvitation } from '../accounts/invitations/store.ts'
import { parseConfig } from '../config/config.ts'
import { ROLES } from '../domain/account.ts'
import { COMMAND_LINE } from '../domain/audit-event.ts'
import { qrTerminal } from '../http/page/qr.ts'
import { type Actions, type Command, type Options, UsageError } from './command/command.ts'
import { listing } from './command/table.ts'
import { withExistingData } from './command/with-app.ts'

const CREATE = {
  role: {
    type: 'string',
    default: 'member',
    value: ROLES.join('|'),
    summary: 'what the accounts may do',
  },
  label: { type: 'string', default: '', value: 'LABEL', summary: 'a note for yourself' },
  unit: {
    type: 'string',
    default: '',
    value: 'UNIT',
    summary: 'the flat, room or house of the accounts',
  },
  hours: {
    type: 'string',
    default: String(HOURS_DEFAULT),
    value: 'HOURS',
    summary: `how long it is valid, up to ${HOURS_MAX}`,
  },
  uses: {
    type: 'string',
    default: '1',
    value: 'COUNT',
    summary: `how many accounts may register with it, up to ${USES_MAX}`,
  },
} as const satisfies Options

const create: Command['run'] = async (args, { env, print, sayStyled, isShown }) => {
  const { values } = parseArgs({ args: [...args], options: CREATE })
  const { role, label, unit } = values
  const hours = Number(values.hours)
  const usesMax = Number(values.uses)
  const terms = { role, label, unit: unit || null, expires_in_hours: hours, uses: usesMax }
  if (!Value.Check(InvitationBody, terms)) throw new UsageError(faultOf(terms))
  return withExistingData(parseConfig(env), async ({ accounts: { invitations } }) => {
    const made = await invitations.createOne(COMMAND_LINE, {
      role: terms.role,
      label,
      unit: unit || null,
      hours,
      usesMax,
    })
    print(`Code   ${made.code}`)
    print(`Link   ${made.link}`)
    print(`Valid  ${usesMax === 1 ? 'once' : `${usesMax} times`}, as ${role}, until ${time(made)}`)
    if (isShown) sayStyled(qrTerminal(made.link))
  })
}

const faultOf = (terms: unknown): string => {
  const name = Value.Errors(InvitationBody, terms).First()?.path.slice(1)
  switch (name) {
    case 'role':
      return `--role must be ${ROLES.join(' or ')}`
    case 'expires_in_hours':
      return `--hours must be a whole number from 1 to ${HOURS_MAX}`
    case 'uses':
      return `--uses must be a whole number from 1 to ${USES_MAX}`
    case 'unit':
      return '--unit is too long, or contains control characters'
    case undefined:
    default:
      return '--label is too long, or contains control characters'
  }
}

const time = ({ expiresAtMs }: { readonly expiresAtMs: number }): string =>
  new Date(expiresAtMs).toISOString()

const ROWS_PER_PAGE = 100

const list: Command['run'] = async (args, terminal) => {
  if (args.length > 0) throw new UsageError('invite list takes no arguments')
  return withExistingData(parseConfig(terminal.env), async ({ accounts: { invitations } }) => {
    const rows = [['ID', 'STATE', 'ROLE', 'USES', 'UNTIL', 'UNIT', 'LABEL', 'ACCOUNTS']]
    let cursor: string | undefined
    do {
      const { page, next } = await invitations.page(cursor, ROWS_PER_PAGE)
      rows.push(...page.map(row))
      cursor = next
    } while (cursor !== undefined)
    for (const line of listing(rows, terminal)) terminal.print(line)
  })
}

const row = (invitation: ListedInvitation): string[] => [
  invitation.id,
  invitation.state,
  invitation.role,
  `${invitation.uses}/${invitation.usesMax}`,
  time(invitation),
  invitation.unit ?? '',
  invitation.label,
  invitation.accounts.map(({ username }) => username).join(', '),
]

const revoke: Command['run'] = async ([id, ...more], { env, print }) => {
  if (id === undefined || more.length > 0) throw new UsageError('invite revoke needs one ID')
  return withExistingData(parseConfig(env), async ({ accounts: { invitations } }) => {
    await invitations.revoke(COMMAND_LINE, id)
    print('Revoked')
  })
}

const ACTIONS: Actions = {
  list: { summary: 'list the invitations', run: list },
  revoke: {
    summary: 'revoke an invitation; accounts registered with it stay',
    operands: ['ID'],
    run: revoke,
  },
}

/** Creates, lists and revokes invitations, also while the service runs. */
export const invite: Command = {
  summary: 'create an invitation to register, or list and revoke invitations',
  details:
    'Without list or revoke, it creates an invitation. The code, the link and its QR code are ' +
    'shown once. Give it the settings of the service, so that the link is correct.',
  options: CREATE,
  actions: ACTIONS,
  examples: {
    'for the weekend': 'secure-lock-server invite --label "Grace’s phone" --hours 48',
  },
  run: async (args, terminal) => {
    const [word = '', ...more] = args
    const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined
    return action ? action.run(more, terminal) : create(args, terminal)
  },
}
