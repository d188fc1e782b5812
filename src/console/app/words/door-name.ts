import { signal } from '@preact/signals'
import { foldedText } from '../../../domain/text/folded-text.ts'

/** The names of the doors by label, once they are loaded. */
export const doorNames = signal<ReadonlyMap<string, string>>(new Map())

/** What people call a door, by its label; the label in words if it has no other name. */
export const doorName = (label: string): string => ownName(label) ?? labelWords(label)

/** The same within a sentence: `the front door`, or `“Haustür”`. */
export const theDoor = (label: string): string => {
  const name = ownName(label)
  return name === undefined ? `the ${labelWords(label)}` : `“${name}”`
}

/** Whether a door has another name than its label in words. */
export const hasOwnName = (label: string): boolean => ownName(label) !== undefined

const labelWords = (label: string): string => label.replaceAll('-', ' ')

/** The name of a door, unless it is the label in words. */
const ownName = (label: string): string | undefined => {
  const name = doorNames.value.get(label)
  return name === undefined || foldedText(name) === labelWords(label) ? undefined : name
}
