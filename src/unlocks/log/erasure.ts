import { yieldToEventLoop } from '../../domain/event-loop.ts'
import type { Erased } from './erasure-store.ts'
import { NO_ACCOUNT } from './event.ts'
import type { UnlockStore } from './store.ts'

/** What erasing did. */
export type Erasure = {
  readonly events: number
  /** False while the write-ahead log still contains erased bytes, because another process is reading. */
  readonly isWalTruncated: boolean
}

/** Events erased in one transaction, so that unlocks wait for milliseconds at most. */
const BATCH_EVENTS = 2000

type Store = Pick<UnlockStore, 'transaction' | 'countBefore' | 'checkpointWal'>

/** Removes personal text from the log and from the bytes of its files. Every proof stays valid. */
export const logErasure = (store: Store) => {
  const erasePerson = async (erased: Erased): Promise<Erasure> => {
    let events = 0
    for (;;) {
      const { count, isLast } = await store.transaction(async (writes) => {
        const erasedCount = await writes.erasePerson(erased, BATCH_EVENTS)
        const isDone = !(await writes.hasEventsOf(erased))
        // In the last batch: if the work is interrupted earlier, the next run rebuilds them too.
        if (isDone && erasedCount > 0) await writes.rebuildPersonalIndexes()
        return { count: erasedCount, isLast: isDone }
      })
      events += count
      if (isLast) return { events, isWalTruncated: await store.checkpointWal() }
      await yieldToEventLoop()
    }
  }

  return {
    /** Erases an account's name, id and methods. */
    eraseAccount: (accountPublicId: string): Promise<Erasure> => erasePerson({ accountPublicId }),

    /** Erases a name from imported events that belong to no account. */
    eraseImportedName: (username: string): Promise<Erasure> =>
      erasePerson({ accountPublicId: NO_ACCOUNT, username }),

    /** Erases everyone's personal text in events received before a time, and in imported events that
     * happened before it. */
    eraseBefore: async (timeMs: number): Promise<Erasure> => {
      const count = await store.countBefore(timeMs)
      let events = 0
      for (let seq = 0; seq < count; seq += BATCH_EVENTS) {
        const end = Math.min(seq + BATCH_EVENTS, count)
        events += await store.transaction((writes) => writes.eraseRange(seq, end))
        await yieldToEventLoop()
      }
      for (let erased = BATCH_EVENTS; erased === BATCH_EVENTS; events += erased) {
        erased = await store.transaction((writes) => writes.eraseImported(timeMs, BATCH_EVENTS))
        await yieldToEventLoop()
      }
      if (events > 0) await store.transaction((writes) => writes.rebuildPersonalIndexes())
      return { events, isWalTruncated: await store.checkpointWal() }
    },
  }
}
