import type { Unlock } from './unlock.ts'

/** An unlock, and how often it was reported. */
export type ToldUnlock = Unlock & { readonly told: number }

/** Says how often an unlock was reported, if more than once. */
export const toldWords = (told: number): string =>
  told === 2 ? 'reported twice' : `reported ${told} times`

/** Returns unlocks, newest first, without repeats: the first report stands for all. */
export const withoutRepeats = (unlocks: readonly Unlock[]): readonly ToldUnlock[] => {
  const listed = new Set(unlocks.map(({ seq }) => seq))
  /** How often each unlock was repeated, by its sequence number. */
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
