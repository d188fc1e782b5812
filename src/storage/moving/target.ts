import { AppError } from '../../errors.ts'
import type { Queries } from '../queries.ts'
import { arrivalIn, moveIn } from './moved.ts'
import type { NewHome } from './table.ts'

/** A place that a home moves to. */
export type Target = {
  /** Whether the move brought everything there before, and was then interrupted. */
  readonly hasArrived: boolean
  /** Begins the new home, which nobody sees before it is published. */
  readonly begin: () => Promise<Arriving>
  readonly close: () => Promise<void>
}

export type Arriving = NewHome & {
  /** Returns what reads the new home, once all its rows are written. */
  readonly written: () => Promise<Pick<Queries, 'all' | 'get'>>
  /** Makes it the home at that place. */
  readonly publish: () => Promise<void>
  /** Leaves nothing of it there. */
  readonly discard: () => Promise<void>
}

/** How a place is used: by nobody, by a home that moved away, or by the home that this move brought there. */
export type Occupied = 'empty' | 'left' | 'arrived'

/** Returns how a database with a home in it is used. Rejects with `conflict` if it has another home. */
export const occupationOf = async (
  db: Pick<Queries, 'get'>,
  { moveId, shown }: { readonly moveId: string; readonly shown: string },
): Promise<'left' | 'arrived'> => {
  if (await moveIn(db)) return 'left'
  if ((await arrivalIn(db)) === moveId) return 'arrived'
  throw new AppError('conflict', `There is a home at ${shown} already: choose another place`)
}
