import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { version } from '../package.json'
import { UsageError } from './cli/command.ts'
import { COMMANDS, help } from './cli/commands.ts'
import { Interrupted, processTerminal } from './cli/terminal.ts'
import { ConfigError, isSetting } from './config.ts'
import { AppError } from './errors.ts'
import { fileFault } from './storage/private-files.ts'

const EXIT = { failed: 1, usage: 2, bug: 70, interrupted: 130 } as const

const main = async (words: readonly string[]): Promise<number> => {
  const { args, settings } = takeEnvFile(words)
  const terminal = processTerminal({ ...settings, ...process.env })
  const [first = 'serve', ...rest] = args
  if (args.includes('--help') || args.includes('-h')) return printed(help())
  if (first === '--version' || first === '-v') return printed(version)
  const isOption = first.startsWith('-')
  const name = isOption ? 'serve' : first
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) throw new UsageError(`There is no command "${first}"`)
  return command.run(isOption ? args : rest, terminal)

  function printed(text: string): number {
    terminal.print(text)
    return 0
  }
}

/** Takes `--env-file FILE` or `--env-file=FILE` out of the words, wherever it stands, and reads it. */
const takeEnvFile = (words: readonly string[]) => {
  const place = words.findIndex((word) => word === OPTION || word.startsWith(`${OPTION}=`))
  if (place === -1) return { args: words, settings: {} }
  const isOneWord = words[place] !== OPTION
  const path = isOneWord ? words[place]?.slice(OPTION.length + 1) : words[place + 1]
  if (!path) throw new UsageError(`${OPTION} needs a FILE`)
  return { args: words.toSpliced(place, isOneWord ? 1 : 2), settings: readEnvFile(path) }
}

const OPTION = '--env-file'

const readEnvFile = (path: string): Readonly<Record<string, string | undefined>> => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const reason = fileFault(error)
    throw new AppError('unavailable', `Cannot read the settings in ${path}: ${reason}`, {
      cause: error,
    })
  }
  const settings = parseEnv(text)
  for (const name of Object.keys(settings))
    if (!isSetting(name))
      process.stderr.write(`${path}: ${name} is no setting and changes nothing\n`)
  return settings
}

const exitStatus = (error: unknown): number => {
  if (error instanceof Interrupted) return EXIT.interrupted
  if (error instanceof UsageError || isBadOption(error)) {
    process.stderr.write(`${error.message}\nSee: secure-lock-server --help\n`)
    return EXIT.usage
  }
  if (error instanceof AppError || error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`)
    return EXIT.failed
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return EXIT.bug
}

const isBadOption = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

process.exit(await main(process.argv.slice(2)).catch(exitStatus))
