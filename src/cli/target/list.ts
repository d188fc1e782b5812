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

const HEADINGS = ['ID', 'KIND', 'NAME', 'OF', 'STATE', 'WAITING', 'LAST TOLD', 'TOLD']

export const list: Action = {
  summary:
    'list the targets: whose each is, how it does, how much it is still to hear of, and what it hears of',
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
  summary: 'list what a target was told, and what waits for it, newest first',
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
        : listing([TOLD_HEADINGS, ...found.map(toldRow)], terminal)
      for (const line of lines) terminal.print(line)
    })
  },
}

const TOLD_HEADINGS = ['ID', 'EVENT', 'UNLOCK', 'STATE', 'ATTEMPTS', 'AT', 'STATUS', 'ANSWER']

const toldRow = (told: ReturnType<typeof deliveryJson>): readonly string[] => [
  String(told.id),
  told.event,
  String(told.seq ?? ''),
  told.state,
  String(told.attempts),
  told.settled_at ?? told.created_at,
  String(told.status ?? ''),
  told.answer ?? '',
]
