import type { Driver } from '../../../api/doors/driver.ts'

/** The state of a lock, in a word. */
export const BOLTS: Readonly<Record<NonNullable<Driver['state']>, string>> = {
  locked: 'Locked',
  unlocked: 'Unlocked',
  locking: 'Locking',
  unlocking: 'Unlocking',
  opening: 'Opening',
  open: 'Open',
  jammed: 'Jammed',
}
