import type { Clock } from '../../domain/clock.ts'
import { DAY_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { deliveriesIn } from '../core/delivery-store.ts'
import { targetsIn } from '../core/target-store.ts'

/** How a target of the home does. */
export type TargetHealth = {
  readonly id: string
  readonly name: string
  /** Why the server disabled it, if it did. */
  readonly disabledWhy: 'gone' | 'failing' | undefined
  readonly failingSinceMs: number | undefined
  /** How much it missed in the last week, because too much waited. */
  readonly missed: number
}

const MISSED_MS = 7 * DAY_MS

/** Returns how the targets of the home do that nobody has disabled. */
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
