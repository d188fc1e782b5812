import type { Clock } from '../../domain/clock.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import { databaseOfLeader } from '../../storage/unit-of-work.ts'
import type { ReturnUseIn } from './service.ts'
import { operationsIn, overdueAt } from './store.ts'

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'wallMs'>
  readonly returnUseIn: ReturnUseIn
}

/** The operations of locks with controllers, which sign how they ended. */
export const signedOperations = ({ db, clock, returnUseIn }: Dependencies) => ({
  /** Returns the state of the operation of an attempt, or undefined if there is none. */
  stateOf: async (attemptId: string): Promise<string | undefined> =>
    (await operationsIn(db).find(attemptId))?.state,

  /** Stores how an operation ended without a report, unless its end is known. */
  settle: (
    attemptId: string,
    state: 'offline' | 'failed' | 'unknown',
    detail: string | null = null,
  ): Promise<void> =>
    db.transaction(async (tx) => {
      // Another replica may have sent the command.
      const found = state === 'offline' ? await operationsIn(tx).find(attemptId) : undefined
      if (found && (found.state !== 'asked' || found.detail !== null)) return
      await operationsIn(tx).settle(attemptId, state, { detail, nowMs: clock.wallMs() })
      if (state !== 'unknown') await returnUseIn(tx, attemptId)
    }),

  /** Returns the permitted attempts since a time whose locks have not answered yet. */
  asked: (sinceMs: number) => operationsIn(db).asked(sinceMs),

  noteSent: (attemptId: string): Promise<void> => operationsIn(db).noteSent(attemptId),

  /** Ends operations that were open when the gateway stopped. */
  abandonOpen: (): Promise<void> =>
    operationsIn(databaseOfLeader(db)).abandonOpen(overdueAt(clock.wallMs(), db)),

  /** Stores what a report says of an operation, even after its end. */
  settleIn: async (
    tx: Transaction,
    attemptId: string,
    { state, detail }: { state: 'accepted' | 'happened' | 'failed'; detail: string },
  ): Promise<void> => {
    const operations = operationsIn(tx)
    if (state === 'accepted') return operations.accept(attemptId, detail)
    await operations.settleSigned(attemptId, state, { detail, nowMs: clock.wallMs() })
    if (state === 'failed') await returnUseIn(tx, attemptId)
  },
})
