import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { version } from '../package.json'
import { UsageError, didYouMean, explainedOption } from './cli/command.ts'
import { commandOf } from './cli/commands.ts'
import { Interrupted, processTerminal } from './cli/terminal.ts'
import { ConfigError, SETTINGS, isSetting } from './config.ts'
import { AppError } from './errors.ts'
import { escaped } from './http/log-text.ts'
import { fileFault } from './storage/private-files.ts'

const EXIT = { failed: 1, usage: 2, bug: 70, interrupted: 130 } as const

/** Where there is more to read about what was asked for. */
let page = '--help'

const main = async (words: readonly string[]): Promise<number> => {
  const { args, settings } = takeEnvFile(words)
  const terminal = processTerminal({ ...settings, ...process.env })
  const [first = 'serve', ...rest] = args
  if (args.includes('--help') || args.includes('-h'))
    return commandOf('help').run(first.startsWith('-') ? [] : [first], terminal)
  if (first === '--version' || first === '-v') {
    terminal.print(version)
    return 0
  }
  const isOption = first.startsWith('-')
  const name = isOption ? 'serve' : first
  const command = commandOf(name)
  page = `help ${name}`
  return command.run(isOption ? args : rest, terminal).catch((error: unknown) => {
    throw explainedOption(error, command)
  })
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

const SETTING_NAMES = Object.values(SETTINGS).map(({ env }) => env)

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
      process.stderr.write(
        `${path}: ${name} is no setting and changes nothing${didYouMean(name, SETTING_NAMES)}\n`,
      )
  return settings
}

const exitStatus = (error: unknown): number => {
  if (error instanceof Interrupted) return EXIT.interrupted
  if (error instanceof UsageError) {
    process.stderr.write(`${visible(error.message)}\nSee: secure-lock-server ${page}\n`)
    return EXIT.usage
  }
  if (error instanceof AppError || error instanceof ConfigError) {
    process.stderr.write(`${visible(error.message)}\n`)
    return EXIT.failed
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return EXIT.bug
}

/** Words on the command line, names of files and other programs' data are in it. */
const visible = (message: string): string => message.split('\n').map(escaped).join('\n')

process.exit(await main(process.argv.slice(2)).catch(exitStatus))
