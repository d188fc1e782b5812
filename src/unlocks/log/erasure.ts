import { yieldToEventLoop } from '../../domain/event-loop.ts'
import type { Erased } from './erasure-store.ts'
import { NO_ACCOUNT } from './event.ts'
import type { UnlockStore, UnlockWrites } from './store.ts'

/** What erasing did. */
export type Erasure = {
  readonly events: number
  /** False while the write-ahead log still contains erased bytes, because another process is reading. */
  readonly isWalTruncated: boolean
}

/** Events erased in one transaction, so that unlocks wait for milliseconds at most, and that the WAL of
 * one stays below 10 MiB even if each event is on pages of its own: it must fit on a disk that is nearly
 * full. */
const BATCH_EVENTS = 500

/** Rebuilding an index is one statement, during which nothing else happens: some milliseconds for this
 * many events. A larger log leaves its indexes to the daily round, or anybody could stop the door by
 * erasing one account after the other. */
const SMALL_LOG_EVENTS = 20_000

type Store = Pick<
  UnlockStore,
  'transaction' | 'countBefore' | 'nextSeq' | 'checkpointWal' | 'returnUnusedSpace'
>

/** Removes personal text from the log and from the bytes of its files, and gives the space back. Every
 * proof stays valid. */
export const logErasure = (store: Store, smallLogEvents = SMALL_LOG_EVENTS) => {
  /** Erases batches until one is the last; each returns how many events it erased. */
  const eraseAll = async (
    eraseBatch: (writes: UnlockWrites) => Promise<{ erased: number; isLast: boolean }>,
  ): Promise<number> => {
    let events = 0
    for (;;) {
      const { erased, isLast } = await store.transaction(async (writes) => {
        const batch = await eraseBatch(writes)
        if (batch.erased > 0) await writes.markIndexes()
        return batch
      })
      events += erased
      if (erased > 0) await store.returnUnusedSpace()
      if (isLast) return events
      await yieldToEventLoop()
    }
  }

  const rebuildIndexes = async (): Promise<void> => {
    while (await store.transaction((writes) => writes.rebuildIndex()))
      await store.returnUnusedSpace()
  }

  /** Truncates the WAL, after rebuilding the indexes of a small log. */
  const finish = async (events: number): Promise<Erasure> => {
    if ((await store.nextSeq()) <= smallLogEvents) await rebuildIndexes()
    return { events, isWalTruncated: await store.checkpointWal() }
  }

  const erasePerson = async (erased: Erased): Promise<Erasure> =>
    finish(
      await eraseAll(async (writes) => ({
        erased: await writes.erasePerson(erased, BATCH_EVENTS),
        isLast: !(await writes.hasEventsOf(erased)),
      })),
    )

  return {
    /** Rebuilds the indexes of which erasures left copies, if any did, and truncates the WAL. */
    finishErasures: async (): Promise<void> => {
      await rebuildIndexes()
      await store.checkpointWal()
    },

    /** Erases an account's name, id and methods. */
    eraseAccount: (accountPublicId: string): Promise<Erasure> => erasePerson({ accountPublicId }),

    /** Erases a name from imported events that belong to no account. */
    eraseImportedName: (username: string): Promise<Erasure> =>
      erasePerson({ accountPublicId: NO_ACCOUNT, username }),

    /** Erases everyone's personal text in events received before a time, and in imported events that
     * happened before it. */
    eraseBefore: async (timeMs: number): Promise<Erasure> => {
      const count = await store.countBefore(timeMs)
      let seq = 0
      const received = await eraseAll(async (writes) => {
        const end = Math.min(seq + BATCH_EVENTS, count)
        const erased = await writes.eraseRange(seq, end)
        seq = end
        return { erased, isLast: end === count }
      })
      const imported = await eraseAll(async (writes) => {
        const erased = await writes.eraseImported(timeMs, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      return finish(received + imported)
    },
  }
}
