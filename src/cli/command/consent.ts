import { AppError } from '../../errors.ts'
import { type Terminal, UsageError } from './command.ts'

/** Throws UsageError if a command has to ask for consent and there is no terminal to ask at. */
export const requireTerminal = ({ isInteractive }: Terminal, command: string): void => {
  if (!isInteractive) throw new UsageError(`${command} needs --yes without a terminal to ask at`)
}

type Consent = {
  /** What has to be typed. */
  readonly word: string
  /** The end of the question, such as `to replace the current data`. */
  readonly purpose: string
  /** The message if something else is typed. */
  readonly refusal: string
  /** Whether a text counts as the word; by default, if it is the same but for spaces around it. */
  readonly isWord?: (typed: string) => boolean
}

/** Asks a person to type a word. Rejects with `invalid` if they type something else. */
export const requireConsent = async (
  { readLine }: Terminal,
  { word, purpose, refusal, isWord = (typed) => typed.trim() === word }: Consent,
): Promise<void> => {
  const typed = await readLine(`Type ${word} ${purpose}: `)
  if (!isWord(typed)) throw new AppError('invalid', refusal)
}
