import type { NewDecision } from '../../domain/access.ts'
import type { Queries } from '../queries.ts'

/** What was decided: an answer, which is plain data, and its leaf. An answer without a leaf repeats an earlier
 * decision, or is only counted. */
export type Decided<Answer> = { readonly answer: Answer; readonly leaf?: NewDecision | undefined }

/** How attempts to open a lock are decided: in three steps for all attempts of a group, inside its transaction.
 * Attempts are plain data, because they may pass between threads. */
export type DecisionKind<Attempt = unknown, State = unknown> = {
  /** Reads what the decisions need, in few statements. */
  load(tx: Queries, attempts: readonly Attempt[]): Promise<State>
  /** Decides an attempt. It touches only `state`, which it updates for the attempts after it. `seq` is the number
   * that the leaf of the decision gets, if it gets one. */
  plan(attempt: Attempt, state: State, seq: number): Decided<unknown>
  /** Writes what belongs to the decisions besides their leaves. Returns false if a condition of the plans no
   * longer holds: then the group is planned again. */
  store(tx: Queries, state: State): Promise<boolean>
}
