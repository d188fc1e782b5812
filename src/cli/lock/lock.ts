import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import type { App } from '../../app.ts'
import type { LockState } from '../../domain/access.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { acceptedBy } from '../../http/request/accepted.ts'
import { timeMs } from '../../http/request/text.ts'
import { LockBody, lockJson } from '../../locks/registry/schema.ts'
import {
  type Actions,
  type Command,
  type Options,
  type Terminal,
  UsageError,
  runAction,
} from '../command/command.ts'
import { requireConsent, requireTerminal } from '../command/consent.ts'
import { commandConfig } from '../command/running-service.ts'
import { listing, withTimes } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'
import { controller } from './controller.ts'
import { doorKey } from './door-key.ts'
import { driver } from './driver.ts'
import { operator } from './operator.ts'
import { slot } from './slot.ts'

const withHome = (
  { env }: Pick<Terminal, 'env'>,
  work: (locks: App['locks']) => Promise<void>,
): Promise<number> => withLocks(commandConfig({ env }), ({ locks }) => work(locks))

const LIST = {
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

const list: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: LIST })
  return withHome(terminal, async ({ locks, lockdowns }) => {
    const [all, inForce] = [await locks.all(), await lockdowns.inForce(COMMAND_LINE, 'owner')]
    const lockdownOf = (label: string | null) => inForce.find(({ lock }) => lock === label)
    const rows = all.map((lock) => {
      const lockdown = lockdownOf(null) ?? lockdownOf(lock.label)
      const isClosed = lockdown !== undefined && lock.state !== 'retired'
      return [lock.label, lock.state, isClosed ? untilWords(lockdown) : '', lock.name]
    })
    const lines = values.json
      ? all.map((lock) => JSON.stringify(lockJson(lock)))
      : listing([HEADINGS, ...rows], terminal)
    for (const line of lines) terminal.print(line)
  })
}

const HEADINGS = ['LABEL', 'STATE', 'LOCKDOWN', 'NAME']

const untilWords = ({ untilMs }: { readonly untilMs: number | null }): string =>
  untilMs === null ? 'until ended' : `until ${new Date(untilMs).toISOString()}`

const ADD = {
  members: {
    type: 'boolean',
    default: false,
    summary: 'let members, admins and owners open it at any time',
  },
} as const satisfies Options

const add: Command['run'] = async (args, terminal) => {
  const { positionals, values } = parseArgs({
    args: [...args],
    options: ADD,
    allowPositionals: true,
  })
  const lock = labelAndName(positionals, 'add')
  return withHome(terminal, async ({ locks }) => {
    const { label, name } = await locks.add(
      COMMAND_LINE,
      lock,
      values.members ? 'members' : 'nobody',
    )
    terminal.print(`Added ${label}, ${name}`)
    if (!values.members)
      terminal.say(
        `Nobody may open it yet, unless a grant is for all locks: grant add --lock ${label}`,
      )
  })
}

const rename: Command['run'] = async (args, terminal) => {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true })
  const { label, name } = labelAndName(positionals, 'rename')
  return withHome(terminal, async ({ locks }) => {
    const renamed = await locks.change(COMMAND_LINE, label, { name })
    terminal.print(`${label} is now called ${renamed.name}`)
  })
}

const labelAndName = (positionals: readonly string[], action: string) => {
  const [label, name, ...more] = positionals
  if (label === undefined || name === undefined || more.length > 0)
    throw new UsageError(`lock ${action} needs a LABEL and a NAME, in quotation marks`)
  const lock = { label, name }
  const fault = Value.Errors(LockBody, lock).First()
  if (fault) throw new UsageError(`Invalid ${fault.path.slice(1)}: ${acceptedBy(fault.schema)}`)
  return lock
}

const turn =
  (state: LockState, words: string): Command['run'] =>
  async (args, terminal) => {
    const label = onlyLabel(args, state.slice(0, -1))
    return withHome(terminal, async ({ locks }) => {
      await locks.change(COMMAND_LINE, label, { state })
      terminal.print(`${label} ${words}`)
    })
  }

const RETIRE = {
  yes: { type: 'boolean', default: false, summary: 'do not ask for the label to confirm' },
} as const satisfies Options

const retire: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: RETIRE,
  })
  const label = onlyLabel(positionals, 'retire')
  if (!values.yes) requireTerminal(terminal, 'lock retire')
  return withHome(terminal, async ({ locks }) => {
    await locks.find(label)
    if (!values.yes) await requireConsent(terminal, { word: label, ...RETIREMENT })
    await locks.change(COMMAND_LINE, label, { state: 'retired' })
    terminal.print(`${label} is retired; its unlocks stay in the log`)
  })
}

const RETIREMENT = {
  purpose: 'to retire it for good',
  refusal: 'That is not the label; nothing was changed',
} as const

const onlyLabel = (args: readonly string[], action: string): string => {
  const [label, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (label === undefined || more.length > 0) throw new UsageError(`lock ${action} needs one LABEL`)
  return label
}

const LOCKDOWN = {
  until: {
    type: 'string',
    value: 'TIME',
    summary: 'when it ends by itself, such as 2026-12-24T18:00:00+01:00',
  },
} as const satisfies Options

const lockdown: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: LOCKDOWN,
  })
  const untilMs = values.until === undefined ? undefined : timeMs(values.until)
  if (values.until !== undefined && untilMs === undefined)
    throw new UsageError(`--until must be a time such as 2026-12-24T18:00:00+01:00`)
  const labels = positionals.length > 0 ? positionals : undefined
  return withHome(terminal, async ({ lockdowns }) => {
    await lockdowns.begin(COMMAND_LINE, { locks: labels, untilMs })
    const ends = withTimes(untilWords({ untilMs: untilMs ?? null }), terminal)
    terminal.print(`Only owners may open ${labels?.join(', ') ?? 'any lock'}, ${ends}`)
  })
}

const release: Command['run'] = async (args, terminal) => {
  const [label, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (more.length > 0) throw new UsageError('lock release needs one LABEL, or none for the home')
  return withHome(terminal, async ({ lockdowns }) => {
    await lockdowns.end(COMMAND_LINE, label)
    const others = await lockdowns.inForce(COMMAND_LINE, 'owner')
    const names = others.map(({ lock }) => lock ?? 'the home')
    terminal.print(`${label ?? 'The home'} is no longer locked down`)
    if (names.length > 0) terminal.say(`Still locked down: ${names.join(', ')}`)
  })
}

const ACTIONS: Actions = {
  list: { summary: 'list the locks', options: LIST, run: list },
  add: {
    summary: 'add a lock; its label never changes and is never reused',
    options: ADD,
    operands: ['LABEL', 'NAME'],
    run: add,
  },
  rename: { summary: 'rename a lock', operands: ['LABEL', 'NAME'], run: rename },
  disable: {
    summary: 'disable a lock: nobody may open it until it is enabled again',
    operands: ['LABEL'],
    run: turn('disabled', 'opens for nobody'),
  },
  enable: {
    summary: 'enable a disabled lock',
    operands: ['LABEL'],
    run: turn('enabled', 'opens again for those who may open it'),
  },
  retire: {
    summary: 'retire a lock for good; asks for the label to confirm',
    options: RETIRE,
    operands: ['LABEL'],
    run: retire,
  },
  lockdown: {
    summary: 'let only owners open these locks, or all locks if none is named',
    options: LOCKDOWN,
    operands: ['[LABEL...]'],
    run: lockdown,
  },
  release: {
    summary: 'end the lockdown of a lock, or that of the home if none is named',
    operands: ['[LABEL]'],
    run: release,
  },
  driver,
  slot,
  operator,
  controller,
  'door-key': doorKey,
}

/** Adds, lists and changes locks and begins and ends lockdowns, also while the service runs. */
export const lock: Command = {
  summary: 'add, list, change and drive locks; lock down the home',
  details:
    'A lockdown refuses everyone but owners. It locks nothing and never keeps anyone from leaving.',
  actions: ACTIONS,
  examples: {
    'add a lock': "secure-lock-server lock add garage 'Garage, north side'",
    'let only owners in until the evening':
      'secure-lock-server lock lockdown --until 2026-12-24T18:00:00+01:00',
    'have a lock of Zigbee2MQTT opened':
      'secure-lock-server lock driver front-door zigbee2mqtt --set name=front-door',
    'let a device at the door open it': 'secure-lock-server lock controller add front-door',
    'say whose code is number 2': 'secure-lock-server lock slot front-door 2 ada',
  },
  run: runAction('lock', ACTIONS),
}
