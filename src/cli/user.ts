import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import { RegisterBody } from '../accounts/schema.ts'
import { type App, openApp } from '../app.ts'
import { type Config, parseConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { COMMAND_LINE, ROLES, type Role } from '../http/access.ts'
import { logger } from '../http/log.ts'
import { type Command, type Terminal, UsageError } from './command.ts'

/** Adds and lists accounts, also while the service runs. */
export const user: Command = {
  usage:
    'user add [--role member|admin|owner] [--phone P] [--address A] [--email E] NAME | user list |\n' +
    '  user second-factor off NAME',
  summary: 'add an account, or list them',
  details:
    'The password is asked for, or read as the first line of standard input; it is never an\n' +
    'argument, which other users of the machine could read.',
  run: async ([action, ...args], terminal) => {
    switch (action) {
      case 'add':
        return add(args, terminal)
      case 'list':
        if (args.length > 0) throw new UsageError('user list takes no more words')
        return list(terminal)
      case 'second-factor':
        return secondFactor(args, terminal)
      case undefined:
      default:
        throw new UsageError('user needs an action: add, list or second-factor')
    }
  },
}

const withApp = async (config: Config, work: (app: App) => Promise<void>): Promise<number> => {
  const app = await openApp(config, { log: logger({ level: 'error', format: 'text' }) })
  try {
    await work(app)
    return 0
  } finally {
    await app.close()
  }
}

const add = async (args: string[], terminal: Terminal): Promise<number> => {
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

const isRole = (word: string): word is Role => ROLES.some((role) => role === word)

const newPassword = async ({ isInteractive, readSecret }: Terminal): Promise<string> => {
  const password = await readSecret('Password: ')
  if (isInteractive && (await readSecret('The same again: ')) !== password)
    throw new AppError('invalid', 'The two passwords differ; nothing was added')
  if (password === '') throw new AppError('invalid', 'No password was given; nothing was added')
  return password
}

/** Turns a second factor off for a person whose phone and recovery codes are lost. */
const secondFactor = async (
  [state, username, ...more]: readonly string[],
  terminal: Terminal,
): Promise<number> => {
  if (state !== 'off' || username === undefined || more.length > 0)
    throw new UsageError('user second-factor needs the word off and one NAME')
  return withApp(parseConfig(terminal.env), async ({ accounts, enrolment }) => {
    const account = await accounts.find(username)
    if (!account) throw new AppError('not_found', 'There is no account of that name')
    await enrolment.reset(COMMAND_LINE, account)
    terminal.print(`Second factor of ${username} is off, and all sessions are ended`)
  })
}

const ROWS_PER_PAGE = 500

const list = async ({ env, print }: Terminal): Promise<number> => {
  const config = parseConfig(env)
  if (!existsSync(config.databaseUri))
    throw new AppError(
      'unavailable',
      `There is no database at ${config.databaseUri}; check DATA_DIR, or start the service first`,
    )
  return withApp(config, async ({ people }) => {
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
