/** False for text that reorders its letters when shown, or has signs that show nothing or that no font has: it
 * could pass for another text, and turn the words around it. */
export const isReadable = (text: string): boolean =>
  !DIRECTION_CONTROLS.test(text) && !UNREADABLE.test(text.normalize('NFC'))

const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/

/** Private-use and unassigned signs; assigned ones that are blank or invisible in most fonts; blanks so narrow
 * that two words look like one; and more marks on a letter than any language puts there. */
const UNREADABLE =
  /[\u2d7f\u{1107f}\u{16fe4}\p{Co}\p{Cn}\p{Cs}\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\ufffc\u{13441}\u{13442}\u{1d159}]|\p{M}{6}/u
