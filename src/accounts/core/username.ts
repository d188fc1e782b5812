/** Returns the key by which two spellings are the same name: the name in NFKC, without invisible
 * characters and without space at its ends. Look-alike letters of other alphabets stay distinct. */
export const usernameKeyOf = (username: string): string =>
  username
    .normalize('NFKC')
    .replaceAll(INVISIBLE, '')
    .replaceAll(SPACE, ' ')
    .trim()
    // Joins what an invisible character kept apart.
    .normalize('NFKC')

/** Format characters, variation selectors and fillers. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

/** Space of any kind, and the blank braille cell, which looks like it. */
const SPACE = /[\s\u2800]+/g

/** True if a name reorders its letters when shown, so that it could pass for another. */
export const hasDirectionControls = (username: string): boolean => DIRECTION_CONTROLS.test(username)

const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/
