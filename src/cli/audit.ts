import { parseArgs } from 'node:util'
import { openApp } from '../app.ts'
import { auditEventJson } from '../audit/event-json.ts'
import type { StoredAuditEvent } from '../audit/store.ts'
import { parseConfig } from '../config/config.ts'
import { processLogger } from '../http/log/logger.ts'
import { type Command, type Options, UsageError } from './command/command.ts'

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
  run: async (args, { env, print }) => {
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    const limit = Number(values.limit)
    if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
      throw new UsageError(`--limit must be a whole number from 1 to ${LIMIT_MAX}`)
    const app = await openApp(parseConfig(env), {
      logger: processLogger({ level: 'fatal', format: 'text' }),
    })
    try {
      const { events } = await app.audit.store.page({ filter: {}, order: 'newest', limit })
      const oldestFirst = events.toReversed()
      if (values.json) for (const event of oldestFirst) print(JSON.stringify(auditEventJson(event)))
      else for (const line of table([HEADINGS, ...oldestFirst.map(cells)])) print(line)
      return 0
    } finally {
      await app[Symbol.asyncDispose]()
    }
  },
}

const HEADINGS = ['TIME (UTC)', 'ACTION', 'RESULT', 'WHO', 'WHOM', 'FROM', 'DETAIL']

const cells = ({ atMs, action, result, actor, subject, address, detail }: StoredAuditEvent) => [
  new Date(atMs).toISOString().slice(0, 19).replace('T', ' '),
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

/** Pads each column to its widest cell, except the last. */
const table = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? ''))),
  )
  const padded = (cell: string, column: number) =>
    cell + ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell))
  return rows.map((row) => row.map(padded).join('  ').trimEnd())
}
