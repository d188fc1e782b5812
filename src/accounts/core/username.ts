import { visibleText } from '../../domain/text/folded-text.ts'
import { isReadable } from '../../domain/text/readable-text.ts'

/** Returns the key that all spellings of a name share: the name in NFKC, without invisible
 * characters and without leading or trailing space. Look-alike letters of other alphabets stay
 * distinct. */
export const usernameKeyOf = (username: string): string =>
  visibleText(username.normalize('NFKC'))
    .trim()
    // Composes letters that an invisible character separated.
    .normalize('NFKC')

/** True if a new account may have this name, as far as people can read it. An account that has another one
 * keeps it. */
export const isReadableName = isReadable

/** True if a list could take a name with this key for words of its own, such as `(erased)`, `uid:0` for
 * the command line, or `-` for nobody: it begins with a bracket or like `uid:`, is what the console says
 * instead of a name, or has neither letter, number nor emoji. No new account may have such a name; one that has keeps it. */
export const isReservedName = (usernameKey: string): boolean =>
  LIKE_A_LABEL.test(usernameKey) ||
  SAID_FOR_A_NAME.has(usernameKey.toLowerCase()) ||
  !LETTER_NUMBER_OR_EMOJI.test(usernameKey)

const LIKE_A_LABEL = /^\p{Ps}|^uid[^\p{L}\p{M}\p{N}\s]/iu

const SAID_FOR_A_NAME = new Set([
  'a stranger',
  'an erased person',
  'erased person',
  'somebody',
  'somebody at the gateway',
  'the gateway',
])

const LETTER_NUMBER_OR_EMOJI = /[\p{L}\p{N}\p{Emoji_Presentation}\p{Extended_Pictographic}]/u
