import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { commandConfig, tellService } from '../command/running-service.ts'
import { withLocks } from '../command/with-app.ts'

const DOOR_KEY = {
  stolen: {
    type: 'boolean',
    default: false,
    summary: 'somebody else may have the key: all controllers have to enrol again',
  },
} as const satisfies Options

/** Replaces the key that signs commands to controllers. */
export const doorKey: Action = {
  summary: 'replace the key that signs commands to controllers; they follow by themselves',
  options: DOOR_KEY,
  operands: ['rotate'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: DOOR_KEY,
    })
    if (positionals.join() !== 'rotate') throw new UsageError('lock door-key needs the word rotate')
    const config = commandConfig(terminal)
    return withLocks(config, async ({ controllers }) => {
      await controllers.rotateDoorKey(COMMAND_LINE, { isStolen: values.stolen })
      tellService(config)
      terminal.print('The door key was replaced')
      terminal.say(
        values.stolen
          ? 'All controllers were removed: enrol each again, with a code from its door’s page in the console'
          : 'Controllers follow at their next poll. Make a backup now: an older one has the old key',
      )
    })
  },
}
