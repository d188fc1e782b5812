import { openWriter } from '../../src/storage/open.ts'
import { serveWriter } from '../../src/storage/writing/served-writer.ts'
import type { Program } from '../../src/storage/writing/writer.ts'
import { unlockProgram } from '../../src/unlocks/program.ts'
import type { WriterGiven } from '../../src/writer.ts'

/** Where the thread may die: before anything is written, between the writes and their COMMIT, and between
 * that and the answer; or between two statements of a unit of work. */
export type CrashPoint = 'before' | 'written' | 'committed' | 'queried'

/** What a test passes to the thread in addition; an executable reads it from the environment. */
type Given = WriterGiven & { readonly crashAt?: CrashPoint; readonly oneIn?: number }

/** Takes the place of `src/writer.ts`: a writer thread that now and then dies in the middle of a group. */
serveWriter((given) => {
  const { databasePath, dataDir, crashAt, oneIn = 10 } = given as Given
  const points: readonly CrashPoint[] = crashAt ? [crashAt] : ['before', 'written', 'committed']
  let point: CrashPoint | undefined
  const dieAt = (here: CrashPoint): void => {
    // Ends this thread alone.
    if (point === here) process.exit(1)
  }
  const program = unlockProgram(dataDir)
  const dying: Program = async (tx, inputs) => {
    const recorded = await program(tx, inputs)
    dieAt('written')
    return recorded
  }
  const writer = openWriter(databasePath, dying)
  return {
    ...writer,
    query: async (...query) => {
      const rows = await writer.query(...query)
      // After the answer.
      if (crashAt === 'queried') setTimeout(() => process.exit(1))
      return rows
    },
    commit: async (inputs, how) => {
      const dies = inputs.length > 0 && Math.random() * oneIn < 1
      point = dies ? points[Math.floor(Math.random() * points.length)] : undefined
      dieAt('before')
      const committed = await writer.commit(inputs, how)
      dieAt('committed')
      return committed
    },
  }
})
