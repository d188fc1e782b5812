/** Returns the key that all spellings of a name share: the name in NFKC, without invisible
 * characters and without leading or trailing space. Look-alike letters of other alphabets stay
 * distinct. */
export const usernameKeyOf = (username: string): string =>
  username
    .normalize('NFKC')
    .replaceAll(INVISIBLE, '')
    .replaceAll(SPACE, ' ')
    .trim()
    // Composes letters that an invisible character separated.
    .normalize('NFKC')

/** Format characters, variation selectors and fillers. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

/** Space of any kind, and the blank braille cell, which looks like it. */
const SPACE = /[\s\u2800]+/g

/** True if a name reorders its letters when shown, so that it could pass for another. */
export const hasDirectionControls = (username: string): boolean => DIRECTION_CONTROLS.test(username)

const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/
