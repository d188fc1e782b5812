import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import { RESET_MINUTES } from '../accounts/change-store.ts'
import { RegisterBody } from '../accounts/schema.ts'
import type { App } from '../app.ts'
import { type Config, parseConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { type Account, COMMAND_LINE, type Origin, ROLES, type Role } from '../http/access.ts'
import { type Command, type Terminal, UsageError } from './command.ts'
import { withApp, withExistingData } from './with-app.ts'

type Action = (args: string[], terminal: Terminal) => Promise<number>

/** Adds, lists and changes accounts, also while the service runs. */
export const user: Command = {
  usage: [
    'user add [--role member|admin|owner] [--phone P] [--address A] [--email E] NAME | user list',
    'user role NAME member|admin|owner | user disable NAME | user enable NAME',
    'user reset NAME | user erase [--yes] NAME | user second-factor off NAME',
  ].join('\n  '),
  summary: 'add accounts, list, change or erase them',
  details:
    'The password is asked for, or read as the first line of standard input; it is never an\n' +
    'argument, which other users of the machine could read. reset prints a one-time code with\n' +
    'which the person chooses a new password; erase asks for the name again.',
  run: async ([word, ...args], terminal) => {
    const action = word !== undefined && Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined
    if (!action) throw new UsageError(`user needs an action: ${Object.keys(ACTIONS).join(', ')}`)
    return action(args, terminal)
  },
}

const add: Action = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      role: { type: 'string', default: 'member' },
      phone: { type: 'string', default: '' },
      address: { type: 'string', default: '' },
      email: { type: 'string' },
    },
  })
  const [username, ...more] = positionals
  if (username === undefined || more.length > 0) throw new UsageError('user add needs one NAME')
  const { role, ...details } = values
  if (!isRole(role)) throw new UsageError(`--role must be ${ROLES.join(' or ')}`)
  const fault = Value.Errors(RegisterBody, { username, ...details, password: '' }).First()
  if (fault) throw new UsageError(`Invalid ${fault.path.slice(1)}`)
  const config = parseConfig(terminal.env)
  const password = await newPassword(terminal)
  return withApp(config, async ({ accounts }) => {
    await accounts.add({ username, ...details, password }, role).catch(explained(config))
    terminal.print(`Added ${role} ${username}`)
  })
}

/** Tells a person at the terminal what the app's contract says in two words. */
const explained =
  ({ passwordMinLength }: Config) =>
  (error: unknown): never => {
    if (error instanceof AppError && error.message === 'Weak password')
      throw new AppError(
        'invalid',
        `Weak password: it needs ${passwordMinLength} characters, must not be among the commonest, ` +
          'and must be more than the user name',
      )
    throw error
  }

const isRole = (word: string | undefined): word is Role => ROLES.some((role) => role === word)

const newPassword = async ({ isInteractive, readSecret }: Terminal): Promise<string> => {
  const password = await readSecret('Password: ')
  if (isInteractive && (await readSecret('The same again: ')) !== password)
    throw new AppError('invalid', 'The two passwords differ; nothing was added')
  if (password === '') throw new AppError('invalid', 'No password was given; nothing was added')
  return password
}

const ROWS_PER_PAGE = 500

const list: Action = async (args, { env, print }) => {
  if (args.length > 0) throw new UsageError('user list takes no more words')
  return withExistingData(parseConfig(env), async ({ people }) => {
    print(['ID', 'ROLE', 'PUBLIC ID', 'USERNAME'].join('\t'))
    let afterId = 0
    for (;;) {
      const page = await people.page(afterId, ROWS_PER_PAGE)
      for (const { id, role, publicId, username } of page)
        print([id, role, publicId, username].join('\t'))
      if (page.length < ROWS_PER_PAGE) return
      afterId = page.at(-1)?.id ?? afterId
    }
  })
}

const changeRole: Action = async (args, { env, print }) => {
  const [name, role, ...more] = parseArgs({ args, allowPositionals: true }).positionals
  if (name === undefined || !isRole(role) || more.length > 0)
    throw new UsageError(`user role needs a NAME and ${ROLES.join(' or ')}`)
  return withPerson({ env, name }, async ({ administration }, person) => {
    await administration.change({ ...person, role })
    print(`${name} is now ${role}`)
  })
}

const disable =
  (disabled: boolean): Action =>
  async (args, { env, print }) => {
    const name = onlyName(args, disabled ? 'disable' : 'enable')
    return withPerson({ env, name }, async ({ administration }, person) => {
      await administration.change({ ...person, disabled })
      print(disabled ? `${name} may not sign in any more` : `${name} may sign in again`)
    })
  }

const reset: Action = async (args, { env, print, say }) => {
  const name = onlyName(args, 'reset')
  return withPerson({ env, name }, async ({ administration }, person) => {
    const { code } = await administration.beginReset(person)
    print(code)
    say(`Good once, for ${RESET_MINUTES} minutes, at POST /v1/password-reset`)
  })
}

const erase: Action = async (args, { env, print, isInteractive, readLine }) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { yes: { type: 'boolean', default: false } },
  })
  const name = onlyName(positionals, 'erase')
  if (!values.yes && !isInteractive)
    throw new UsageError('user erase needs --yes where nobody can be asked')
  return withPerson({ env, name }, async ({ administration }, person) => {
    if (!values.yes && (await readLine(`Type ${name} again to erase for good: `)) !== name)
      throw new AppError('invalid', 'That is another name; nothing was erased')
    await administration.erase(person)
    print(`Erased ${name}`)
  })
}

/** Turns a second factor off for a person whose phone and recovery codes are lost. */
const secondFactor: Action = async ([state, ...names], { env, print }) => {
  if (state !== 'off') throw new UsageError('user second-factor needs the word off and one NAME')
  const name = onlyName(names, 'second-factor off')
  return withPerson({ env, name }, async ({ enrolment }, { by, account }) => {
    await enrolment.reset(by, account)
    print(`Second factor of ${name} is off, and all sessions are ended`)
  })
}

const onlyName = (args: string[], action: string): string => {
  const [name, ...more] = parseArgs({ args, allowPositionals: true }).positionals
  if (name === undefined || more.length > 0) throw new UsageError(`user ${action} needs one NAME`)
  return name
}

type Named = { readonly env: Terminal['env']; readonly name: string }
type Person = {
  readonly by: Origin
  readonly account: Account
  readonly publicId: string
}

/** Finds whom a change is about, as whoever commands the gateway may make it. */
const withPerson = (
  { env, name }: Named,
  work: (app: App, person: Person) => Promise<void>,
): Promise<number> =>
  withExistingData(parseConfig(env), async (app) => {
    const account = await app.accounts.find(name)
    if (!account) throw new AppError('not_found', 'There is no such account; see user list')
    await work(app, { by: COMMAND_LINE, account, publicId: account.publicId })
  })

const ACTIONS: Readonly<Record<string, Action>> = {
  add,
  list,
  role: changeRole,
  disable: disable(true),
  enable: disable(false),
  reset,
  erase,
  'second-factor': secondFactor,
}
