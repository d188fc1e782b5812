import type { Role } from '../../domain/account.ts'
import type { DecisionReason, LockState } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'
import { rowInserter } from '../../storage/row-inserter.ts'
import type { DecidedAttempt } from './attempt.ts'

/** A lock as decisions read it. */
export type LockNow = {
  readonly id: string
  readonly label: string
  readonly state: LockState
  /** The lockdowns of the lock and of the home that have begun and that nobody has ended. */
  readonly lockdowns: readonly { readonly untilMs: number | null }[]
}

/** An account as decisions read it. */
export type HolderNow = {
  readonly publicId: string
  readonly role: Role
  readonly isDisabled: boolean
  readonly isAdmitted: boolean
  readonly endsAtMs: number | null
}

/** Reads what decisions depend on, for many attempts in one statement each. */
export const decisionReads = (db: Pick<Queries, 'all'>) => ({
  /** Returns attempts by id. */
  attempts: async (ids: readonly string[]): Promise<ReadonlyMap<string, DecidedAttempt>> => {
    const rows = await db.all<AttemptRow>(
      'SELECT * FROM attempt WHERE id IN (SELECT value FROM json_each(?))',
      JSON.stringify(ids),
    )
    return new Map(rows.map((row) => [row.id, attemptOf(row)]))
  },

  /** Returns locks by label. A lockdown of the home holds for each. */
  locks: async (labels: readonly string[]): Promise<ReadonlyMap<string, LockNow>> => {
    const rows = await db.all<LockRow>(
      `SELECT
        lock.id,
        lock.label,
        lock.state,
        lockdown.lock_id AS lockdown,
        lockdown.until_ms
      FROM lock
      LEFT JOIN lockdown ON lockdown.lock_id IN ('', lock.id)
      WHERE lock.label IN (SELECT value FROM json_each(?))`,
      JSON.stringify(labels),
    )
    const locks = new Map<string, LockNow>()
    for (const { lockdown, until_ms: untilMs, ...lock } of rows) {
      const known = locks.get(lock.label)?.lockdowns ?? []
      const lockdowns = lockdown === null ? known : [...known, { untilMs }]
      locks.set(lock.label, { ...lock, lockdowns })
    }
    return locks
  },

  /** Returns the label of a lock; empty if there is none. */
  labelOf: async (id: string): Promise<string> => {
    const [row] = await db.all<{ label: string }>('SELECT label FROM lock WHERE id = ?', id)
    return row?.label ?? ''
  },

  /** Returns accounts by public id. */
  holders: async (publicIds: readonly string[]): Promise<ReadonlyMap<string, HolderNow>> => {
    const rows = await db.all<HolderRow>(
      `SELECT
        public_id,
        role,
        disabled_at_ms,
        admitted_at_ms,
        ends_at_ms
      FROM account
      WHERE public_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(publicIds),
    )
    return new Map(rows.map((row) => [row.public_id, holderOf(row)]))
  },

  /** Returns the names of holidays by date, from one date to another. */
  holidays: async (from: string, to: string): Promise<ReadonlyMap<string, string>> => {
    const rows = await db.all<{ date: string; name: string }>(
      'SELECT date, name FROM holiday WHERE date BETWEEN ? AND ?',
      from,
      to,
    )
    return new Map(rows.map(({ date, name }) => [date, name]))
  },
})

/** A counted use of a grant, or several in a row. */
export type Uses = {
  readonly grantId: string
  readonly count: number
  readonly atMs: number
  readonly by: string
}

/** Writes what belongs to decisions besides their leaves. */
export const decisionWrites = (tx: Pick<Queries, 'run'>) => ({
  insertAttempts: async (attempts: readonly DecidedAttempt[]): Promise<void> => {
    const rows = attempts.map((attempt) => [
      attempt.id,
      Uint8Array.fromHex(attempt.requestHash),
      attempt.lockId,
      attempt.accountPublicId,
      attempt.passId,
      attempt.sessionId,
      attempt.grantId,
      attempt.decision,
      attempt.reason,
      attempt.useNumber,
      attempt.useMax,
      attempt.decidedAtMs,
      attempt.seq,
    ])
    await insertRows(tx, rows)
  },

  /** Counts uses, each grant at most once. Returns false if one of them has too few left; the caller then rolls
   * back. */
  countUses: async (uses: readonly Uses[]): Promise<boolean> => {
    if (uses.length === 0) return true
    const counted = await tx.run(
      `UPDATE access_grant
      SET
        uses = uses + CAST(used.value ->> 'count' AS bigint),
        used_at_ms = CAST(used.value ->> 'atMs' AS bigint),
        used_by = used.value ->> 'by'
      FROM json_each(?) AS used
      WHERE access_grant.id = used.value ->> 'grantId'
        AND uses + CAST(used.value ->> 'count' AS bigint) <= uses_max`,
      JSON.stringify(uses),
    )
    return counted === uses.length
  },

  /** Deletes at most `max` attempts from before a time; returns how many. */
  deleteAttemptsBefore: (timeMs: number, max: number): Promise<number> =>
    tx.run(
      `DELETE FROM attempt
      WHERE id IN (
        SELECT id
        FROM attempt
        WHERE decided_at_ms < ?
        ORDER BY decided_at_ms
        LIMIT ?
      )`,
      timeMs,
      max,
    ),

  /** Forgets by whom grants were last used, if that was before a time. */
  forgetUsersBefore: (timeMs: number): Promise<number> =>
    tx.run(
      'UPDATE access_grant SET used_by = NULL WHERE used_by IS NOT NULL AND used_at_ms < ?',
      timeMs,
    ),
})

const insertRows = rowInserter({
  insert: `INSERT INTO attempt (
    id,
    request_hash,
    lock_id,
    account_public_id,
    pass_id,
    session_id,
    grant_id,
    decision,
    reason,
    use_number,
    use_max,
    decided_at_ms,
    seq
  )`,
  columns: 13,
})

type AttemptRow = {
  id: string
  request_hash: Uint8Array
  lock_id: string
  account_public_id: string
  pass_id: string | null
  session_id: string
  grant_id: string | null
  decision: 'permitted' | 'denied'
  reason: DecisionReason | null
  use_number: number | null
  use_max: number | null
  decided_at_ms: number
  seq: number | null
}

const attemptOf = (row: AttemptRow): DecidedAttempt => ({
  id: row.id,
  requestHash: row.request_hash.toHex(),
  lockId: row.lock_id,
  accountPublicId: row.account_public_id,
  passId: row.pass_id,
  sessionId: row.session_id,
  grantId: row.grant_id,
  decision: row.decision,
  reason: row.reason,
  useNumber: row.use_number,
  useMax: row.use_max,
  decidedAtMs: row.decided_at_ms,
  seq: row.seq,
})

/** A lock with one of its lockdowns, if there is any. */
type LockRow = {
  id: string
  label: string
  state: LockState
  lockdown: string | null
  until_ms: number | null
}

type HolderRow = {
  public_id: string
  role: Role
  disabled_at_ms: number | null
  admitted_at_ms: number | null
  ends_at_ms: number | null
}

const holderOf = (row: HolderRow): HolderNow => ({
  publicId: row.public_id,
  role: row.role,
  isDisabled: row.disabled_at_ms !== null,
  isAdmitted: row.admitted_at_ms !== null,
  endsAtMs: row.ends_at_ms,
})
