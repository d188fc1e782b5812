import type { Unlock } from './unlock.ts'

/** An unlock, and who else reports it. */
export type ToldUnlock = Unlock & {
  /** How often those who say so said it. */
  readonly told: number
  /** Who else says so. */
  readonly also: readonly Unlock['source'][]
}

/** Says how often an unlock was reported, if more than once. */
export const toldWords = (told: number): string =>
  told === 2 ? 'reported twice' : `reported ${told} times`

/** What says most comes first. */
const STRENGTH: readonly Unlock['source'][] = [
  'attested',
  'reported',
  'decided',
  'observed',
  'claimed',
  'imported',
]

/** Of an attempt at a lock with several controllers, one that opened counts more than one that did not. */
const ENDS: readonly Unlock['result'][] = ['unlocked', 'released', 'failed', 'permitted', 'denied']

/** Returns unlocks in the same order, each opening once. Of what the lock, the gateway and an app report of it, the one
 * that says most is shown; of equal ones, the first. */
export const withoutRepeats = (unlocks: readonly Unlock[]): readonly ToldUnlock[] => {
  const bySeq = new Map(unlocks.map((unlock) => [unlock.seq, unlock]))
  const firstOf = (unlock: Unlock): Unlock => {
    const earlier = unlock.repeat_of === null ? undefined : bySeq.get(unlock.repeat_of)
    return earlier ? firstOf(earlier) : unlock
  }
  const told = groupedBy(unlocks, (unlock) => firstOf(unlock).seq)
  const openings = groupedBy(
    told,
    (group) => group.find(({ attempt }) => attempt !== null)?.attempt ?? group[0]?.seq,
  )
  const shown = openings.map((groups) => shownOf(groups.flat()))
  const bySeqShown = new Map(shown.map((unlock) => [unlock.seq, unlock]))
  return unlocks.flatMap(({ seq }) => bySeqShown.get(seq) ?? [])
}

/** The groups of `Map.groupBy`, which the oldest browsers lack. */
const groupedBy = <Item>(items: readonly Item[], keyOf: (item: Item) => unknown): Item[][] => {
  const groups = new Map<unknown, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return [...groups.values()]
}

const shownOf = (opening: readonly Unlock[]): ToldUnlock => {
  const [strongest, ...others] = [...opening].sort(
    (one, other) =>
      STRENGTH.indexOf(one.source) - STRENGTH.indexOf(other.source) ||
      ENDS.indexOf(one.result) - ENDS.indexOf(other.result) ||
      one.seq - other.seq,
  ) as [Unlock, ...Unlock[]]
  const { source, result } = strongest
  const also = new Set(others.map((other) => other.source).filter((other) => other !== source))
  return {
    ...strongest,
    told: opening.filter((unlock) => unlock.source === source && unlock.result === result).length,
    also: [...also],
  }
}
