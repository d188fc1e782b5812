import type { Clock } from '../domain/clock.ts'
import type { Database } from '../storage/database.ts'
import { type ChangeDependencies, changes } from './core/changes.ts'
import { lockService } from './registry/service.ts'

type Dependencies = ChangeDependencies & {
  readonly db: Database
  readonly clock: Clock
}

/** Locks, and who may open them. */
export const locksModule = ({ db, clock, ...changing }: Dependencies) => {
  const shared = { db, clock, changes: changes(changing) }
  const locks = lockService(shared)
  return { locks }
}
