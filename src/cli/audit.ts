import { parseArgs } from 'node:util'
import { auditEventJson } from '../audit/event-json.ts'
import type { StoredAuditEvent } from '../audit/store.ts'
import { type Command, type Options, UsageError } from './command/command.ts'
import { commandConfig } from './command/running-service.ts'
import { listing, table } from './command/table.ts'
import { withExistingData } from './command/with-app.ts'

const LIMIT_DEFAULT = 50
const LIMIT_MAX = 10_000

const OPTIONS = {
  limit: {
    type: 'string',
    default: String(LIMIT_DEFAULT),
    value: 'COUNT',
    summary: `how many, up to ${LIMIT_MAX}`,
  },
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

/** Shows the latest audit events, also while the service runs. */
export const audit: Command = {
  summary: 'show the latest audit events, newest last',
  options: OPTIONS,
  run: async (args, terminal) => {
    const { print, isOutputShown } = terminal
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    const limit = Number(values.limit)
    if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
      throw new UsageError(`--limit must be a whole number from 1 to ${LIMIT_MAX}`)
    return withExistingData(commandConfig(terminal), async (app) => {
      const { events } = await app.audit.store.page({ filter: {}, order: 'newest', limit })
      const oldestFirst = events.toReversed()
      if (values.json) for (const event of oldestFirst) print(JSON.stringify(auditEventJson(event)))
      else if (isOutputShown)
        for (const line of listing(
          [['TIME', ...HEADINGS], ...oldestFirst.map(atTerminal)],
          terminal,
        ))
          print(line)
      else
        for (const line of table([['TIME (UTC)', ...HEADINGS], ...oldestFirst.map(inUtc)]))
          print(line)
    })
  },
}

const HEADINGS = ['ACTION', 'RESULT', 'WHO', 'WHOM', 'FROM', 'DETAIL']

const timeOf = ({ atMs }: StoredAuditEvent): string => new Date(atMs).toISOString()

const atTerminal = (event: StoredAuditEvent) => [timeOf(event), ...cells(event)]

const inUtc = (event: StoredAuditEvent) => [
  timeOf(event).slice(0, 19).replace('T', ' '),
  ...cells(event),
]

const cells = ({ action, result, actor, subject, address, detail }: StoredAuditEvent) => [
  action,
  result,
  nameOf(actor),
  nameOf(subject),
  address ?? '-',
  Object.entries(detail)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' '),
]

const nameOf = (party: StoredAuditEvent['actor']): string => party?.name ?? party?.id ?? '-'
