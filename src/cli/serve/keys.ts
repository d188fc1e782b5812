import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { type Action, type Command, runAction } from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { withApp } from '../command/with-app.ts'

const accept: Action = {
  summary:
    'make the keys in DATA_DIR, or in the settings, those of all replicas of a home on PostgreSQL',
  run: async (args, terminal) => {
    parseArgs({ args: [...args], options: {} })
    const config = commandConfig(terminal)
    if (!config.postgres)
      throw new AppError(
        'invalid',
        'Keys are compared only between replicas on PostgreSQL: replace the file in DATA_DIR, and restart the service',
      )
    let changed: readonly string[] = []
    const onKeysAccepted = (names: readonly string[]) => void (changed = names)
    return withApp(
      config,
      async ({ audit }) => {
        if (changed.length === 0) return terminal.print('The keys are those of the home already')
        const keys = changed.join(', ')
        await audit.record(COMMAND_LINE, {
          action: 'keys.accept',
          result: 'success',
          detail: { keys },
        })
        terminal.print(`The home has other keys now: ${keys}`)
        terminal.say('Copy them to the other replicas, then restart all of them one after another')
      },
      { mustExist: true, onKeysAccepted },
    )
  },
}

const ACTIONS = { accept }

/** Replaces keys of a home with several replicas. */
export const keys: Command = {
  summary: 'replace keys of a home with several replicas',
  actions: ACTIONS,
  run: runAction('keys', ACTIONS),
}
