import { GATEWAY } from '../../domain/audit-event.ts'
import type { Database } from '../../storage/database.ts'
import { settingsIn } from '../../storage/sqlite/setting-store.ts'
import type { Changes } from '../core/changes.ts'

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'run' | 'transaction'>
  readonly changes: Changes
}

type Zone = {
  /** The name of the zone, unless it takes longer to find. */
  readonly name: string | undefined
  /** Returns the current name of the zone. */
  readonly zone: () => string
}

/** The name of the setting with the zone of the previous start. */
const ZONE = 'home_zone'

/** Remembers the time zone of the home, and records if it has changed since the previous start: from now on,
 * all windows and holidays are in the new zone. */
export const rememberZone = async (
  { db, changes }: Dependencies,
  { name, zone: currentZone }: Zone,
): Promise<void> => {
  const remembered = await settingsIn(db).find(ZONE)
  if (remembered !== undefined && remembered === name) return
  const zone = currentZone()
  if (remembered === zone) return
  await db.transaction(async (tx) => {
    const settings = settingsIn(tx)
    const from = await settings.find(ZONE)
    await settings.put(ZONE, zone)
    if (from === undefined || from === zone) return
    await changes.note(tx, GATEWAY, {
      action: 'zone.change',
      kind: 'zone.changed',
      subject: 'home',
      about: 'home',
      detail: { from, to: zone },
      body: { from, to: zone },
    })
  })
}
