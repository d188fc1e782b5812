import type { Unlock } from './unlock.ts'

/** An unlock, and how often it was told. */
export type ToldUnlock = Unlock & { readonly told: number }

/** How often an unlock was told, if more than once. */
export const toldWords = (told: number): string =>
  told === 2 ? 'told twice' : `told ${told} times`

/** Returns unlocks, newest first, with those that repeat one another as the first of them. */
export const withoutRepeats = (unlocks: readonly Unlock[]): readonly ToldUnlock[] => {
  const listed = new Set(unlocks.map(({ seq }) => seq))
  /** How often the unlock of a number was told again. */
  const repeats = new Map<number, number>()
  const shown: ToldUnlock[] = []
  for (const unlock of unlocks) {
    const { seq, repeat_of: first } = unlock
    const told = 1 + (repeats.get(seq) ?? 0)
    if (first === null || !listed.has(first)) shown.push({ ...unlock, told })
    else repeats.set(first, (repeats.get(first) ?? 0) + told)
  }
  return shown
}
