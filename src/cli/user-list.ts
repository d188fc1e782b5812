import { parseArgs } from 'node:util'
import { personJson } from '../accounts/people/schema.ts'
import type { AccountDetails } from '../accounts/people/store.ts'
import type { Action, Options } from './command/command.ts'
import { commandConfig } from './command/running-service.ts'
import { listing } from './command/table.ts'
import { withExistingData } from './command/with-app.ts'

const ROWS_PER_PAGE = 500

const LIST = {
  json: {
    type: 'boolean',
    default: false,
    summary: 'one JSON object per line, as in the API, with last_seen_at',
  },
} as const satisfies Options

const list: Action['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: LIST })
  return withExistingData(commandConfig(terminal), async ({ accounts: { directory } }) => {
    const found: AccountDetails[] = []
    let after: number | undefined
    do {
      const request = { filter: {}, order: 'oldest', after, limit: ROWS_PER_PAGE } as const
      const { accounts, next } = await directory.page(request)
      found.push(...accounts)
      after = next
    } while (after !== undefined)
    const lines = values.json
      ? found.map((account) =>
          JSON.stringify({ ...personJson(account), last_seen_at: seen(account) }),
        )
      : listing([HEADINGS, ...found.map(cells)], terminal)
    for (const line of lines) terminal.print(line)
  })
}

const HEADINGS = ['ID', 'ROLE', 'STATE', 'LAST SEEN', 'UNIT', 'USERNAME']

const cells = (account: AccountDetails): readonly string[] => [
  String(account.id),
  account.role,
  stateOf(account),
  seen(account) ?? 'never',
  account.unit ?? '',
  account.username,
]

const stateOf = ({ isDisabled, hasEnded, endsAtMs, admitted }: AccountDetails): string => {
  if (isDisabled) return 'disabled'
  if (hasEnded) return 'ended'
  if (!admitted) return 'waiting'
  return endsAtMs === null ? 'active' : `active until ${new Date(endsAtMs).toISOString()}`
}

const seen = ({ lastSeenMs }: AccountDetails): string | null =>
  lastSeenMs === null ? null : new Date(lastSeenMs).toISOString()

/** Lists the accounts, in the order of registration. */
export const userList: Action = {
  summary:
    'list the accounts: role, state with end date, unit, and when each last logged in or refreshed a session',
  options: LIST,
  run: list,
}
