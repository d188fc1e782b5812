/** Returns text as people compare it when they search: whatever its case, the way its letters are
 * composed (NFKC), and the space around it. Names to log in with and passwords are not compared like
 * this. */
export const foldedText = (text: string): string =>
  ASCII.test(text)
    ? text.trim().toLowerCase()
    : text
        .normalize('NFKC')
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

const ASCII = /^[ -~]*$/
