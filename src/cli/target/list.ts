import { parseArgs } from 'node:util'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { deliveryJson, type ShownTarget, targetJson } from '../../outbox/targets/json.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { namesOf } from '../command/person.ts'
import { commandConfig } from '../command/running-service.ts'
import { listing } from '../command/table.ts'
import { withExistingData } from '../command/with-app.ts'
import { withTarget } from './with-target.ts'

const LIST = {
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

const HEADINGS = ['ID', 'KIND', 'NAME', 'OF', 'STATE', 'WAITING', 'LAST TOLD', 'HEARS OF']

export const list: Action = {
  summary: 'list the targets: owner, state, number of waiting messages, and rules',
  options: LIST,
  run: async (args, terminal) => {
    const { values } = parseArgs({ args: [...args], options: LIST })
    return withExistingData(commandConfig(terminal), async (app) => {
      const all = await app.outbox.targets.all(COMMAND_LINE)
      const nameOf = await namesOf(
        app,
        all.flatMap(({ target: { accountPublicId } }) => accountPublicId ?? []),
      )
      const lines = values.json
        ? all.map((shown) => JSON.stringify(targetJson(shown)))
        : listing([HEADINGS, ...all.map((shown) => row(shown, nameOf))], terminal)
      for (const line of lines) terminal.print(line)
    })
  },
}

const row = (
  { target, summary, says }: ShownTarget,
  nameOf: (publicId: string) => string,
): readonly string[] => [
  target.id,
  target.kind,
  target.name,
  target.accountPublicId === null ? 'the home' : nameOf(target.accountPublicId),
  stateWords(target),
  String(summary?.waiting ?? 0),
  summary?.last?.state === 'delivered' ? timeOr('never', summary.last.settledAtMs) : 'never',
  says.join('; ') || 'nothing',
]

const stateWords = ({ disabledWhy, failingSinceMs }: ShownTarget['target']): string => {
  if (disabledWhy !== undefined) return WHY[disabledWhy]
  return failingSinceMs === undefined ? 'on' : `has failed since ${timeOr('', failingSinceMs)}`
}

const WHY = {
  person: 'off',
  gone: 'off: its receiver is gone for good',
  failing: 'off: it failed for five days',
} as const

const timeOr = (otherwise: string, ms: number | null): string =>
  ms === null ? otherwise : new Date(ms).toISOString()

const DELIVERIES = {
  limit: { type: 'string', default: '50', value: 'COUNT', summary: 'how many, up to 200' },
  ...LIST,
} as const satisfies Options

export const deliveries: Action = {
  summary: 'list the deliveries of a target, newest first, including those that are waiting',
  options: DELIVERIES,
  operands: ['TARGET'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: DELIVERIES,
    })
    const [word, ...more] = positionals
    if (word === undefined || more.length > 0)
      throw new UsageError('target deliveries needs one TARGET')
    const limit = Number(values.limit)
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= 200))
      throw new UsageError('--limit must be a whole number from 1 to 200')
    return withTarget(terminal, word, async ({ outbox: { targets } }, { id }) => {
      const page = await targets.deliveries(COMMAND_LINE, id, { limit })
      const found = page.deliveries.map((delivery) => deliveryJson(delivery, true))
      const lines = values.json
        ? found.map((delivery) => JSON.stringify(delivery))
        : listing([DELIVERY_HEADINGS, ...found.map(deliveryRow)], terminal)
      for (const line of lines) terminal.print(line)
    })
  },
}

const DELIVERY_HEADINGS = ['ID', 'EVENT', 'UNLOCK', 'STATE', 'ATTEMPTS', 'AT', 'STATUS', 'ANSWER']

const deliveryRow = (delivery: ReturnType<typeof deliveryJson>): readonly string[] => [
  String(delivery.id),
  delivery.event,
  String(delivery.seq ?? ''),
  delivery.state,
  String(delivery.attempts),
  delivery.settled_at ?? delivery.created_at,
  String(delivery.status ?? ''),
  delivery.answer ?? '',
]
