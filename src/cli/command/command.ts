import { closestMatch } from 'leven'
import { portableSettings } from '../../config/config.ts'
import { SETTINGS } from '../../config/settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Everything a command may use of the process, so that a test can replace it. */
export type Terminal = {
  readonly env: Environment
  /** The file that `--env-file` named, as an absolute path, and what it sets. */
  readonly settingsFile?: { readonly path: string; readonly settings: Environment } | undefined
  /** Writes a line of the result to standard output; see `shownLines`. */
  readonly print: (line: string) => void
  /** Writes a message for people to standard error; see `shownLines`. */
  readonly say: (line: string) => void
  /** Like `print` and `say`, for text with colours of our own: what others wrote in it must have passed
   * `shownText`. */
  readonly printStyled: (line: string) => void
  readonly sayStyled: (line: string) => void
  /** Shows a line that the next one replaces, only on a terminal; an empty line ends it. */
  readonly showProgress: (line: string) => void
  /** Reads one line: hidden as it is typed at a terminal, otherwise from standard input. */
  readonly readSecret: (prompt: string) => Promise<string>
  /** Reads one line that is shown as it is typed. */
  readonly readLine: (prompt: string) => Promise<string>
  /** True if standard input is a terminal. */
  readonly isInteractive: boolean
  /** True if `say` writes to a terminal. */
  readonly isShown: boolean
  /** True if `print` writes to a terminal. */
  readonly isOutputShown: boolean
  /** True if `print` writes to a terminal that shows colours, and NO_COLOR or TERM=dumb does not turn
   * them off. */
  readonly hasColours: boolean
  /** How many columns the terminal has; undefined without one. */
  readonly columns: number | undefined
  /** Calls `work` each time the process is asked to switch the level of its log (SIGUSR2). */
  readonly onLevelRequest: (work: () => void) => void
  /** Resolves when the process is asked to stop. After the call, the signal no longer ends the
   * process. */
  readonly stopRequested: () => Promise<void>
  /** Calls `work` each time the process is asked to read its files again (SIGHUP). Once called, the
   * signal no longer ends the process. */
  readonly onReloadRequest: (work: () => void) => void
}

/** An option: `parseArgs`, help and completion use the same table. */
export type Option = {
  readonly type: 'string' | 'boolean'
  readonly default?: string | boolean
  readonly multiple?: boolean
  readonly short?: string
  readonly summary: string
  /** The placeholder for the value of a string option; see `Operand`. */
  readonly value?: Operand
  /** The command does not run without it. */
  readonly required?: true
}

export type Options = Readonly<Record<string, Option>>

/** An argument that is not an option: `NAME` for any text, `FILE` or `DIR` for a path, `on|off` for
 * either word. Brackets mean that it is optional. */
export type Operand = string

/** A subcommand, such as `add` in `user add`. */
export type Action = {
  readonly summary: string
  readonly options?: Options
  readonly operands?: readonly Operand[]
  readonly run: Command['run']
}

export type Actions = Readonly<Record<string, Action>>

/** A command, with everything that help, completion and the manual page say about it. */
export type Command = {
  /** Only if it does not follow from the rest; one form per line. */
  readonly usage?: string
  readonly summary: string
  /** More text for the command's own page. */
  readonly details?: string
  readonly options?: Options
  readonly operands?: readonly Operand[]
  readonly actions?: Actions
  /** Command lines, by what they do. */
  readonly examples?: Readonly<Record<string, string>>
  /** Only for statuses that mean more than usual. */
  readonly exitStatus?: Readonly<Record<number, string>>
  /** Returns the exit status. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>
}

/** Runs the action that the first argument names. Throws `UsageError` for an unknown one. */
export const runAction =
  (name: string, actions: Actions): Command['run'] =>
  async ([word, ...args], terminal) => {
    if (word === undefined)
      throw new UsageError(`${name} needs one of: ${Object.keys(actions).join(', ')}`)
    const action = Object.hasOwn(actions, word) ? actions[word] : undefined
    if (!action) throw unknownAction(name, word, actions)
    return action.run(args, terminal)
  }

export const unknownAction = (name: string, word: string, actions: Actions = {}): UsageError =>
  new UsageError(`${name} knows no "${word}"${didYouMean(word, Object.keys(actions))}`)

/** Suggests the closest word, as the end of a message; returns an empty string if none is close. */
export const didYouMean = (word: string, words: readonly string[]): string => {
  // Two swapped letters count as two changes.
  const maxDistance = word.length < 4 ? 1 : 2
  const nearest =
    words.find((candidate) => word !== '' && candidate.startsWith(word)) ??
    closestMatch(word, words, { maxDistance })
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}

/** A command line that cannot be understood; exit status 2. */
export class UsageError extends Error {}

/** Turns an error of `parseArgs` into a `UsageError`; an unknown option gets a suggestion. */
export const explainedOption = (error: unknown, command: Command): unknown => {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (!String(error.code).startsWith('ERR_PARSE_ARGS')) return error
  const [, word] = /^Unknown option '--([\w-]+)'/.exec(error.message) ?? []
  if (word === undefined) return new UsageError(error.message)
  const tables = [command, ...Object.values(command.actions ?? {})]
  const known = tables.flatMap(({ options = {} }) => Object.keys(options))
  // An option of another action is no suggestion.
  const others = known.filter((name) => name !== word)
  const meant = didYouMean(word, others).replace('"', '"--')
  return new UsageError(`There is no option "--${word}"${meant}`)
}

const OF_LOG: ReadonlySet<string> = new Set([SETTINGS.logLevel.env, SETTINGS.logFormat.env])

/** The command line that runs this executable with other arguments and, from any folder, the same
 * settings, except secrets and those of the log. */
export const ownCommand = ({ env, settingsFile }: Terminal, args: string): string => {
  const settings = Object.entries(portableSettings(env))
    .filter(([name, text]) => !OF_LOG.has(name) && settingsFile?.settings[name] !== text)
    .map(([name, text]) => `${name}=${text}`)
  return [
    ...(settings.length > 0 ? ['env', ...settings] : []),
    process.execPath,
    ...(settingsFile ? ['--env-file', settingsFile.path] : []),
  ]
    .map((word) => (/^[\w/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .concat(args)
    .join(' ')
}
