import { resolve } from 'node:path'
import { version } from '../package.json'
import { type Terminal, UsageError, explainedOption } from './cli/command/command.ts'
import { commandOf } from './cli/commands.ts'
import { readSettingsFile } from './cli/command/settings-file.ts'
import { Interrupted, processTerminal } from './cli/command/stdio.ts'
import { ConfigError } from './config/config.ts'
import { AppError } from './errors.ts'
import { shownLines } from './domain/text/shown-text.ts'

const EXIT = { failed: 1, usage: 2, bug: 70, interrupted: 130 } as const

/** The page of help that a usage error refers to. */
let page = '--help'

const main = async (argv: readonly string[]): Promise<number> => {
  const { args, file } = takeEnvFile(argv)
  const terminal = processTerminal(withStateFolder({ ...file?.settings, ...process.env }), file)
  const [first = 'serve', ...rest] = args
  if (args.includes('--help') || args.includes('-h'))
    return (await commandOf('help')).run(first.startsWith('-') ? [] : [first], terminal)
  if (first === '--version' || first === '-v') {
    terminal.print(version)
    return 0
  }
  const isOption = first.startsWith('-')
  const name = isOption ? 'serve' : first
  const command = await commandOf(name)
  page = name === 'help' ? 'help' : `help ${name}`
  return command.run(isOption ? args : rest, terminal).catch((error: unknown) => {
    throw explainedOption(error, command)
  })
}

/** Removes `--env-file FILE` or `--env-file=FILE` from the arguments, wherever it is, and reads the
 * file. */
const takeEnvFile = (argv: readonly string[]) => {
  const index = argv.findIndex((arg) => arg === OPTION || arg.startsWith(`${OPTION}=`))
  if (index === -1) return { args: argv, file: undefined }
  const isOneArgument = argv[index] !== OPTION
  const path = isOneArgument ? argv[index]?.slice(OPTION.length + 1) : argv[index + 1]
  if (!path) throw new UsageError(`${OPTION} needs a FILE`)
  const args = argv.toSpliced(index, isOneArgument ? 1 : 2)
  return { args, file: { path: resolve(path), settings: readSettingsFile(path, say) } }
}

/** Without DATA_DIR, a service keeps its data in the folder that systemd prepares for it
 * (StateDirectory= in systemd.exec(5)); anything else in the unit would win over the settings file. */
const withStateFolder = (env: Terminal['env']): Terminal['env'] => {
  const [folder] = env['STATE_DIRECTORY']?.split(':') ?? []
  return folder && !env['DATA_DIR']?.trim() ? { ...env, DATA_DIR: folder } : env
}

const OPTION = '--env-file'

/** Messages quote arguments, file names and data from other programs. */
const say = (line: string): void => void process.stderr.write(`${shownLines(line)}\n`)

const exitStatus = (thrown: unknown): number => {
  const error = firstOf(thrown)
  if (error instanceof Interrupted) return EXIT.interrupted
  if (error instanceof UsageError) {
    say(`${error.message}\nSee: secure-lock-server ${page}`)
    return EXIT.usage
  }
  if (error instanceof AppError || error instanceof ConfigError) {
    say(error.message)
    return EXIT.failed
  }
  say(String(error instanceof Error ? error.stack : error))
  return EXIT.bug
}

/** Returns the first of several errors: after a failed start, closing what was open may fail too. */
const firstOf = (error: unknown): unknown =>
  error instanceof SuppressedError ? firstOf(error.suppressed) : error

// Not awaited: while the main module is in a top-level await, Bun 1.4.5 never notices that the module of a
// thread cannot be loaded, and ignores signals.
void main(process.argv.slice(2))
  .catch(exitStatus)
  .then((status) => process.exit(status))
