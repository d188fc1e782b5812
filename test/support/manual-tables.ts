import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allCommands } from '../../src/cli/commands.ts'
import { PROGRAM, commandPage } from '../../src/cli/help/help.ts'
import { SETTINGS, type Setting } from '../../src/config/settings.ts'
import { AUDIT_ACTIONS } from '../../src/domain/audit-actions.ts'
import { serviceGauges } from '../../src/ops/gauges.ts'
import { serviceMetrics } from '../../src/ops/metrics.ts'
import { startApp } from './app.ts'
import { ROOT } from './manual.ts'

/** The tables of the manual that are made from the tables of the code: `bun run manual:tables` writes
 * them, and a test compares them. */

type Row = readonly string[]

type Table = {
  /** The page it is in, and the name between its markers. */
  readonly page: string
  readonly name: string
  readonly head: Row
  readonly rows: () => Promise<readonly Row[]>
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

/** Marks as code what a reader would type: settings, addresses, paths, options. */
const marked = (text: string): string =>
  text.includes('`')
    ? text
    : text.replaceAll(
        /\b[A-Z]{2,}(?:_[A-Z]+)+\b|\b\w+:\/\/[^\s,;)]+|(?<=^|[ (])\/[a-zA-Z][\w/]*|\bX-[A-Z][A-Za-z-]+|\b[\w-]+\.(?:db|pem)\b|\b\d+(?:\.\d+){3}\b|--[a-z-]+/g,
        (word) => `\`${word}\``,
      )

const settingRows = async (): Promise<readonly Row[]> =>
  Object.values(SETTINGS).map(({ env, doc, fallback }) => [
    code(env),
    code(fallback) || 'none',
    marked(doc),
  ])

const commandRows = async (): Promise<readonly Row[]> =>
  Object.entries(await allCommands()).flatMap(([name, command]) => {
    const usage = commandPage(name, command).find(({ title }) => title === 'Usage')
    return (usage?.entries ?? []).map(({ term, text }) => [
      code(term.replace(`${PROGRAM} `, '').replaceAll('\u00a0', ' ')),
      marked(text || command.summary),
    ])
  })

const metricRows = async (): Promise<readonly Row[]> => {
  const metrics = serviceMetrics()
  const unread = () => undefined
  metrics.add(
    serviceGauges({
      version: '',
      dataDir: '',
      databasePath: '',
      hashing: () => ({ running: 0, waiting: 0, refused: 0 }),
      logSize: async () => 0,
      lastVerification: unread,
      liveStreams: () => 0,
      certificateEndMs: unread,
      newestBackupMs: async () => undefined,
    }),
  )
  return metrics
    .descriptions()
    .map(({ name, type, labelNames, help }) => [
      code(name),
      type,
      labelNames.map(code).join(', '),
      help,
    ])
}

type Operation = { readonly 'x-access': string; readonly summary: string }

const endpointRows = async (): Promise<readonly Row[]> => {
  await using app = await startApp()
  const { paths } = (await (await app.get('/swagger/json')).json()) as {
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { 'x-access': access, summary }]) => [
      code(`${method.toUpperCase()} ${path}`),
      access,
      summary,
    ]),
  )
}

const auditRows = async (): Promise<readonly Row[]> =>
  Object.entries(AUDIT_ACTIONS).map(([action, doc]) => [code(action), doc])

export const TABLES: readonly Table[] = [
  {
    page: 'settings',
    name: 'settings',
    head: ['setting', 'default', 'meaning'],
    rows: settingRows,
  },
  { page: 'commands', name: 'commands', head: ['command', 'what it does'], rows: commandRows },
  {
    page: 'metrics',
    name: 'metrics',
    head: ['metric', 'type', 'labels', 'meaning'],
    rows: metricRows,
  },
  {
    page: 'api',
    name: 'endpoints',
    head: ['request', 'access', 'what it does'],
    rows: endpointRows,
  },
  { page: 'audit-events', name: 'actions', head: ['action', 'what happened'], rows: auditRows },
]

/** Returns a page of the manual, with its table as the code has it now. */
export const pageWithTable = async ({ page, name, head, rows }: Table) => {
  const path = join(ROOT, `src/manual/${page}.md`)
  const [begin, end] = [`<!-- begin generated: ${name} -->`, `<!-- end generated: ${name} -->`]
  const before = readFileSync(path, 'utf8')
  const [start, stop] = [before.indexOf(begin), before.indexOf(end)]
  if (start === -1 || stop < start) throw new Error(`${page}.md has no markers for ${name}`)
  const table = markdownTable([head, ...(await rows())])
  const after = `${before.slice(0, start)}${begin}\n\n${table}\n\n${before.slice(stop)}`
  return { path, before, after }
}

/** A table whose columns are aligned as the formatter does. */
const markdownTable = (rows: readonly Row[]): string => {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', String.raw`\|`)))
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(3, ...cells.map((row) => Bun.stringWidth(row[column] ?? ''))),
  )
  const line = (row: Row) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell))).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  const [head = [], ...body] = cells
  return [line(head), rule, ...body.map(line)].join('\n')
}

if (import.meta.main)
  for (const table of TABLES) {
    const { path, after } = await pageWithTable(table)
    writeFileSync(path, after)
  }
