import { dirname, isAbsolute } from 'node:path'
import { parseArgs } from 'node:util'
import { parseConfig } from '../config/config.ts'
import { type Command, type Options, UsageError } from './command/command.ts'
import { controllerUnit } from './controller/unit.ts'
import template from './secure-lock.service' with { type: 'text' }

const OPTIONS = {
  user: {
    type: 'string',
    default: 'secure-lock',
    value: 'NAME',
    summary: 'the user the service runs as',
  },
  settings: {
    type: 'string',
    value: 'FILE',
    summary: 'the file of its settings [the one of --env-file, or /etc/secure-lock.env]',
  },
} as const satisfies Options

/** Prints a systemd unit that runs this executable with only the rights it needs. */
export const systemdUnit: Command = {
  summary: 'print a systemd unit for this executable',
  details:
    'The service reads the settings file at each start; the unit itself sets none. The data is kept in /var/lib/secure-lock unless DATA_DIR says otherwise. Give this command the settings of the service (--env-file): PORT, DATA_DIR, DATABASE_URI and BACKUP_DIR decide what the unit allows.',
  options: OPTIONS,
  examples: {
    'install it':
      'secure-lock-server --env-file /etc/secure-lock.env systemd-unit > /etc/systemd/system/secure-lock.service',
    'the controller at a door':
      "secure-lock-server systemd-unit controller --open 'gpioset …' --close 'gpioset …' > /etc/systemd/system/secure-lock-controller.service",
  },
  actions: { controller: controllerUnit },
  run: async (args, terminal) => {
    const { env, settingsFile, print, say } = terminal
    if (args[0] === 'controller') return controllerUnit.run(args.slice(1), terminal)
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(values.user))
      throw new UsageError('--user must be the name of a system user')
    const { port, backupDir, dataDir, databasePath } = parseConfig(env)
    // Relative paths start in the folder of the unit, which it may write to anyway.
    const folders = [
      ...(isAbsolute(env['DATA_DIR']?.trim() ?? '') ? [dataDir] : []),
      ...(env['DATABASE_URI']?.startsWith('sqlite:////') ? [dirname(databasePath)] : []),
      ...(backupDir === undefined ? [] : [backupDir]),
    ]
    const settings = values.settings ?? settingsFile?.path ?? '/etc/secure-lock.env'
    if (!isAbsolute(env['DATA_DIR']?.trim() ?? ''))
      say(
        `Add DATA_DIR=${STATE_FOLDER} to ${settings}: without an absolute path, commands look in another folder than the service.`,
      )
    for (const folder of folders.filter((path) =>
      HIDDEN_FOLDERS.some((one) => isWithin(path, one)),
    ))
      say(`The service cannot reach ${folder}: the unit hides home folders.`)
    const parts: Readonly<Record<string, string>> = {
      EXECUTABLE: path(process.execPath),
      ENV_FILE: path(settings),
      USER: values.user,
      WRITABLE: [...new Set(folders)]
        .filter((folder) => !isWithin(folder, STATE_FOLDER))
        .map((folder) => `"-${plain(folder)}"`)
        .join(' '),
      CAPABILITIES: port < FIRST_FREE_PORT ? 'CAP_NET_BIND_SERVICE' : '',
    }
    print(template.replaceAll(/@([A-Z_]+)@/g, (_, name: string) => parts[name] ?? '').trimEnd())
    return 0
  },
}

/** Lower ports require a privilege. */
const FIRST_FREE_PORT = 1024

const STATE_FOLDER = '/var/lib/secure-lock'

/** What `ProtectHome=yes` hides. */
const HIDDEN_FOLDERS = ['/home', '/root', '/run/user']

const isWithin = (path: string, folder: string): boolean => `${path}/`.startsWith(`${folder}/`)

/** Escapes a path for quotation marks in a unit, where `%` is special, and on command lines also
 * `$`. */
const path = (text: string): string => plain(text).replaceAll('$', '$$$$')

const plain = (text: string): string => {
  if (!isAbsolute(text) || /["\\\p{Cc}]/u.test(text))
    throw new UsageError('a path in the unit must begin with / and have no quotation marks')
  return text.replaceAll('%', '%%')
}
