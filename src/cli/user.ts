import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import { RegisterBody } from '../accounts/schema.ts'
import { type Config, parseConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { COMMAND_LINE, ROLES, type Role } from '../http/access.ts'
import { type Command, type Terminal, UsageError } from './command.ts'
import { withApp, withExistingData } from './with-app.ts'

/** Adds and lists accounts, also while the service runs. */
export const user: Command = {
  usage:
    'user add [--role member|admin|owner] [--phone P] [--address A] [--email E] NAME | user list',
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
      case undefined:
      default:
        throw new UsageError('user needs an action: add or list')
    }
  },
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
  return withApp(config, async ({ accounts, record }) => {
    const person = { username, ...details, password }
    const { publicId } = await accounts.add(person, role).catch(explained(config))
    await record(COMMAND_LINE, {
      action: 'account.add',
      result: 'success',
      subject: publicId,
      detail: { role },
    })
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

const ROWS_PER_PAGE = 500

const list = async ({ env, print }: Terminal): Promise<number> => {
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
