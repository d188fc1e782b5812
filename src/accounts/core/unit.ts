import { foldedText } from '../../domain/text/folded-text.ts'

/** Returns a unit as it is stored and shown: composed (NFC), without the space around it. */
export const shownUnit = (unit: string): string => unit.normalize('NFC').trim()

/** Returns the columns of a unit: as it is shown, and the key that all its spellings share. Null stands
 * for none. */
export const unitColumns = (
  unit: string | null | undefined,
): readonly [unit: string | null, unitKey: string | null] =>
  unit === null || unit === undefined ? [null, null] : [shownUnit(unit), foldedText(unit)]
