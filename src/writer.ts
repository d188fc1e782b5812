import { giveBackStartMemory } from './domain/start-memory.ts'
import { homeZone } from './config/home-zone.ts'
import { askPermitted } from './drivers/operating/asking-store.ts'
import { decisionKind } from './locks/decisions/kind.ts'
import { enqueueAppended } from './outbox/core/after-append.ts'
import { openWriter } from './storage/open.ts'
import { serveWriter } from './storage/writing/served-writer.ts'
import { unlockProgram } from './unlocks/program.ts'

/** What the main thread passes to the writer thread. */
export type WriterGiven = {
  readonly databasePath: string
  readonly dataDir: string
  /** The setting `HOME_ZONE`. */
  readonly homeZone: string | undefined
  /** The setting `GUEST_PASSES`. */
  readonly guestPasses: 'admins' | 'members'
}

/** The writer thread: opens the database and runs the program that appends to the unlock log
 * and decides who may open which lock. */
serveWriter((given) => {
  const { databasePath, dataDir, ...setting } = given as WriterGiven
  const zone = () => homeZone(setting)
  const decision = decisionKind({
    zone,
    isOpenToMembers: setting.guestPasses === 'members',
    afterPermitted: askPermitted,
  })
  const afterAppend = enqueueAppended({ zone })
  return openWriter(databasePath, unlockProgram(dataDir, { decision, afterAppend }))
})
giveBackStartMemory()
