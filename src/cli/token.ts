import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import {
  DAYS_DEFAULT,
  DAYS_MAX,
  TokenTerms,
  ownedTokenJson,
  termsOf,
} from '../accounts/tokens/schema.ts'
import type { ListedToken } from '../accounts/tokens/store.ts'
import { HOME_SCOPES, LOCK_SCOPES } from '../domain/account.ts'
import { COMMAND_LINE } from '../domain/audit-event.ts'
import { AppError } from '../errors.ts'
import { acceptedBy } from '../http/request/accepted.ts'
import {
  type Actions,
  type Command,
  type Options,
  UsageError,
  runAction,
} from './command/command.ts'
import { commandConfig } from './command/running-service.ts'
import { listing, withTimes } from './command/table.ts'
import { withExistingData } from './command/with-app.ts'

const MAKE = {
  name: { type: 'string', value: 'NAME', required: true, summary: 'what it is for' },
  scope: {
    type: 'string',
    multiple: true,
    value: 'SCOPE',
    required: true,
    summary: `what it may do, as far as the person may: ${HOME_SCOPES.join(', ')}, ${LOCK_SCOPES.map((scope) => `${scope}:LOCK`).join(', ')}; may be given several times`,
  },
  days: {
    type: 'string',
    default: String(DAYS_DEFAULT),
    value: 'DAYS|never',
    summary: `how long it is valid, up to ${DAYS_MAX} days`,
  },
} as const satisfies Options

const make: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: MAKE,
  })
  const [username, ...more] = positionals
  if (username === undefined || more.length > 0)
    throw new UsageError('token make needs one USERNAME')
  const { name = '', scope: scopes = [], days } = values
  const expires = days === 'never' ? days : Number(days)
  const terms = { name, scopes, expires_in_days: expires }
  if (!Value.Check(TokenTerms, terms)) throw new UsageError(faultOf(terms))
  return withExistingData(commandConfig(terminal), async ({ accounts }) => {
    const account = await accounts.authentication.find(username)
    if (!account) throw new AppError('not_found', 'There is no such account; see user list')
    const { publicId } = account
    const made = await accounts.tokens.makeFor(COMMAND_LINE, publicId, termsOf(terms))
    terminal.print(made.token)
    terminal.say(withTimes(`Shown only now. Valid until ${untilWords(made.listed)}`, terminal))
  })
}

const faultOf = (terms: unknown): string => {
  const fault = Value.Errors(TokenTerms, terms).First()
  const [, field = ''] = fault?.path.split('/') ?? []
  const option = { name: '--name', scopes: '--scope', expires_in_days: '--days' }[field] ?? field
  const schema = TokenTerms.properties[field as keyof typeof TokenTerms.properties]
  return `${option} must be ${acceptedBy(field === 'scopes' ? TokenTerms.properties.scopes.items : schema)}`
}

const untilWords = ({ expiresAtMs }: ListedToken): string =>
  expiresAtMs === null ? 'it is revoked' : new Date(expiresAtMs).toISOString()

const LIST = {
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

const TOKENS_PER_PAGE = 100

const HEADINGS = ['ID', 'USERNAME', 'UNTIL', 'LAST USED', 'FROM', 'SCOPES', 'NAME']

const list: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: LIST })
  return withExistingData(commandConfig(terminal), async ({ accounts: { tokens } }) => {
    const found: ListedToken[] = []
    let cursor: string | undefined
    do {
      const { page, next } = await tokens.page(cursor, TOKENS_PER_PAGE)
      found.push(...page)
      cursor = next
    } while (cursor !== undefined)
    const lines = values.json
      ? found.map((token) => JSON.stringify(ownedTokenJson(token)))
      : listing([HEADINGS, ...found.map(row)], terminal)
    for (const line of lines) terminal.print(line)
  })
}

const row = (token: ListedToken): readonly string[] => [
  token.id,
  token.username,
  token.expiresAtMs === null ? 'never' : new Date(token.expiresAtMs).toISOString(),
  token.usedAtMs === null ? 'never' : new Date(token.usedAtMs).toISOString(),
  token.usedFrom ?? '',
  token.scopes.join(' '),
  token.name,
]

const revoke: Command['run'] = async ([id, ...more], { env, print }) => {
  if (id === undefined || more.length > 0) throw new UsageError('token revoke needs one ID')
  return withExistingData(commandConfig({ env }), async ({ accounts: { tokens } }) => {
    await tokens.revokeAnyones(COMMAND_LINE, id.toLowerCase())
    print('Revoked')
  })
}

const ACTIONS: Actions = {
  list: {
    summary: 'list the access tokens: owner, expiry, and when and from where each was last used',
    options: LIST,
    run: list,
  },
  make: {
    summary: 'make an access token for a person; prints it once',
    options: MAKE,
    operands: ['USERNAME'],
    run: make,
  },
  revoke: { summary: 'revoke an access token', operands: ['ID'], run: revoke },
}

/** Makes, lists and revokes access tokens, also while the service runs. */
export const token: Command = {
  summary: 'make, list and revoke access tokens for scripts and devices',
  actions: ACTIONS,
  examples: {
    'for a script that reads the log':
      'secure-lock-server token make ada --name Backup --scope unlocks:read',
    'for Home Assistant':
      'secure-lock-server token make ada --name "Home Assistant" --scope locks:operate:front-door',
  },
  run: runAction('token', ACTIONS),
}
