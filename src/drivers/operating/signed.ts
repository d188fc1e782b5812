import type { Clock } from '../../domain/clock.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import { databaseOfLeader } from '../../storage/unit-of-work.ts'
import type { ReturnUseIn } from './service.ts'
import { SENT, operationsIn, overdueAt } from './store.ts'

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

  /** Stores how an operation ended without a report, unless its end is known, or `state` says that nothing happened
   * although a controller has the command. Returns true if it was stored. */
  settle: (
    attemptId: string,
    state: 'offline' | 'failed' | 'unknown',
    detail: string | null = null,
  ): Promise<boolean> =>
    db.transaction(async (tx) => {
      // Another replica may have sent the command.
      const found = state === 'unknown' ? undefined : await operationsIn(tx).find(attemptId)
      if (found && (found.state !== 'asked' || found.detail === SENT)) return false
      const ended = { detail, nowMs: clock.wallMs() }
      const isSettled = await operationsIn(tx).settle(attemptId, state, ended)
      if (isSettled && state !== 'unknown') await returnUseIn(tx, attemptId)
      return isSettled
    }),

  /** Returns the permitted attempts since a time whose outcome is not known. */
  open: (sinceMs: number) => operationsIn(db).open(sinceMs),

  /** Stores, for other replicas, that a controller gets the commands for attempts. Returns the attempts whose commands
   * may still be delivered. */
  noteSentIn: async (
    tx: Transaction,
    attemptIds: Iterable<string>,
  ): Promise<ReadonlySet<string>> => {
    const noted = new Set<string>()
    for (const id of attemptIds) if (await operationsIn(tx).noteSent(id)) noted.add(id)
    return noted
  },

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
