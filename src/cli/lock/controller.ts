import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { App } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import { controllerJson } from '../../controllers/enrolment/schema.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { certificateFacts } from '../../http/connection/certificate.ts'
import { qrTerminal } from '../../http/page/qr.ts'
import { type Action, type Options, type Terminal, UsageError } from '../command/command.ts'
import { commandConfig, tellService } from '../command/running-service.ts'
import { listing, withTimes } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'

const CONTROLLER = {
  json: { type: 'boolean', default: false, summary: 'with list, one JSON object per line' },
} as const satisfies Options

const NEEDS = 'lock controller needs add LABEL, list [LABEL], or remove ID'

/** Adds, lists and removes the controllers of locks. */
export const controller: Action = {
  summary:
    'add, list or remove the controllers of locks: devices that open them and sign what happened; add prints a code that enrols one',
  options: CONTROLLER,
  operands: ['add|list|remove', '[LABEL or ID]'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: CONTROLLER,
    })
    const [word, which, ...more] = positionals
    if (more.length > 0) throw new UsageError(NEEDS)
    const config = commandConfig(terminal)
    if (word === 'list')
      return withLocks(config, (app) => list(app, which, { ...values, terminal }))
    if (which === undefined) throw new UsageError(NEEDS)
    if (word === 'add') return withLocks(config, (app) => add(app, which, { config, terminal }))
    if (word !== 'remove') throw new UsageError(NEEDS)
    return withLocks(config, async ({ controllers }) => {
      await controllers.enrolment.remove(COMMAND_LINE, which)
      tellService(config)
      terminal.print('Removed: it gets no more commands')
    })
  },
}

const add = async (
  { controllers }: App,
  label: string,
  { config, terminal }: { readonly config: Config; readonly terminal: Terminal },
): Promise<void> => {
  const { print, say, sayStyled, isShown } = terminal
  const { code, expiresAtMs } = await controllers.enrolment.makeCode(COMMAND_LINE, label)
  const command = controllers.commandFor(code, authorityOf(config))
  print(`Code   ${code}`)
  print(`Run    ${command}`)
  print(withTimes(`Valid  once, until ${new Date(expiresAtMs).toISOString()}`, terminal))
  say('Run it on the device at the lock. --dry-run moves nothing: see help controller')
  if (isShown) sayStyled(qrTerminal(command))
}

/** The SHA-256 of the private CA, by which a device knows the gateway; undefined without one. */
const authorityOf = ({ tlsCertFile }: Config): string | undefined => {
  if (tlsCertFile === undefined) return undefined
  try {
    return certificateFacts(readFileSync(tlsCertFile, 'utf8')).authority?.sha256
  } catch {
    // Another user’s file, perhaps; doctor says what is wrong with it.
    return undefined
  }
}

type Listing = { readonly json: boolean; readonly terminal: Terminal }

const HEADINGS = ['ID', 'LOCK', 'NAME', 'LAST SEEN', 'REPORTS', 'TRUSTED']

const list = async (
  { controllers }: App,
  label: string | undefined,
  { json, terminal }: Listing,
): Promise<void> => {
  const all = (await controllers.listed(label)).map(controllerJson)
  const lines = json
    ? all.map(jsonLine)
    : listing(
        [
          HEADINGS,
          ...all.map((one) => [
            one.id,
            one.lock,
            one.name,
            one.seen_at,
            one.missing.length === 0 ? String(one.through) : `${one.through}, some are missing`,
            one.forked_at === null ? 'yes' : `no, since ${one.forked_at}`,
          ]),
        ],
        terminal,
      )
  for (const line of lines) terminal.print(line)
}

/** Only the service knows whether a controller is online. */
const jsonLine = (listed: ReturnType<typeof controllerJson>): string => {
  const { state: _, ...shown } = listed
  return JSON.stringify(shown)
}
