import type { Queries } from '../../storage/database.ts'
import type { ReadOnlyDatabase } from '../../storage/open.ts'

/** Where an enabled target leads, and with what. */
type LiveTarget = { readonly id: string; readonly settings: string; readonly secrets: string }

export type LiveTargets = ReadonlyMap<string, LiveTarget>

/** The first schema with targets. */
const TARGET_SCHEMA = 17

/** Returns the enabled targets of a database, by their ids. */
export const liveTargets = async (
  db: Pick<ReadOnlyDatabase, 'all' | 'schemaVersion'>,
): Promise<LiveTargets> => new Map(db.schemaVersion < TARGET_SCHEMA ? [] : await enabledIn(db))

const enabledIn = async (
  db: Pick<Queries, 'all'>,
): Promise<readonly (readonly [string, LiveTarget])[]> => {
  const rows = await db.all<LiveTarget>(
    "SELECT id, settings, secrets FROM target WHERE state = 'enabled'",
  )
  return rows.map((row) => [row.id, row])
}

/** Disables the targets of a restored database that have been removed, disabled or led elsewhere since the backup:
 * nobody hears of the home again from whom an owner took that. Returns how many. */
export const disableOthersIn = async (
  tx: Pick<Queries, 'all' | 'run'>,
  live: LiveTargets,
): Promise<number> => {
  const others = (await enabledIn(tx)).filter(
    ([id, target]) => !Bun.deepEquals(live.get(id), target),
  )
  for (const [id] of others)
    await tx.run(
      `UPDATE target
       SET state = 'disabled', disabled_why = 'person', version = version + 1
       WHERE id = ?`,
      id,
    )
  return others.length
}
