import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import {
  HOURS_DEFAULT,
  HOURS_MAX,
  InvitationBody,
  USES_MAX,
} from '../accounts/invitations/schema.ts'
import { invitationJson } from '../accounts/invitations/routes.ts'
import type { ListedInvitation } from '../accounts/invitations/store.ts'
import { ROLES } from '../domain/account.ts'
import { COMMAND_LINE } from '../domain/audit-event.ts'
import { qrTerminal } from '../http/page/qr.ts'
import { type Actions, type Command, type Options, UsageError } from './command/command.ts'
import { commandConfig } from './command/running-service.ts'
import { listing, withTimes } from './command/table.ts'
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

const create: Command['run'] = async (args, terminal) => {
  const { print, sayStyled, isShown } = terminal
  const { values } = parseArgs({ args: [...args], options: CREATE })
  const { role, label, unit } = values
  const hours = Number(values.hours)
  const usesMax = Number(values.uses)
  const terms = { role, label, unit: unit || null, expires_in_hours: hours, uses: usesMax }
  if (!Value.Check(InvitationBody, terms)) throw new UsageError(faultOf(terms))
  return withExistingData(commandConfig(terminal), async ({ accounts: { invitations } }) => {
    const made = await invitations.createOne(COMMAND_LINE, {
      role: terms.role,
      label,
      unit: unit || null,
      hours,
      usesMax,
    })
    print(`Code   ${made.code}`)
    print(`Link   ${made.link}`)
    const often = usesMax === 1 ? 'once' : `${usesMax} times`
    print(withTimes(`Valid  ${often}, as ${role}, until ${time(made)}`, terminal))
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

const HEADINGS = ['ID', 'STATE', 'ROLE', 'USES', 'UNTIL', 'UNIT', 'LABEL', 'ACCOUNTS']

const LIST = {
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

const list: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: LIST })
  return withExistingData(commandConfig(terminal), async ({ accounts: { invitations } }) => {
    const found: ListedInvitation[] = []
    let cursor: string | undefined
    do {
      const { page, next } = await invitations.page(cursor, ROWS_PER_PAGE)
      found.push(...page)
      cursor = next
    } while (cursor !== undefined)
    const lines = values.json
      ? found.map((invitation) => JSON.stringify(invitationJson(invitation)))
      : listing([HEADINGS, ...found.map(row)], terminal)
    for (const line of lines) terminal.print(line)
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
  return withExistingData(commandConfig({ env }), async ({ accounts: { invitations } }) => {
    await invitations.revoke(COMMAND_LINE, id)
    print('Revoked')
  })
}

const ACTIONS: Actions = {
  list: { summary: 'list the invitations', options: LIST, run: list },
  revoke: {
    summary: 'revoke an invitation; accounts registered with it stay',
    operands: ['ID'],
    run: revoke,
  },
}

/** Creates, lists and revokes invitations, also while the service runs. */
export const invite: Command = {
  summary: 'invite people to register, or list and revoke invitations',
  details:
    'Without list or revoke, it creates an invitation. The code, the link and its QR code are ' +
    'shown once. The link leads to the service that runs on the same data folder.',
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
