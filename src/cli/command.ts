import { existsSync } from 'node:fs'
import { closestMatch } from 'leven'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import { hasUnfinishedRestore } from '../storage/backup/restore-journal.ts'

/** All of the process that a command may touch, so that a test can stand in for it. */
export type Terminal = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The file that `--env-file` named, as an absolute path. */
  readonly settingsFile?: string | undefined
  /** Writes a line to standard output: what was asked for. */
  readonly print: (line: string) => void
  /** Writes a line to standard error: words for people. */
  readonly say: (line: string) => void
  /** Shows on a terminal, and nowhere else, a line that the next one replaces; an empty one ends it. */
  readonly showProgress: (line: string) => void
  /** Reads one line that is not shown: hidden where a person types, else from standard input. */
  readonly readSecret: (prompt: string) => Promise<string>
  /** Asks for one line that is shown as it is typed. */
  readonly readLine: (prompt: string) => Promise<string>
  /** True where a person types at a terminal. */
  readonly isInteractive: boolean
  /** True where what `say` writes is shown on a terminal. */
  readonly isShown: boolean
  /** True where what `print` writes is shown on a terminal that takes colours, and nobody has asked
   * for none (NO_COLOR, TERM=dumb). */
  readonly hasColours: boolean
  /** Calls whenever the process is asked for another level of its log (SIGUSR2). */
  readonly onLevelRequest: (work: () => void) => void
  /** Resolves when the process is asked to stop, which from now on does not end it by itself. */
  readonly stopRequested: () => Promise<void>
  /** Calls whenever the process is asked to read its files anew, which from now on does not end it. */
  readonly onReloadRequest: (work: () => void) => void
}

/** An option as `parseArgs` reads it and as help and completion show it: one table for all three. */
export type Option = {
  readonly type: 'string' | 'boolean'
  readonly default?: string | boolean
  readonly multiple?: boolean
  readonly short?: string
  readonly summary: string
  /** Of a string option: what stands for its value, as in `Operand`. */
  readonly value?: Operand
  /** The command makes no sense without it. */
  readonly required?: true
}

export type Options = Readonly<Record<string, Option>>

/** A word that is no option: `NAME` for any, `FILE` or `DIR` for a path, `on|off` for one of these.
 * In brackets it may be left out. */
export type Operand = string

/** One of the words that may follow a command, such as `add` in `user add`. */
export type Action = {
  readonly summary: string
  readonly options?: Options
  readonly operands?: readonly Operand[]
  readonly run: Command['run']
}

export type Actions = Readonly<Record<string, Action>>

/** All that help, completion and the manual know of a command stands here. */
export type Command = {
  /** Only where it does not follow from the rest; one form a line. */
  readonly usage?: string
  readonly summary: string
  /** Further lines for the command's own page. */
  readonly details?: string
  readonly options?: Options
  readonly operands?: readonly Operand[]
  readonly actions?: Actions
  /** What to type, by what it does. */
  readonly examples?: Readonly<Record<string, string>>
  /** Where 1 means more than "it failed". */
  readonly exitStatus?: Readonly<Record<number, string>>
  /** Gives the exit status. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>
}

/** What a command with actions does: the one that is named. Throws `UsageError` for any other. */
export const runAction =
  (name: string, actions: Actions): Command['run'] =>
  async ([word, ...args], terminal) => {
    if (word === undefined)
      throw new UsageError(`${name} needs one of: ${Object.keys(actions).join(', ')}`)
    const action = Object.hasOwn(actions, word) ? actions[word] : undefined
    if (!action)
      throw new UsageError(`${name} knows no "${word}"${didYouMean(word, Object.keys(actions))}`)
    return action.run(args, terminal)
  }

/** The word that was meant, as the end of a sentence; nothing where none is near. */
export const didYouMean = (word: string, words: readonly string[]): string => {
  // Two letters that changed places are two changes.
  const maxDistance = word.length < 4 ? 1 : 2
  const nearest =
    words.find((one) => word !== '' && one.startsWith(word)) ??
    closestMatch(word, words, { maxDistance })
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}

/** Words on the command line that make no sense; exit status 2. */
export class UsageError extends Error {}

/** Says of an option that `parseArgs` does not know which one was meant. */
export const explainedOption = (error: unknown, command: Command): unknown => {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (!String(error.code).startsWith('ERR_PARSE_ARGS')) return error
  const [, word] = /^Unknown option '--([\w-]+)'/.exec(error.message) ?? []
  if (word === undefined) return new UsageError(error.message)
  const tables = [command, ...Object.values(command.actions ?? {})]
  const known = tables.flatMap(({ options = {} }) => Object.keys(options))
  const meant = didYouMean(word, known).replace('"', '"--')
  return new UsageError(`There is no option "--${word}"${meant}`)
}

/** What to type for this very file to do something else with the same settings. */
export const ownCommand = ({ settingsFile }: Terminal, words: string): string =>
  [process.execPath, ...(settingsFile ? ['--env-file', settingsFile] : [])]
    .map((word) => (/^[\w/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .concat(words)
    .join(' ')

/** For commands that work on what there is: in a wrong folder they must not make another. Throws
 * `unavailable`. */
export const requireDatabase = ({ dataDir, databasePath }: Config): void => {
  if (!existsSync(databasePath) && !hasUnfinishedRestore(dataDir))
    throw new AppError(
      'unavailable',
      `There is no database at ${databasePath}; check DATA_DIR, or start the service first`,
    )
}

/** The address at which this machine reaches its own service. */
export const ownUrl = ({ host, port, tlsCertFile }: Config, path: string): string => {
  const reachable = OWN_HOSTS[host] ?? host
  const name = reachable.includes(':') ? `[${reachable}]` : reachable
  return `${tlsCertFile === undefined ? 'http' : 'https'}://${name}:${port}${path}`
}

const OWN_HOSTS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
