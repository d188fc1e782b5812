import { parseArgs } from 'node:util'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { CONTROLLER_OPTIONS } from './controller.ts'
import template from './secure-lock-controller.service' with { type: 'text' }

const {
  open,
  close,
  'open-seconds': openSeconds,
  sense,
  'sense-seconds': senseSeconds,
} = CONTROLLER_OPTIONS

/** What the unit hands to the controller. */
const PASSED = { open, close, 'open-seconds': openSeconds, sense, 'sense-seconds': senseSeconds }

const OPTIONS = {
  user: {
    type: 'string',
    default: 'secure-lock-controller',
    value: 'NAME',
    summary: 'the user it runs as',
  },
  group: {
    type: 'string',
    default: 'gpio',
    value: 'NAME',
    summary: 'the group that may use the pins',
  },
  ...PASSED,
} as const satisfies Options

/** Prints a systemd unit for the controller at a door. */
export const controllerUnit: Action = {
  summary: 'print a systemd unit for the controller at a door',
  options: OPTIONS,
  run: async (args, { print, say }) => {
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    for (const name of ['user', 'group'] as const)
      if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(values[name]))
        throw new UsageError(`--${name} must be the name of a system ${name}`)
    if (values.open === undefined) throw new UsageError('--open is missing')
    if (values.close === undefined)
      say('Without --close, nothing closes the door after a crash: --open must end by itself.')
    const passed = Object.keys(PASSED).flatMap((name) => {
      const value = values[name as keyof typeof PASSED]
      return value === undefined ? [] : [quoted(`--${name}=${value}`)]
    })
    const state = '--state=%S/secure-lock-controller'
    const parts: Readonly<Record<string, string>> = {
      START: [quoted(process.execPath), 'controller', state, ...passed].join(' '),
      STOP: values.close === undefined ? '' : `/bin/sh -c ${quoted(values.close)}`,
      USER: values.user,
      GROUP: values.group,
    }
    print(template.replaceAll(/@([A-Z_]+)@/g, (_, name: string) => parts[name] ?? '').trimEnd())
    return 0
  },
}

/** Quotes a word of a command line in a unit, where `%` and `$` are special too (systemd.service(5)). */
const quoted = (text: string): string => {
  if (/\p{Cc}/u.test(text)) throw new UsageError('a command in the unit must be one line')
  const escaped = text.replaceAll(/["\\]/g, String.raw`\$&`)
  return `"${escaped.replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
}
