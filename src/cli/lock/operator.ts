import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { namesOf, personNamed } from '../command/person.ts'
import { commandConfig } from '../command/running-service.ts'
import { withLocks } from '../command/with-app.ts'

const OPERATOR = {
  remove: {
    type: 'boolean',
    default: false,
    summary: 'messages of the broker no longer open the lock',
  },
} as const satisfies Options

/** Shows, sets and removes as whom messages of the MQTT broker open a lock. */
export const operator: Action = {
  summary:
    'show as which member messages of the MQTT broker open a lock, or let them; off by default',
  options: OPERATOR,
  operands: ['LABEL', '[USERNAME]'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: OPERATOR,
    })
    const [label, username, ...more] = positionals
    if (label === undefined || more.length > 0 || (username !== undefined && values.remove))
      throw new UsageError('lock operator needs one LABEL, and a USERNAME or --remove to change it')
    return withLocks(commandConfig(terminal), async (app) => {
      const { operators } = app.locks
      if (values.remove) {
        await operators.remove(COMMAND_LINE, label)
        terminal.print(`Messages of the broker do not open ${label}`)
      } else if (username !== undefined) {
        await operators.set(COMMAND_LINE, label, await personNamed(app, username))
        terminal.print(`Messages of the broker open ${label} as ${username}`)
        terminal.say(
          `Anyone who can send to the broker opens what the grants of ${username} open: grant list --who ${username}`,
        )
      } else {
        const publicId = await operators.find(label)
        const nameOf = await namesOf(app, publicId === undefined ? [] : [publicId])
        terminal.print(
          publicId === undefined
            ? `Messages of the broker do not open ${label}`
            : `Messages of the broker open ${label} as ${nameOf(publicId)}`,
        )
      }
    })
  },
}
