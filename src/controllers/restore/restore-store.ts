import type { Queries } from '../../storage/database.ts'
import type { ReadOnlyDatabase } from '../../storage/open.ts'

type ControllerRow = {
  readonly id: string
  readonly lock_id: string
  readonly name: string
  readonly token_hash: Uint8Array | null
  readonly forked_at_ms: number | null
  readonly removed_at_ms: number | null
}

type DoorKeyRow = {
  readonly public_key: Uint8Array
  readonly made_at_ms: number
  readonly succession: Uint8Array | null
  readonly ended_at_ms: number | null
}

/** The controllers and door keys of the data that a backup replaces. */
export type LiveControllers = {
  readonly controllers: readonly ControllerRow[]
  readonly doorKeys: readonly DoorKeyRow[]
}

export const NO_CONTROLLERS: LiveControllers = { controllers: [], doorKeys: [] }

/** The first schema with controllers. */
const CONTROLLERS_SCHEMA = 18

/** Reads them from a database. */
export const liveControllers = async ({
  all,
  schemaVersion,
}: Pick<ReadOnlyDatabase, 'all' | 'schemaVersion'>): Promise<LiveControllers> =>
  schemaVersion < CONTROLLERS_SCHEMA ? NO_CONTROLLERS : controllersAndKeys({ all })

const controllersAndKeys = async ({ all }: Pick<Queries, 'all'>): Promise<LiveControllers> => ({
  controllers: await all<ControllerRow>(
    'SELECT id, lock_id, name, token_hash, forked_at_ms, removed_at_ms FROM controller',
  ),
  doorKeys: await all<DoorKeyRow>(
    'SELECT public_key, made_at_ms, succession, ended_at_ms FROM door_key',
  ),
})

/** Ends all codes, gives controllers of a restored database the tokens that they have now, and trusts none again that
 * was no longer trusted. Returns the ids of those that were removed since. */
export const reapplyControllersIn = async (
  tx: Pick<Queries, 'all' | 'run'>,
  live: LiveControllers,
): Promise<readonly string[]> => {
  await tx.run('DELETE FROM controller_code')
  const now = new Map(live.controllers.map((controller) => [controller.id, controller]))
  const removed: string[] = []
  for (const { id, removed_at_ms: removedAtMs } of (await controllersAndKeys(tx)).controllers) {
    const controller = now.get(id)
    if (!controller || removedAtMs !== null) continue
    if (controller.removed_at_ms !== null) removed.push(id)
    else
      await tx.run(
        `UPDATE controller
         SET lock_id = ?, name = ?, token_hash = ?, forked_at_ms = coalesce(forked_at_ms, ?)
         WHERE id = ?`,
        controller.lock_id,
        controller.name,
        controller.token_hash,
        controller.forked_at_ms,
        id,
      )
  }
  return removed
}

/** Puts the door keys of the data before in the place of those of the backup, which may have been stolen since. Returns
 * the key in use if it is another one than in the backup, undefined otherwise. */
export const reapplyDoorKeysIn = async (
  tx: Pick<Queries, 'all' | 'run'>,
  { doorKeys }: LiveControllers,
): Promise<Uint8Array | undefined> => {
  const current = inUse(doorKeys)
  const before = inUse((await controllersAndKeys(tx)).doorKeys)
  if (!current || Bun.deepEquals(current.public_key, before?.public_key)) return undefined
  await tx.run('DELETE FROM door_key')
  for (const key of doorKeys)
    await tx.run(
      `INSERT INTO door_key (public_key, made_at_ms, succession, ended_at_ms)
       VALUES (?, ?, ?, ?)`,
      key.public_key,
      key.made_at_ms,
      key.succession,
      key.ended_at_ms,
    )
  return current.public_key
}

const inUse = (keys: readonly DoorKeyRow[]): DoorKeyRow | undefined =>
  keys.find((key) => key.ended_at_ms === null)
