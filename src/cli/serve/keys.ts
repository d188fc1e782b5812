import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { type Action, type Command, runAction } from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { withApp } from '../command/with-app.ts'

const accept: Action = {
  summary:
    'accept the keys in DATA_DIR, or in the settings, as the new keys of a home on PostgreSQL',
  run: async (args, terminal) => {
    parseArgs({ args: [...args], options: {} })
    const config = commandConfig(terminal)
    if (!config.postgres)
      throw new AppError(
        'invalid',
        'This home is in a file and has no replicas: replace the key in DATA_DIR, and restart the service',
      )
    let changed: readonly string[] = []
    const onKeysAccepted = (names: readonly string[]) => void (changed = names)
    return withApp(
      config,
      async ({ audit }) => {
        if (changed.length === 0) return terminal.print('The home already has these keys')
        const keys = changed.join(', ')
        await audit.record(COMMAND_LINE, {
          action: 'keys.accept',
          result: 'success',
          detail: { keys },
        })
        terminal.print(`Accepted new keys of the home: ${keys}`)
        terminal.say(
          'Copy them to the other replicas, then restart all replicas, one after another',
        )
      },
      { mustExist: true, onKeysAccepted },
    )
  },
}

const ACTIONS = { accept }

/** The command that replaces keys of a home with several replicas. */
export const keys: Command = {
  summary: 'replace keys of a home with several replicas',
  actions: ACTIONS,
  run: runAction('keys', ACTIONS),
}
