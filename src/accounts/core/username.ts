import { visibleText } from '../../domain/text/folded-text.ts'

/** Returns the key that all spellings of a name share: the name in NFKC, without invisible
 * characters and without leading or trailing space. Look-alike letters of other alphabets stay
 * distinct. */
export const usernameKeyOf = (username: string): string =>
  visibleText(username.normalize('NFKC'))
    .trim()
    // Composes letters that an invisible character separated.
    .normalize('NFKC')

/** True if a new account may have this name. Refused are names that reorder their letters when shown, and
 * names with signs that show nothing or that no font has, since they could pass for another name. An
 * account that has such a name keeps it. */
export const isReadableName = (username: string): boolean =>
  !DIRECTION_CONTROLS.test(username) && !UNREADABLE.test(username.normalize('NFC'))

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

const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/

/** Private-use and unassigned signs; assigned ones that are blank or invisible in most fonts; blanks so narrow
 * that two words look like one; and more marks on a letter than any language puts there. */
const UNREADABLE =
  /[\u2d7f\u{1107f}\u{16fe4}\p{Co}\p{Cn}\p{Cs}\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\ufffc\u{13441}\u{13442}\u{1d159}]|\p{M}{6}/u
