import { AppError } from '../errors.ts'
import type { Database } from '../storage/database.ts'
import { MINUTE_MS } from '../domain/duration.ts'
import { controllersIn } from './core/store.ts'
import type { DoorKeys } from './door-key/door-key.ts'
import { reportsIn } from './reports/store.ts'

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly keys: Pick<DoorKeys, 'current'>
  /** What only the running service knows, by the id of a controller. */
  readonly live?: {
    readonly isSilent: (id: string) => boolean
    readonly trustsOtherKey: (id: string) => boolean
  }
  readonly nowMs: () => number
}

/** When a controller was last seen is stored every ten minutes. */
const STORED_SILENT_MS = 15 * MINUTE_MS

/** Returns what `doctor` says about controllers. */
export const controllerChecks =
  ({ db, keys, live, nowMs }: Dependencies) =>
  async () => {
    const all = await controllersIn(db).all()
    const controllers = await Promise.all(
      all.map(async ({ id, lock, name, forkedAtMs, seenAtMs }) => ({
        lock,
        name,
        isForked: forkedAtMs !== null,
        isSilent: live ? live.isSilent(id) : nowMs() - seenAtMs > STORED_SILENT_MS,
        trustsOtherKey: live?.trustsOtherKey(id) ?? false,
        gaps: (await reportsIn(db).missing(id)).length,
      })),
    )
    return { controllers, isKeyMissing: all.length > 0 && (await isMissing(keys)) }
  }

const isMissing = async ({ current }: Pick<DoorKeys, 'current'>): Promise<boolean> => {
  try {
    return (await current()) === undefined
  } catch (error) {
    if (error instanceof AppError) return true
    throw error
  }
}
