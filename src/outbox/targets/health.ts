import type { Clock } from '../../domain/clock.ts'
import { DAY_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { deliveriesIn } from '../core/delivery-store.ts'
import { targetsIn } from '../core/target-store.ts'

/** The health of a target of the home. */
export type TargetHealth = {
  readonly id: string
  readonly name: string
  /** Why the server disabled it, if it did. */
  readonly disabledWhy: 'gone' | 'failing' | undefined
  readonly failingSinceMs: number | undefined
  /** How many deliveries were dropped in the last week because too many were waiting. */
  readonly missed: number
}

const MISSED_MS = 7 * DAY_MS

/** Returns a function that reads the health of the home’s targets, except those that a person disabled. */
export const targetHealth =
  (db: Pick<Queries, 'all' | 'get' | 'run'>, clock: Pick<Clock, 'wallMs'>) =>
  async (): Promise<readonly TargetHealth[]> => {
    const sinceMs = clock.wallMs() - MISSED_MS
    const found: TargetHealth[] = []
    for (const { id, name, accountPublicId, disabledWhy, failingSinceMs } of await targetsIn(
      db,
    ).all())
      if (accountPublicId === null && disabledWhy !== 'person')
        found.push({
          id,
          name,
          disabledWhy,
          failingSinceMs,
          missed: await deliveriesIn(db).countMissed(id, sinceMs),
        })
    return found
  }
