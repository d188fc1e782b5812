import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import { Unit } from '../accounts/core/schema.ts'
import { usernameKeyOf } from '../accounts/core/username.ts'
import { RESET_MINUTES } from '../accounts/people/reset-store.ts'
import { RegisterBody } from '../accounts/registration/schema.ts'
import type { App } from '../app.ts'
import { homeZone } from '../config/home-zone.ts'
import { AppError } from '../errors.ts'
import { type Account, ROLES, type Role } from '../domain/account.ts'
import { COMMAND_LINE, type Origin } from '../domain/audit-event.ts'
import { endOfDay } from '../domain/calendar/last-day.ts'
import { localTime } from '../domain/text/local-time.ts'
import { linkBase } from '../http/connection/public-url.ts'
import { acceptedBy } from '../http/request/accepted.ts'
import { timeMs } from '../http/request/text.ts'
import {
  type Actions,
  type Command,
  type Options,
  type Terminal,
  UsageError,
  runAction,
} from './command/command.ts'
import { requireConsent, requireTerminal } from './command/consent.ts'
import { commandConfig } from './command/running-service.ts'
import { confirmNewFolder, withApp, withExistingData } from './command/with-app.ts'
import { userList } from './user-list.ts'

const ADD = {
  role: {
    type: 'string',
    default: 'member',
    value: ROLES.join('|'),
    summary: 'the role of the account',
  },
  phone: { type: 'string', default: '', value: 'PHONE', summary: 'the person’s phone number' },
  address: { type: 'string', default: '', value: 'ADDRESS', summary: 'where the person lives' },
  email: { type: 'string', value: 'EMAIL', summary: 'the person’s email address' },
  unit: { type: 'string', value: 'UNIT', summary: 'the person’s flat, room or house' },
} as const satisfies Options

const add: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: ADD,
  })
  const [username, ...more] = positionals
  if (username === undefined || more.length > 0) throw new UsageError('user add needs one NAME')
  const { role, unit, ...details } = values
  if (!isRole(role)) throw new UsageError(`--role must be ${ROLES.join(' or ')}`)
  const fault = Value.Errors(RegisterBody, { username, ...details, password: '' }).First()
  if (fault) throw new UsageError(`Invalid ${fault.path.slice(1)}: ${acceptedBy(fault.schema)}`)
  const placed = unit ? { unit: unitFrom(unit) } : {}
  const config = commandConfig(terminal)
  await confirmNewFolder(config, terminal)
  const password = await newPassword(terminal)
  return withApp(config, async ({ accounts: { newAccounts } }) => {
    await newAccounts.add({ username, ...details, ...placed, password }, role)
    terminal.print(`Added ${role} ${username}`)
  })
}

const unitFrom = (word: string): string => {
  if (!Value.Check(Unit, word)) throw new UsageError(`Invalid unit: ${acceptedBy(Unit)}`)
  return word
}

const isRole = (word: string | undefined): word is Role => ROLES.some((role) => role === word)

const newPassword = async ({ isInteractive, readSecret }: Terminal): Promise<string> => {
  const password = await readSecret('Password: ')
  if (isInteractive && (await readSecret('Confirm password: ')) !== password)
    throw new AppError('invalid', 'The passwords differ; nothing was added')
  if (password === '') throw new AppError('invalid', 'No password was given; nothing was added')
  return password
}

const changeRole: Command['run'] = async (args, { env, print }) => {
  const [name, role, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (name === undefined || !isRole(role) || more.length > 0)
    throw new UsageError(`user role needs a NAME and ${ROLES.join(' or ')}`)
  return withPerson({ env, name }, async ({ accounts: { administration } }, person) => {
    await administration.change({ ...person, role })
    print(`${name} is now ${role}`)
  })
}

const setUnit: Command['run'] = async (args, { env, print }) => {
  const [name, word, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (name === undefined || word === undefined || more.length > 0)
    throw new UsageError("user unit needs a NAME and a UNIT, or '' for none")
  const unit = word.trim() === '' ? null : unitFrom(word)
  return withPerson({ env, name }, async ({ accounts: { administration } }, person) => {
    await administration.change({ ...person, unit })
    print(unit === null ? `${name} belongs to no unit` : `${name} belongs to ${unit}`)
  })
}

const setEnd: Command['run'] = async (args, { env, print }) => {
  const [name, word, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (name === undefined || word === undefined || more.length > 0)
    throw new UsageError('user end-date needs a NAME and a DATE, or never')
  const zone = homeZone(commandConfig({ env }))
  const endsAtMs = word === 'never' ? null : endFrom(word, zone)
  return withPerson({ env, name }, async ({ accounts: { administration } }, person) => {
    await administration.change({ ...person, endsAtMs })
    print(
      endsAtMs === null
        ? `${name}’s access does not end`
        : `${name}’s access ends at ${localTime(new Date(endsAtMs))}`,
    )
  })
}

/** A day alone is the last one, in the zone of the home. */
const endFrom = (word: string, zone: string): number => {
  const endsAtMs = endOfDay(word, zone) ?? timeMs(word)
  if (endsAtMs === undefined)
    throw new UsageError('DATE must be the last day, such as 2027-03-31, or an RFC 3339 time')
  return endsAtMs
}

const admit: Command['run'] = async (args, { env, print }) => {
  const name = onlyName(args, 'admit')
  return withPerson({ env, name }, async ({ accounts: { administration } }, person) => {
    await administration.change({ ...person, admitted: true })
    print(`${name} is admitted`)
  })
}

const disable =
  (disabled: boolean): Command['run'] =>
  async (args, { env, print }) => {
    const name = onlyName(args, disabled ? 'disable' : 'enable')
    return withPerson({ env, name }, async ({ accounts: { administration } }, person) => {
      await administration.change({ ...person, disabled })
      print(disabled ? `${name} can no longer log in` : `${name} can log in again`)
    })
  }

const reset: Command['run'] = async (args, { env, print, say }) => {
  const name = onlyName(args, 'reset')
  return withPerson({ env, name }, async ({ accounts: { administration } }, person) => {
    const { code } = await administration.beginReset(person)
    print(code)
    const fragment = new URLSearchParams({ reset: code, name }).toString()
    const link = `${linkBase(commandConfig({ env }))}/console/new-password#${fragment}`
    say(`Valid once, for ${RESET_MINUTES} minutes, in the app or at ${link}`)
  })
}

const ERASE = {
  imported: {
    type: 'boolean',
    default: false,
    summary: 'erase the name from imported unlocks that belong to no account',
  },
  yes: { type: 'boolean', default: false, summary: 'do not ask for the name to confirm' },
} as const satisfies Options

const erase: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: ERASE,
  })
  const name = onlyName(positionals, 'erase')
  if (!values.yes) requireTerminal(terminal, 'user erase')
  const confirm = async () => {
    if (values.yes) return
    await requireConsent(terminal, {
      word: name,
      purpose: 'to erase it for good',
      refusal: 'That is not the name; nothing was erased',
      isWord: (typed) => usernameKeyOf(typed) === usernameKeyOf(name),
    })
  }
  if (values.imported) return eraseImported({ name, confirm, terminal })
  return withPerson(
    { env: terminal.env, name },
    async ({ accounts: { administration } }, person) => {
      await confirm()
      await administration.erase(person)
      terminal.print(`Erased ${name}`)
    },
  )
}

type ImportedErasure = {
  readonly name: string
  readonly confirm: () => Promise<void>
  readonly terminal: Terminal
}

/** Erases a name that occurs only in imported unlocks. */
const eraseImported = ({ name, confirm, terminal }: ImportedErasure): Promise<number> =>
  withExistingData(commandConfig(terminal), async ({ unlocks: { unlockLog }, audit }) => {
    await confirm()
    const { events, isWalTruncated: wal_truncated } = await unlockLog.eraseImportedName(name)
    const detail = { events, wal_truncated }
    await audit.record(COMMAND_LINE, { action: 'unlocks.erase', result: 'success', detail })
    terminal.print(`Erased ${name} from ${events === 1 ? '1 unlock' : `${events} unlocks`}`)
  })

/** Turns a second factor off for a person whose phone and recovery codes are lost. */
const secondFactor: Command['run'] = async ([state, ...names], { env, print }) => {
  if (state !== 'off') throw new UsageError('user second-factor needs off and one NAME')
  const name = onlyName(names, 'second-factor off')
  return withPerson({ env, name }, async ({ accounts: { enrolment } }, { by, publicId }) => {
    await enrolment.reset(by, publicId)
    print(`The second factor of ${name} is off, and all sessions have ended`)
  })
}

const onlyName = (args: readonly string[], action: string): string => {
  const [name, ...more] = parseArgs({ args: [...args], allowPositionals: true }).positionals
  if (name === undefined || more.length > 0) throw new UsageError(`user ${action} needs one NAME`)
  return name
}

type Named = { readonly env: Terminal['env']; readonly name: string }
type Person = {
  readonly by: Origin
  readonly account: Account
  readonly publicId: string
}

/** Finds the account to change. Anyone who can run commands on the gateway may change it. */
const withPerson = (
  { env, name }: Named,
  work: (app: App, person: Person) => Promise<void>,
): Promise<number> =>
  withExistingData(commandConfig({ env }), async (app) => {
    const account = await app.accounts.authentication.find(name)
    if (!account) throw new AppError('not_found', 'There is no such account; see user list')
    await work(app, { by: COMMAND_LINE, account, publicId: account.publicId })
  })

const ACTIONS: Actions = {
  add: {
    summary: 'add an account; asks for the password, or reads it from standard input',
    options: ADD,
    operands: ['NAME'],
    run: add,
  },
  list: userList,
  role: {
    summary: 'change the role of an account',
    operands: ['NAME', ROLES.join('|')],
    run: changeRole,
  },
  unit: {
    summary: 'set a person’s flat, room or house; an empty UNIT clears it',
    operands: ['NAME', 'UNIT'],
    run: setUnit,
  },
  'end-date': {
    summary: 'set the last day of a person’s access, such as 2027-03-31, or never',
    operands: ['NAME', 'DATE|never'],
    run: setEnd,
  },
  admit: {
    summary: 'let in a person who registered without an invitation',
    operands: ['NAME'],
    run: admit,
  },
  disable: {
    summary: 'stop a person from logging in, and end their sessions',
    operands: ['NAME'],
    run: disable(true),
  },
  enable: { summary: 'let the person log in again', operands: ['NAME'], run: disable(false) },
  reset: {
    summary: 'print a one-time code for choosing a new password',
    operands: ['NAME'],
    run: reset,
  },
  erase: {
    summary: 'erase a person for good; asks for the name to confirm',
    options: ERASE,
    operands: ['NAME'],
    run: erase,
  },
  'second-factor': {
    summary: 'turn off the second factor of a person who has lost their phone and recovery codes',
    operands: ['off', 'NAME'],
    run: secondFactor,
  },
}

/** Adds, lists and changes accounts, also while the service runs. */
export const user: Command = {
  summary: 'add, list, change or erase accounts',
  details:
    'A password is never an argument: other users of the machine could read it, and the shell would keep it in its history.',
  actions: ACTIONS,
  examples: {
    'create an owner': 'secure-lock-server user add --role owner ada',
    'the same in a script': 'secure-lock-server user add --role owner ada < file-with-the-password',
    'a guest who leaves on 31 March': 'secure-lock-server user end-date ada 2027-03-31',
    'the person has forgotten the password': 'secure-lock-server user reset ada',
  },
  run: runAction('user', ACTIONS),
}
