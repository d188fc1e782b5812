import type { Delivery } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'

/** The outcome of a permitted attempt at its lock. */
export type Operation = {
  readonly attemptId: string
  readonly lockId: string
  readonly state: Exclude<Delivery, 'no_controller'>
  /** What the lock said, in its own word. */
  readonly detail: string | null
  readonly deadlineMs: number
  readonly settledAtMs: number | null
}

type OperationRow = {
  attempt_id: string
  lock_id: string
  state: Operation['state']
  detail: string | null
  deadline_ms: number
  settled_at_ms: number | null
}

const operationOf = (row: OperationRow): Operation => ({
  attemptId: row.attempt_id,
  lockId: row.lock_id,
  state: row.state,
  detail: row.detail,
  deadlineMs: row.deadline_ms,
  settledAtMs: row.settled_at_ms,
})

/** The person whose attempt an operation carries out. */
export type Operator = {
  readonly attemptId: string
  readonly accountPublicId: string
  /** The leaf of the decision. */
  readonly seq: number
  readonly state: Operation['state']
}

const OPERATOR = `
  SELECT
    lock_operation.attempt_id AS "attemptId",
    attempt.account_public_id AS "accountPublicId",
    attempt.seq,
    lock_operation.state
  FROM lock_operation
  JOIN attempt ON attempt.id = lock_operation.attempt_id`

/** The outcomes of permitted attempts at their locks. */
export const operationsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  find: async (attemptId: string): Promise<Operation | undefined> => {
    const row = await queries.get<OperationRow>(
      `SELECT
        attempt_id,
        lock_id,
        state,
        detail,
        deadline_ms,
        settled_at_ms
      FROM lock_operation
      WHERE attempt_id = ?`,
      attemptId,
    )
    return row && operationOf(row)
  },

  /** Returns whose attempt an operation carries out. */
  operator: (attemptId: string): Promise<Operator | undefined> =>
    queries.get<Operator>(`${OPERATOR} WHERE lock_operation.attempt_id = ?`, attemptId),

  /** Returns the newest operation of a lock that was asked between two times. */
  askedBetween: (lockId: string, fromMs: number, toMs: number): Promise<Operator | undefined> =>
    queries.get<Operator>(
      `${OPERATOR}
       WHERE lock_operation.lock_id = ?
         AND lock_operation.asked_at_ms BETWEEN ? AND ?
       ORDER BY lock_operation.asked_at_ms DESC
       LIMIT 1`,
      lockId,
      fromMs,
      toMs,
    ),

  /** The lock accepted the command. */
  accept: async (attemptId: string, detail: string): Promise<void> => {
    await queries.run(
      `UPDATE lock_operation
       SET state = 'accepted', detail = ?
       WHERE attempt_id = ? AND state = 'asked'`,
      detail,
      attemptId,
    )
  },

  /** Stores how an operation ended, unless its end is known; `happened` replaces any other end. Returns true if it was
   * stored. */
  settle: async (
    attemptId: string,
    state: Operation['state'],
    { detail, nowMs }: { readonly detail: string | null; readonly nowMs: number },
  ): Promise<boolean> => {
    const settled = await queries.run(
      `UPDATE lock_operation
       SET state = ?, detail = ?, settled_at_ms = ?
       WHERE attempt_id = ?
         AND (settled_at_ms IS NULL OR (? = 'happened' AND state <> 'happened'))`,
      state,
      detail,
      nowMs,
      attemptId,
      state,
    )
    return settled === 1
  },

  /** Stores what a controller signed of an operation, even after its end; but once it happened, it stays so, and one
   * that was interrupted may have happened. */
  settleSigned: async (
    attemptId: string,
    state: 'happened' | 'failed',
    { detail, nowMs }: { readonly detail: string; readonly nowMs: number },
  ): Promise<void> => {
    await queries.run(
      `UPDATE lock_operation
       SET state = ?, detail = ?, settled_at_ms = ?
       WHERE attempt_id = ?
         AND state <> 'happened'
         AND (? = 'happened' OR detail IS DISTINCT FROM 'interrupted')`,
      state,
      detail,
      nowMs,
      attemptId,
      state,
    )
  },

  /** Returns the attempts since a time whose outcome is not known. */
  open: async (sinceMs: number): Promise<readonly Asked[]> =>
    queries.all<Asked>(
      `SELECT attempt_id AS "id", lock_id AS "lockId", asked_at_ms AS "decidedAtMs", state
       FROM lock_operation
       WHERE settled_at_ms IS NULL AND asked_at_ms >= ?`,
      sinceMs,
    ),

  /** Stores that a controller gets the command for an attempt, which can then no longer end as offline. Returns false
   * if the command may no longer be delivered. */
  noteSent: async (attemptId: string): Promise<boolean> => {
    const noted = await queries.run(
      `UPDATE lock_operation
       SET detail = CASE WHEN state = 'asked' THEN '${SENT}' ELSE detail END
       WHERE attempt_id = ? AND (settled_at_ms IS NULL OR state = 'happened')`,
      attemptId,
    )
    return noted === 1
  },

  isAnyOverdue: async (beforeMs: number): Promise<boolean> =>
    (await queries.get(
      'SELECT 1 AS found FROM lock_operation WHERE settled_at_ms IS NULL AND deadline_ms < ? LIMIT 1',
      beforeMs,
    )) !== undefined,

  /** Ends open operations whose deadline is before a time, and of which nobody says more: their outcome is unknown. */
  abandonOpen: async ({ nowMs, beforeMs }: Overdue): Promise<void> => {
    await queries.run(
      `UPDATE lock_operation
       SET state = 'unknown', settled_at_ms = ?, detail = NULL
       WHERE settled_at_ms IS NULL AND deadline_ms < ?`,
      nowMs,
      beforeMs,
    )
  },
})

/** A permitted attempt whose lock is to open. */
type Asked = {
  readonly id: string
  readonly lockId: string
  readonly decidedAtMs: number
  readonly state: Operation['state']
}

/** The detail of an operation while a controller has its command and has not reported. */
export const SENT = 'sent'

type Overdue = { readonly nowMs: number; readonly beforeMs: number }

/** Returns which operations the process that begins to lead ends. Of a file it is the only one, so all that are open
 * are from before; of a server, another replica may be carrying them out until their deadline. */
export const overdueAt = (nowMs: number, { isFile }: { readonly isFile: boolean }): Overdue => ({
  nowMs,
  beforeMs: isFile ? Number.MAX_SAFE_INTEGER : nowMs,
})
