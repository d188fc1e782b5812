import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { reapplyControllersIn, reapplyDoorKeysIn } from '../../controllers/restore/restore-store.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { reapplyPassesIn } from '../../guests/restore/restore-store.ts'
import { KEY_FILES } from '../../storage/files/data-dir.ts'
import { readKeyFile, replacePrivateFile } from '../../storage/files/private-files.ts'
import type { Withdrawals } from './compare-live-data.ts'
import type { Unpacked } from './unpack-backup.ts'

type Given = {
  /** The folder with the data that is replaced, and the one with the unpacked files. */
  readonly config: Pick<Config, 'dataDir'>
  readonly stage: Pick<Config, 'dataDir'>
}

/** What was done to passes and controllers again. */
export type Reapplied = {
  /** Passes whose links or phones were withdrawn. */
  readonly passes: number
  readonly guests_erased: number
  readonly controllers: number
  /** Controllers of which it is not known whether they were removed. */
  readonly doubtful: number
  readonly door_key: boolean
}

/** Sets the current links, phones and tokens of the passes and controllers in a restored database, removes and
 * erases again what was, and keeps the door key that is in use now. */
export const reapplyDevices = async (
  { app }: Unpacked,
  live: Withdrawals,
  { config, stage }: Given,
): Promise<Reapplied> => {
  const { isKnown } = live.access
  const passes = await app.db.transaction((tx) =>
    reapplyPassesIn(tx, live.passes, { isNewer: isKnown }),
  )
  for (const id of passes.erased) await app.guests.hosts.erase(COMMAND_LINE, undefined, id)
  const removed = await app.db.transaction((tx) => reapplyControllersIn(tx, live.controllers))
  for (const id of removed) await app.controllers.enrolment.remove(COMMAND_LINE, id)
  const doorKey = isKnown ? await reapplyDoorKey({ app }, live, { config, stage }) : false
  return {
    passes: passes.changed,
    guests_erased: passes.erased.length,
    controllers: removed.length,
    doubtful: isKnown ? 0 : (await app.controllers.listed()).length,
    door_key: doorKey,
  }
}

const reapplyDoorKey = async (
  { app }: Pick<Unpacked, 'app'>,
  { controllers }: Withdrawals,
  { config, stage }: Given,
): Promise<boolean> => {
  const file = readKeyFile(join(config.dataDir, KEY_FILES.door))
  const key = await app.db.transaction(async (tx) => {
    const current = await reapplyDoorKeysIn(tx, controllers)
    // Its record was in the part of the log that is lost.
    if (current)
      app.unlocks.recordIn(tx).add({
        kind: 'door_key.made',
        subject: 'home',
        by: null,
        about: null,
        body: { by: 'command line', key: current.toBase64() },
      })
    return current
  })
  if (key && file !== undefined) replacePrivateFile(join(stage.dataDir, KEY_FILES.door), file)
  return key !== undefined
}
