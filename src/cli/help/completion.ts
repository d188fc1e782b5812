import bash from './completion.bash' with { type: 'text' }
import fish from './completion.fish' with { type: 'text' }
import zsh from './completion.zsh' with { type: 'text' }
import {
  type Action,
  type Command,
  type Operand,
  type Options,
  UsageError,
} from '../command/command.ts'
import { COMMON_OPTIONS, type Commands } from './help.ts'

const SCRIPTS: Readonly<Record<string, string>> = { bash, zsh, fish }

/** Prints the completion script for a shell. At each Tab, the script runs this program's
 * `completion words`, so it always matches the installed version. */
export const completion = (commands: () => Promise<Commands>): Command => ({
  summary: 'print the completion script for a shell',
  operands: [Object.keys(SCRIPTS).join('|')],
  examples: {
    'for bash': 'secure-lock-server completion bash > /etc/bash_completion.d/secure-lock-server',
    'for zsh':
      'secure-lock-server completion zsh > /usr/local/share/zsh/site-functions/_secure-lock-server',
    'for fish':
      'secure-lock-server completion fish > /etc/fish/completions/secure-lock-server.fish',
  },
  run: async ([shell = '', typed, ...more], { print }) => {
    if (shell === 'words' && typed !== undefined) {
      // All words are in one argument, so that none is taken for an option of this command.
      const [current = '', , ...before] = typed.split('\n')
      for (const line of completed({ current, before }, await commands())) print(line)
      return 0
    }
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
    if (!script || typed !== undefined || more.length > 0)
      throw new UsageError(`completion needs one of: ${Object.keys(SCRIPTS).join(', ')}`)
    print(script.trimEnd())
    return 0
  },
})

type Typed = {
  /** The word at the cursor; it may be empty. */
  readonly current: string
  /** The words between the program and the cursor. */
  readonly before: readonly string[]
}

/** Returns a line for each word that fits at the cursor: the word, a tab and its meaning. `:files`
 * and `:folders` stand for paths, which the shell completes. */
export const completed = ({ current, before }: Typed, commands: Commands): readonly string[] => {
  const place = placeAfter(before, commands)
  if (!place) return []
  const { options, awaited, command, action, operands } = place
  if (awaited !== undefined) return ofOperand(awaited, commands).filter(fits(current))
  if (current.startsWith('-')) return optionLines(options, before).filter(fits(current))
  if (!command) return summaries(commands).filter(fits(current))
  const words = [
    ...(command.actions && !action && operands === 0 ? summaries(command.actions) : []),
    ...ofOperand((action ?? command).operands?.[operands] ?? '', commands),
  ]
  return words.filter(fits(current))
}

type Place = {
  readonly command: Command | undefined
  readonly action: Action | undefined
  /** The options that fit here. */
  readonly options: Options
  /** The value that the last option still needs. */
  readonly awaited: Operand | undefined
  /** How many operands came before. */
  readonly operands: number
}

/** Parses the line as the commands do. Returns `undefined` if it starts with an unknown command. */
const placeAfter = (before: readonly string[], commands: Commands): Place | undefined => {
  let command: Command | undefined
  let action: Action | undefined
  let awaited: Operand | undefined
  let operands = 0
  const options = (): Options => ({ ...(action ?? command)?.options, ...COMMON_OPTIONS })
  for (const word of before) {
    if (awaited !== undefined) awaited = undefined
    else if (word.startsWith('-')) {
      const known = options()[word.slice(2)]
      if (known?.type === 'string') awaited = known.value ?? ''
    } else if (!command) {
      if (!Object.hasOwn(commands, word)) return undefined
      command = commands[word]
    } else if (!action && operands === 0 && Object.hasOwn(command.actions ?? {}, word))
      action = command.actions?.[word]
    else operands += 1
  }
  return { command, action, options: options(), awaited, operands }
}

const fits =
  (current: string) =>
  (line: string): boolean =>
    line.startsWith(current) || line.startsWith(':')

const ofOperand = (operand: Operand, commands: Commands): readonly string[] =>
  operand
    .replaceAll(/[[\]…]/g, '')
    .split('|')
    .flatMap((word) => {
      if (word === 'FILE') return [':files']
      if (word === 'DIR') return [':folders']
      if (word === 'COMMAND') return summaries(commands)
      return /^[a-z]/.test(word) ? [word] : []
    })

const summaries = (named: Readonly<Record<string, { readonly summary: string }>>) =>
  Object.entries(named).map(([name, { summary }]) => `${name}\t${summary}`)

const optionLines = (options: Options, before: readonly string[]): readonly string[] =>
  Object.entries(options)
    .filter(([name, { multiple }]) => multiple || !before.includes(`--${name}`))
    .map(([name, { summary }]) => `--${name}\t${summary}`)
