import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { KIND_NAMES } from '../../drivers/kinds.ts'
import type { Setup } from '../../drivers/setup/store.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { CONTENTS, defined, secretsFrom, settingsFrom } from '../command/contents.ts'
import { commandConfig, tellService } from '../command/running-service.ts'
import { listing } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'
import { lockSetups } from './setups.ts'

const DRIVER = {
  ...CONTENTS,
  remove: { type: 'boolean', default: false, summary: 'remove the driver' },
  json: { type: 'boolean', default: false, summary: 'one JSON object' },
} as const satisfies Options

/** Shows, sets and removes the driver of a lock. */
export const driver: Action = {
  summary:
    'show or set the driver of a lock; with a driver, the service opens the lock for permitted attempts',
  options: DRIVER,
  operands: ['LABEL', `[${KIND_NAMES.join('|')}]`],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: DRIVER,
    })
    const [label, word, ...more] = positionals
    const kind = KIND_NAMES.find((name) => name === word)
    if (label === undefined || more.length > 0 || (word !== undefined && values.remove))
      throw new UsageError('lock driver needs one LABEL, and a KIND to set it')
    if (word !== undefined && !kind)
      throw new UsageError(`The kind of a driver is one of ${KIND_NAMES.join(', ')}`)
    if (!kind && (values.set || values.secret))
      throw new UsageError('lock driver needs a KIND to set something')
    const settings = defined(settingsFrom(values.set))
    const secrets = await secretsFrom(values.secret, terminal)
    const config = commandConfig(terminal)
    return withLocks(config, async (app) => {
      const { setups } = lockSetups(app)
      if (values.remove) {
        await setups.remove(COMMAND_LINE, label)
        terminal.print(`${label} no longer has a driver`)
      } else if (kind) {
        await setups.put(COMMAND_LINE, label, {
          kind,
          settings,
          secrets: values.secret ? secrets : undefined,
          version: undefined,
        })
        terminal.print(`${label} is driven by ${kind}`)
        terminal.say('Today, in the console, warns if the lock does not answer')
      } else {
        const shown = shownSetup(await setups.find(label))
        const lines = values.json ? [JSON.stringify(shown)] : listing(rows(shown), terminal)
        for (const line of lines) terminal.print(line)
        return
      }
      tellService(config)
    })
  },
}

/** Without secrets, and without the status of the lock, which only the service knows. */
const shownSetup = ({ label, kind, settings, secrets, version }: Setup) => ({
  lock: label,
  kind,
  settings,
  secrets: Object.keys(secrets),
  version,
})

const rows = ({ kind, settings, secrets }: ReturnType<typeof shownSetup>) => [
  ['kind', kind],
  ...Object.entries(settings).map(([name, value]) => [name, String(value)]),
  ...secrets.map((name) => [name, '(secret)']),
]
