import { parseArgs } from 'node:util'
import { Type as t } from '@sinclair/typebox'
import type { App } from '../../app.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import type { Rule } from '../../domain/home-event.ts'
import { checkFields } from '../../http/request/json-body.ts'
import { TargetBody, TargetUpdate } from '../../outbox/targets/schema.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { CONTENTS, defined, secretsFrom, settingsFrom } from '../command/contents.ts'
import { personNamed } from '../command/person.ts'
import { WHEN_FORM, hoursFrom, ruleFrom } from './when.ts'
import { withTarget, withTargets } from './with-target.ts'

const OF_BOTH = {
  ...CONTENTS,
  quiet: {
    type: 'string',
    value: 'HH:MM-HH:MM',
    summary: 'hours in which no notifications are sent; an empty value ends them',
  },
} as const satisfies Options

const ADD = {
  ...OF_BOTH,
  when: {
    type: 'string',
    multiple: true,
    value: WHEN_FORM,
    summary:
      'which events it receives: unlocked, denied, guest.opened, guest.problem, controller.silent, controller.alarm, log.problem or account.waiting; by default, all unlocks and refusals; may be given several times',
  },
} as const satisfies Options

const NewTarget = t.Omit(TargetBody, ['password', 'personal'])

export const add: Action = {
  summary: 'add a target for the home; prints its secret once, if one was created',
  options: ADD,
  operands: ['KIND', 'NAME'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: ADD,
    })
    const [kind, name, ...more] = positionals
    if (kind === undefined || name === undefined || more.length > 0)
      throw new UsageError('target add needs a KIND and a NAME, in quotation marks')
    const settings = defined({ ...settingsFrom(values.set), ...quietFrom(values.quiet) })
    const secrets = await secretsFrom(values.secret, terminal)
    return withTargets(terminal, async (app) => {
      const rules = await rulesFrom(app, values.when)
      const given = { kind, name, settings, secrets, ...(rules ? { rules } : {}) }
      const checked = checkFields(given, NewTarget)
      const added = await app.outbox.targets.add(COMMAND_LINE, {
        kind: checked.kind,
        name: checked.name,
        settings,
        secrets,
        rules,
      })
      terminal.print(`Added ${added.target.name}`)
      printSecret(added.secret, terminal)
      terminal.say(`Send it a test: target test '${added.target.name}'`)
    })
  },
}

const CHANGE = {
  name: { type: 'string', value: 'NAME', summary: 'a new name' },
  ...OF_BOTH,
  when: {
    type: 'string',
    multiple: true,
    value: WHEN_FORM,
    summary: 'which events it receives, instead of those before; may be given several times',
  },
} as const satisfies Options

export const change: Action = {
  summary: 'change the name, the settings or the rules of a target',
  options: CHANGE,
  operands: ['TARGET'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: CHANGE,
    })
    const [word, ...more] = positionals
    if (word === undefined || more.length > 0)
      throw new UsageError('target change needs one TARGET')
    const settings = { ...settingsFrom(values.set), ...quietFrom(values.quiet) }
    const secrets = await secretsFrom(values.secret, terminal)
    const { name } = values
    return withTarget(terminal, word, async (app, target) => {
      const rules = await rulesFrom(app, values.when)
      const changed = {
        ...(name === undefined ? {} : { name }),
        ...(rules ? { rules } : {}),
        ...(Object.keys(settings).length > 0
          ? { settings: defined({ ...target.settings, ...settings }) }
          : {}),
        ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
      }
      if (Object.keys(changed).length === 0)
        throw new UsageError('target change needs something to change; see help target')
      checkFields(changed, TargetUpdate)
      const { targets } = app.outbox
      await targets.change(COMMAND_LINE, target.id, { ...changed, version: target.version })
      terminal.print(`Changed ${name ?? target.name}`)
    })
  },
}

const quietFrom = (hours: string | undefined) => {
  if (hours === undefined) return {}
  return { quiet: hours === '' ? undefined : hoursFrom(hours, '--quiet') }
}

const rulesFrom = async (
  app: App,
  whens: readonly string[] | undefined,
): Promise<readonly Rule[] | undefined> => {
  if (!whens) return undefined
  const rules: Rule[] = []
  for (const when of whens)
    rules.push(await ruleFrom(when, (username) => personNamed(app, username)))
  for (const label of new Set(rules.flatMap(({ locks = [] }) => locks)))
    await app.locks.locks.find(label)
  return rules
}

/** A secret is shown once. */
export const printSecret = (
  secret: string | undefined,
  { print, say }: Pick<Parameters<Action['run']>[1], 'print' | 'say'>,
): void => {
  if (secret === undefined) return
  print(secret)
  say('Messages are signed with this secret. It is shown only now')
}
