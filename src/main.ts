import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { version } from '../package.json'
import { UsageError } from './cli/command.ts'
import { COMMANDS, help } from './cli/commands.ts'
import { Interrupted, processTerminal } from './cli/terminal.ts'
import { ConfigError } from './config.ts'
import { AppError } from './errors.ts'

const EXIT = { failed: 1, usage: 2, bug: 70, interrupted: 130 } as const

const main = async (words: readonly string[]): Promise<number> => {
  const { args, settings } = takeEnvFile(words)
  const terminal = processTerminal({ ...settings, ...process.env })
  const [first = 'serve', ...rest] = args
  if (args.includes('--help') || args.includes('-h')) return printed(help())
  if (first === '--version' || first === '-v') return printed(version)
  const isOption = first.startsWith('-')
  const command = isOption ? COMMANDS['serve'] : COMMANDS[first]
  if (!command) throw new UsageError(`There is no command "${first}"`)
  return command.run(isOption ? args : rest, terminal)

  function printed(text: string): number {
    terminal.print(text)
    return 0
  }
}

/** Takes `--env-file FILE` out of the words, wherever it stands, and reads the file. */
const takeEnvFile = (words: readonly string[]) => {
  const place = words.indexOf('--env-file')
  if (place === -1) return { args: words, settings: {} }
  const path = words[place + 1]
  if (path === undefined) throw new UsageError('--env-file needs a FILE')
  try {
    return { args: words.toSpliced(place, 2), settings: parseEnv(readFileSync(path, 'utf8')) }
  } catch (error) {
    throw new AppError('unavailable', `Cannot read the settings in ${path}`, { cause: error })
  }
}

const exitStatus = (error: unknown): number => {
  if (error instanceof Interrupted) return EXIT.interrupted
  if (error instanceof UsageError || isBadOption(error)) {
    process.stderr.write(`${error.message}\n`)
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
