/** Returns text as people compare it when they search: whatever its case, the way its letters are
 * composed (NFKC), its invisible characters and its space. Names to log in with and passwords are not
 * compared like this. */
export const foldedText = (text: string): string =>
  ASCII.test(text)
    ? text.replaceAll(SPACE, ' ').trim().toLowerCase()
    : visibleText(text.normalize('NFKC'))
        // By way of upper case: ß is SS, and the dotless i is I.
        .toLowerCase()
        .toUpperCase()
        .toLowerCase()
        .replaceAll('ς', 'σ')
        .replaceAll(/i\u0307+/g, 'i')
        .normalize('NFKC')
        .trim()

/** Returns whether a text contains these words, as people compare them. */
export const containing = (words: string): ((text: string | null) => boolean) => {
  const wanted = foldedText(words)
  return (text) => text !== null && foldedText(text).includes(wanted)
}

/** Returns text without invisible characters, and with one plain blank for all space in a row. */
export const visibleText = (text: string): string =>
  text.replaceAll(INVISIBLE, '').replaceAll(SPACE, ' ')

const ASCII = /^[ -~]*$/

/** Format characters, variation selectors and fillers. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu

/** Space of any kind, and the blank braille cell, which looks like it. */
const SPACE = /[\s\u2800]+/g
