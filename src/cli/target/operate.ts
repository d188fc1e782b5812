import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { BROKER } from '../../outbox/core/broker-target.ts'
import { AppError } from '../../errors.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { printSecret } from './edit.ts'
import { withTarget } from './with-target.ts'

const onlyTarget = (args: readonly string[], action: string): string => {
  const [word, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (word === undefined || more.length > 0)
    throw new UsageError(`target ${action} needs one TARGET`)
  return word
}

export const test: Action = {
  summary: 'send a test to a target now',
  operands: ['TARGET'],
  run: async (args, terminal) =>
    withTarget(terminal, onlyTarget(args, 'test'), async ({ outbox }, { id, kind }) => {
      if (kind === BROKER)
        throw new AppError(
          'conflict',
          'Only the service is connected to the broker; see mqtt status',
        )
      const {
        status,
        code,
        answer = '',
      } = await outbox.targets.test(COMMAND_LINE, id, AbortSignal.timeout(TEST_MS_MAX))
      const said = [code ?? '', answer].filter((part) => part !== '').join(' ')
      const words = status === 'delivered' ? 'The test arrived' : 'The test failed'
      const line = said === '' ? words : `${words}: ${said.slice(0, ANSWER_CHARACTERS_MAX)}`
      if (status === 'delivered') return terminal.print(line)
      terminal.say(line)
      return 1
    }),
}

const TEST_MS_MAX = 20_000
const ANSWER_CHARACTERS_MAX = 200

export const turn = (state: 'enabled' | 'disabled', summary: string): Action => {
  const action = state === 'enabled' ? 'on' : 'off'
  return {
    summary,
    operands: ['TARGET'],
    run: async (args, terminal) =>
      withTarget(terminal, onlyTarget(args, action), async ({ outbox }, { id, name }) => {
        await outbox.targets.change(COMMAND_LINE, id, { state, version: undefined })
        terminal.print(`${name} is ${action}`)
      }),
  }
}

export const remove: Action = {
  summary: 'remove a target and its waiting messages',
  operands: ['TARGET'],
  run: async (args, terminal) =>
    withTarget(terminal, onlyTarget(args, 'remove'), async ({ outbox }, { id, name }) => {
      await outbox.targets.remove(COMMAND_LINE, id, undefined)
      terminal.print(`Removed ${name}`)
    }),
}

const REPLAY = {
  delivery: { type: 'string', value: 'ID', summary: 'this one; see target deliveries' },
  since: {
    type: 'string',
    value: 'UNLOCK',
    summary: 'every unlock and refusal from this number on',
  },
} as const satisfies Options

export const replay: Action = {
  summary:
    'send deliveries again, also those that were dropped; each has the same message id as before',
  options: REPLAY,
  operands: ['TARGET'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: REPLAY,
    })
    const word = onlyTarget(positionals, 'replay')
    const [delivery, sinceSeq] = [
      numberFrom('--delivery', values.delivery),
      numberFrom('--since', values.since),
    ]
    if ((delivery === undefined) === (sinceSeq === undefined))
      throw new UsageError('target replay needs either --delivery or --since')
    return withTarget(terminal, word, async ({ outbox: { targets } }, { id, name }) => {
      const which = delivery === undefined ? { sinceSeq: sinceSeq ?? 0 } : { delivery }
      const count = await targets.replay(COMMAND_LINE, id, which)
      terminal.print(
        `${count === 1 ? 'One event is' : `${count} events are`} sent to ${name} again`,
      )
    })
  },
}

const numberFrom = (option: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${option} must be a whole number`)
  return Number(text)
}

export const secret: Action = {
  summary:
    'replace the secret of a target, and print the new one once; both are valid for 24 hours',
  operands: ['TARGET'],
  run: async (args, terminal) =>
    withTarget(terminal, onlyTarget(args, 'secret'), async ({ outbox }, { id }) => {
      const rotated = await outbox.targets.rotate(COMMAND_LINE, id)
      printSecret(rotated.secret, terminal)
    }),
}
