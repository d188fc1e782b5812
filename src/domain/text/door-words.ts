import { foldedText } from './folded-text.ts'

/** Returns what to call a door within a sentence: `the front door`, or `“Haustür”` if that is its name. */
export const doorWords = (label: string, name: string | undefined): string => {
  const own = ownDoorName(label, name)
  return own === undefined ? `the ${labelWords(label)}` : `“${own}”`
}

/** Returns the name of a door, unless it is its label in words. */
export const ownDoorName = (label: string, name: string | undefined): string | undefined =>
  name === undefined || name === label || foldedText(name) === labelWords(label) ? undefined : name

/** Returns a label in words: `front door`. */
export const labelWords = (label: string): string => label.replaceAll('-', ' ')
