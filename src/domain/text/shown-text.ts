/** Returns text as a terminal, a log or a spreadsheet may show it. Signs that would end a line, move the
 * cursor, change the direction of text or show nothing at all are escaped as in JSON (`\u202e`), so JSON
 * stays the same value. Emoji stay as they are. */
export const shownText = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replaceAll(EMOJI_OR_DECEIVING, (match: string, emoji?: string) =>
        emoji === undefined ? escaped(match) : match,
      )

/** The same for text of several lines, and of columns that tabs separate. */
export const shownLines = (text: string): string =>
  PLAIN_LINES.test(text) ? text : text.replaceAll(BETWEEN_BREAKS, shownText)

const PLAIN = /^[\x20-\x7e]*$/
const PLAIN_LINES = /^[\x20-\x7e\t\n]*$/

const BETWEEN_BREAKS = /[^\n\t]+/g

/** Control, format, private-use and unassigned characters, fillers and blanks. The emoji are those that
 * Unicode recommends, with the invisible characters that join their parts. */
const EMOJI_OR_DECEIVING =
  /(\p{RGI_Emoji})|[\u2d7f\u{1107f}\u{16fe4}\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{1d159}]/gv

const escaped = (sign: string): string =>
  sign
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
