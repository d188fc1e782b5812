import { visibleText } from '../../domain/text/folded-text.ts'
import { isReadable } from '../../domain/text/readable-text.ts'
import { notAccepted } from '../../http/request/accepted.ts'

/** Returns the name of a lock, holiday or guest as it is stored and shown: composed (NFC), without surrounding space.
 * Throws `invalid` for the field if nothing of it is visible, or it would reverse the sentence of a grant. */
export const shownName = (name: string, field = 'name'): string => {
  const shown = name.normalize('NFC').trim()
  if (visibleText(shown).trim() === '' || !isReadable(shown))
    throw notAccepted({ [field]: 'readable text' })
  return shown
}
