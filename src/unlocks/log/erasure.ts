import { rest } from '../../domain/event-loop.ts'
import type { Happened } from './erasure-store.ts'
import { NO_ACCOUNT } from '../../domain/access.ts'
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
const BATCH_EVENTS = 200

/** Events that one transaction looks at for some to erase. */
const LOOKED_AT_EVENTS = 5000

type Store = Pick<
  UnlockStore,
  'transaction' | 'accountNumber' | 'countBefore' | 'checkpointWal' | 'returnUnusedSpace'
>

/** What a batch did, and whether it was the last. */
type Batch = { readonly erased: number; readonly isLast: boolean }

/** Removes personal text from the log and from the bytes of its files, and gives the space back. Every
 * proof stays valid. It takes small steps and rests after each as long as it took, so that others hardly
 * notice, and what is interrupted can be begun again. */
export const logErasure = (store: Store) => {
  const eraseAll = async (
    eraseBatch: (writes: UnlockWrites) => Promise<Batch>,
  ): Promise<number> => {
    for (let events = 0; ;) {
      const begunMs = performance.now()
      const { erased, isLast } = await store.transaction(eraseBatch)
      events += erased
      if (isLast) return events
      await rest(performance.now() - begunMs)
    }
  }

  const finish = async (events: number, records = 0): Promise<Erasure> => {
    for (let isDone = false; !isDone;) {
      const begunMs = performance.now()
      isDone = !(await store.transaction((writes) => writes.packErased()))
      if (!isDone) await rest(performance.now() - begunMs)
    }
    if (events + records > 0) await store.returnUnusedSpace()
    return { events, isWalTruncated: await store.checkpointWal() }
  }

  return {
    /** Returns unused pages to the disk and truncates the WAL, where an erasure could not. */
    finishErasures: async (): Promise<void> => {
      await finish(1)
    },

    /** Erases an account's name, id, methods and grants from events, and the records by or about it. */
    eraseAccount: async (accountPublicId: string): Promise<Erasure> => {
      const number = await store.accountNumber(accountPublicId)
      const records = await eraseAll(async (writes) => {
        const erased = await writes.eraseRecordsOf(accountPublicId, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      if (number === undefined) return finish(0, records)
      const events = await eraseAll(async (writes) => {
        const erased = await writes.eraseAccount(number, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      return finish(events, records)
    },

    /** Erases a guest's name, device and grant from events, what was signed, and the records of the pass, by its id,
     * and of its grants: they must still name it. */
    eraseGuest: async (passId: string): Promise<Erasure> => {
      const records = await eraseAll(async (writes) => {
        const erased = await writes.eraseRecordsOfPass(passId, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      const events = await eraseAll(async (writes) => {
        const erased = await writes.eraseGuest(passId, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      return finish(events, records)
    },

    /** Erases a name from imported events that belong to no account. */
    eraseImportedName: async (username: string): Promise<Erasure> => {
      const number = await store.accountNumber(NO_ACCOUNT)
      if (number === undefined) return finish(0)
      let after: Happened | undefined = { ms: Number.MIN_SAFE_INTEGER, seq: -1 }
      return finish(
        await eraseAll(async (writes) => {
          if (!after) return { erased: 0, isLast: true }
          const { erased, next } = await writes.eraseNamed(number, username, after, BATCH_EVENTS)
          after = next
          return { erased, isLast: !next }
        }),
      )
    },

    /** Erases everyone's personal text in events and records received before a time, and in imported events
     * that happened before it. */
    eraseBefore: async (timeMs: number): Promise<Erasure> => {
      const end = await store.countBefore(timeMs)
      let seq = await store.transaction((writes) => writes.retainedFrom())
      const received = await eraseAll(async (writes) => {
        const to = Math.min(seq + LOOKED_AT_EVENTS, end)
        const { erased, next } = await writes.eraseRange(seq, to, BATCH_EVENTS)
        seq = Math.max(seq, next)
        if (seq >= end) await writes.setRetainedFrom(seq)
        return { erased, isLast: seq >= end }
      })
      const imported = await eraseAll(async (writes) => {
        const erased = await writes.eraseImported(timeMs, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      const records = await eraseAll(async (writes) => {
        const erased = await writes.eraseRecordsBelow(end, BATCH_EVENTS)
        return { erased, isLast: erased < BATCH_EVENTS }
      })
      return finish(received + imported, records)
    },
  }
}
