import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allCommands } from '../../src/cli/commands.ts'
import { isOwnSetting } from '../../src/cli/serve/same-settings.ts'
import { PROGRAM, commandPage } from '../../src/cli/help/help.ts'
import { SETTINGS, SETTING_GROUPS } from '../../src/config/settings.ts'
import { AUDIT_ACTIONS } from '../../src/domain/audit-actions.ts'
import { serviceGauges } from '../../src/ops/metrics/gauges.ts'
import { controllerMetrics, counts } from '../../src/controllers/metrics.ts'
import { serviceMetrics } from '../../src/ops/metrics/metrics.ts'
import { startApp } from './app.ts'
import { ROOT } from './manual.ts'

// The tables of the manual that are generated from the tables of the code. `bun run manual:tables` writes
// them, and test/manual/tables.test.ts compares them.

type Generated = {
  /** The page it is in, and the name between its markers. */
  readonly page: string
  readonly name: string
  readonly markdown: () => Promise<string>
}

type Row = readonly string[]

/** A table whose columns are aligned as the formatter does. */
const table = (head: Row, rows: readonly Row[]): string => {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => cell.replaceAll('|', String.raw`\|`)),
  )
  const widths = head.map((_, column) =>
    Math.max(3, ...cells.map((row) => Bun.stringWidth(row[column] ?? ''))),
  )
  const padded = (cell: string, column: number) =>
    cell + ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell))
  const lines = cells.map((row) => `| ${row.map(padded).join(' | ')} |`)
  return lines.toSpliced(1, 0, `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`).join('\n')
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

const settings = async (): Promise<string> =>
  SETTING_GROUPS.map(([title, group]) => {
    const rows = Object.values(group).map(({ env, doc, defaultText }) => [
      code(env),
      code(defaultText ?? '') || 'none',
      doc,
    ])
    return `## ${title}\n\n${table(['setting', 'default', 'meaning'], rows)}`
  }).join('\n\n')

const sharedSettings = async (): Promise<string> => {
  const rows = SETTING_GROUPS.map(([title, group]) => {
    const { own = [], shared = [] } = Object.groupBy(
      Object.values(group).map(({ env }) => env),
      // JWT_SECRET_KEY is compared along with the keys.
      (name) => (isOwnSetting(name) && name !== SETTINGS.jwtSecretKey.env ? 'own' : 'shared'),
    )
    return [title, shared.map(code).join(', '), own.map(code).join(', ')]
  })
  return table(['settings', 'the same on all replicas', 'may differ'], rows)
}

/** Settings and options in the descriptions of commands. */
const WORDS = /\b[A-Z]+(?:_[A-Z]+)+\b|--[a-z-]+/g

const commands = async (): Promise<string> => {
  const rows = Object.entries(await allCommands()).flatMap(([name, command]) => {
    const usage = commandPage(name, command).find(({ title }) => title === 'Usage')
    return (usage?.entries ?? []).map(({ term, text }) => [
      code(term.replace(`${PROGRAM} `, '').replaceAll('\u00a0', ' ')),
      (text || command.summary).replaceAll(WORDS, code),
    ])
  })
  return table(['command', 'what it does'], rows)
}

const metrics = async (): Promise<string> => {
  const all = serviceMetrics()
  const unread = () => undefined
  all.add(
    serviceGauges({
      version: '',
      dataDir: '',
      databaseBytes: () => 0,
      walBytes: unread,
      diskState: () => 'ok',
      hashing: () => ({ running: 0, waiting: 0, refused: 0 }),
      areLimitsShared: unread,
      logSize: async () => 0,
      lastVerification: unread,
      liveStreams: () => 0,
      certificateEndMs: unread,
      newestBackupMs: async () => undefined,
    }),
  )
  all.add(controllerMetrics({ states: async () => [], commands: counts(), reports: counts() }))
  const rows = all
    .descriptions()
    .map(({ name, type, labelNames, help }) => [
      code(name),
      type,
      labelNames.map(code).join(', '),
      help,
    ])
  return table(['metric', 'type', 'labels', 'meaning'], rows)
}

type Operation = { readonly 'x-access': string; readonly summary: string }

const endpoints = async (): Promise<string> => {
  await using app = await startApp()
  const { paths } = (await (await app.get('/swagger/json')).json()) as {
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { 'x-access': access, summary }]) => [
      code(`${method.toUpperCase()} ${path}`),
      access,
      summary,
    ]),
  )
  return table(['request', 'access', 'what it does'], rows)
}

const actions = async (): Promise<string> =>
  table(
    ['action', 'what happened'],
    Object.entries(AUDIT_ACTIONS).map(([action, doc]) => [code(action), doc]),
  )

export const GENERATED: readonly Generated[] = [
  { page: 'settings', name: 'settings', markdown: settings },
  { page: 'postgresql', name: 'shared settings', markdown: sharedSettings },
  { page: 'commands', name: 'commands', markdown: commands },
  { page: 'metrics', name: 'metrics', markdown: metrics },
  { page: 'api', name: 'endpoints', markdown: endpoints },
  { page: 'audit-events', name: 'actions', markdown: actions },
]

/** Returns a page of the manual as it is, and with its table regenerated. */
export const pageWith = async ({ page, name, markdown }: Generated) => {
  const path = join(ROOT, `src/manual/${page}.md`)
  const [begin, end] = [`<!-- begin generated: ${name} -->`, `<!-- end generated: ${name} -->`]
  const before = readFileSync(path, 'utf8')
  const [start, stop] = [before.indexOf(begin), before.indexOf(end)]
  if (start === -1 || stop < start) throw new Error(`${page}.md has no markers for ${name}`)
  const after = `${before.slice(0, start)}${begin}\n\n${await markdown()}\n\n${before.slice(stop)}`
  return { path, before, after }
}

if (import.meta.main)
  for (const generated of GENERATED) {
    const { path, after } = await pageWith(generated)
    writeFileSync(path, after)
  }
