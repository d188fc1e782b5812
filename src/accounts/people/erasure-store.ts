import { yieldToEventLoop } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'

export type ErasureStore = ReturnType<typeof erasureStore>

/** Marks deleted in one transaction, so that other requests wait for milliseconds at most. */
const STEP_MARKS = 1000

/** Marks of erasures that may be unfinished. */
export const erasureStore = (db: Pick<Queries, 'all' | 'run'>) => ({
  /** Returns the public ids of marked accounts, without those that were imported again since. */
  pending: async (): Promise<readonly string[]> => {
    const rows = await db.all<{ public_id: string }>(
      'SELECT public_id FROM erasure WHERE public_id NOT IN (SELECT public_id FROM account)',
    )
    return rows.map((row) => row.public_id)
  },

  /** Removes the marks of erasures that began before `begunBeforeMs`, step by step. */
  removeMarks: async (begunBeforeMs: number): Promise<void> => {
    const removeSome = () =>
      db.run(
        `DELETE FROM erasure
         WHERE public_id IN (SELECT public_id FROM erasure WHERE begun_at_ms < ? LIMIT ?)`,
        begunBeforeMs,
        STEP_MARKS,
      )
    while ((await removeSome()) === STEP_MARKS) await yieldToEventLoop()
  },
})
