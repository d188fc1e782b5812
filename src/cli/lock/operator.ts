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
    summary: 'stop the broker from opening the lock',
  },
} as const satisfies Options

/** Shows, sets and removes the operator of a lock: the member that commands from the MQTT broker count as. */
export const operator: Action = {
  summary: 'show or set the member as whom the MQTT broker may open a lock; off by default',
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
        terminal.print(`The broker cannot open ${label}`)
      } else if (username !== undefined) {
        await operators.set(COMMAND_LINE, label, await personNamed(app, username))
        terminal.print(`The broker can open ${label} as ${username}`)
        terminal.say(
          `Anyone who can publish to the broker can open ${label} whenever ${username} may, also by a grant to all members: grant why --who '${username}' --lock ${label}`,
        )
      } else {
        const publicId = await operators.find(label)
        const nameOf = await namesOf(app, publicId === undefined ? [] : [publicId])
        terminal.print(
          publicId === undefined
            ? `The broker cannot open ${label}`
            : `The broker can open ${label} as ${nameOf(publicId)}`,
        )
      }
    })
  },
}
