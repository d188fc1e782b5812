import { giveBackStartMemory } from './domain/start-memory.ts'
import { openWriter } from './storage/open.ts'
import { serveWriter } from './storage/writing/served-writer.ts'
import { unlockProgram } from './unlocks/program.ts'

/** What the main thread passes to the writer thread. */
export type WriterGiven = { readonly databasePath: string; readonly dataDir: string }

/** The writer thread: opens the database and runs the program that appends to the unlock log. */
serveWriter((given) => {
  const { databasePath, dataDir } = given as WriterGiven
  return openWriter(databasePath, unlockProgram(dataDir))
})
giveBackStartMemory()
