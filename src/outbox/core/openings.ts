import { SAME_OPENING_MS } from '../../domain/home-event.ts'

/** An unlock that an app claimed or a lock reported. */
export type Sighting = {
  readonly seq: number
  readonly source: string
  readonly happenedAtMs: number
}

/** The sources of sightings. */
export const SIGHTED = new Set(['claimed', 'reported'])

/** Returns the numbers of those sightings, of one account at one lock and in the order of the log, that are the
 * second one of an opening: the first one has told of it. Each opening has at most one of each source. */
export const secondSightings = (sightings: readonly Sighting[]): ReadonlySet<number> => {
  const seconds = new Set<number>()
  const lone: Sighting[] = []
  for (const sighting of sightings) {
    const first = lone.findIndex(
      ({ source, happenedAtMs }) =>
        source !== sighting.source &&
        Math.abs(happenedAtMs - sighting.happenedAtMs) <= SAME_OPENING_MS,
    )
    if (first === -1) lone.push(sighting)
    else {
      lone.splice(first, 1)
      seconds.add(sighting.seq)
    }
  }
  return seconds
}
