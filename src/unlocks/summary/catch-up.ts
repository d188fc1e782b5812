import { SECOND_MS } from '../../domain/duration.ts'
import type { Database } from '../../storage/database.ts'
import { STEP_UNLOCKS } from './counted-store.ts'
import { catchUp, summarySize } from './summary-store.ts'

type Options = {
  readonly logSize: number
  /** Called at most once a second with the progress, in words. */
  readonly onProgress: (done: string) => void
}

/** Adds to the summary the events that an upgrade left out of it. Each step is committed, so after an
 * interruption the next start continues. */
export const catchUpSummary = async (
  db: Database,
  { logSize, onProgress }: Options,
): Promise<void> => {
  let toldAtMs = performance.now()
  for (let size = await summarySize(db); size + 2 * STEP_UNLOCKS < logSize;) {
    size = await db.transaction((tx) => catchUp(tx, logSize))
    await db.writeWalBack()
    if (performance.now() - toldAtMs < SECOND_MS) continue
    toldAtMs = performance.now()
    onProgress(`${inWords(size)} of ${inWords(logSize)} unlocks counted`)
  }
}

const inWords = (count: number): string => count.toLocaleString('en')
