import { signal } from '@preact/signals'
import { doorWords, labelWords, ownDoorName } from '../../../domain/text/door-words.ts'

/** The names of the doors by label, once they are loaded. */
export const doorNames = signal<ReadonlyMap<string, string>>(new Map())

/** What people call a door, by its label; the label in words if it has no other name. */
export const doorName = (label: string): string => ownName(label) ?? labelWords(label)

/** The same within a sentence: `the front door`, or `“Haustür”`. */
export const theDoor = (label: string): string => doorWords(label, doorNames.value.get(label))

/** Whether a door has another name than its label in words. */
export const hasOwnName = (label: string): boolean => ownName(label) !== undefined

const ownName = (label: string): string | undefined =>
  ownDoorName(label, doorNames.value.get(label))
