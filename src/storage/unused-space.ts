import { rest } from '../domain/event-loop.ts'
import type { Database, Queries } from './database.ts'

/** Pages that one transaction moves: 1 MiB, so that unlocks wait for milliseconds at most. */
const STEP_PAGES = 256

const PAGE_BYTES = 4096

/** Returns how many bytes of the database file are free for new data; 0 on a server. */
export const unusedBytes = async (db: Pick<Database, 'get' | 'isFile'>): Promise<number> =>
  db.isFile ? PAGE_BYTES * (await freePages(db)) : 0

/** Returns the free pages of the database file to the disk, step by step. A large file from
 * an earlier version keeps them, and uses them for new data, until it is restored from a backup. A server does so
 * itself. */
export const returnUnusedSpace = async (
  db: Pick<Database, 'get' | 'transaction' | 'isFile'>,
): Promise<void> => {
  if (!db.isFile) return
  for (let before = await freePages(db); before > 0;) {
    const begunMs = performance.now()
    // All rows of its answer: each stands for a page.
    await db.transaction((tx) => tx.all(`PRAGMA incremental_vacuum(${STEP_PAGES})`))
    const after = await freePages(db)
    if (after >= before) return
    before = after
    await rest(performance.now() - begunMs)
  }
}

const freePages = async (db: Pick<Queries, 'get'>): Promise<number> =>
  (await db.get<{ freelist_count: number }>('PRAGMA freelist_count'))?.freelist_count ?? 0
