import { openFileTarget } from './file-target.ts'
import type { Place } from './source.ts'
import type { Target } from './target.ts'

/** Opens the place that a move goes to: a file, or a home on a server. What a home left there when it moved away is set
 * aside. Rejects with `conflict` if there is another home, and with `unavailable` if it cannot be used. */
export const openTarget = async (
  { postgres, databasePath }: Place,
  moveId: string,
): Promise<Target> =>
  postgres
    ? (await import('./server-target.ts')).openServerTarget(postgres, moveId)
    : openFileTarget(databasePath, moveId)
