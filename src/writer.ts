import { giveBackStartMemory } from './domain/start-memory.ts'
import { openWriter } from './storage/open.ts'
import { serveWriter } from './storage/writing/served-writer.ts'
import { unlockProgram } from './unlocks/program.ts'

/** What the main thread passes to the thread that writes. */
export type WriterGiven = { readonly databasePath: string; readonly dataDir: string }

/** The thread that writes: opens the database and runs what appends to it. */
serveWriter((given) => {
  const { databasePath, dataDir } = given as WriterGiven
  return openWriter(databasePath, unlockProgram(dataDir))
})
giveBackStartMemory()
