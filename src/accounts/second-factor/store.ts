import type { Account } from '../../domain/account.ts'
import type { Recording } from '../../domain/audit-event.ts'
import { tokenError } from '../../http/errors.ts'
import type { Database, Queries } from '../../storage/database.ts'

export type SecondFactorStore = ReturnType<typeof secondFactorStore>

/** A code that was given, and how it is judged. */
export type Attempt = {
  readonly atMs: number
  /** The time step of the code by a sealed secret; nothing for a wrong one. */
  readonly stepOf: (sealed: Uint8Array) => number | undefined
  /** How long after so many wrong codes in a row no further one is looked at. */
  readonly waitMs: (failures: number) => number
}

/** Whose second factor a request changes, and the session that asks. */
export type Holder = { readonly accountId: number; readonly sessionId: string }

/** SHA-256 of each. */
type RecoveryCodes = { readonly recoveryCodes: readonly Buffer[] }

type Recorded = { readonly record: Recording<number> }

type Stored = {
  secret: Uint8Array
  confirmed_at_ms: number | null
  last_step: number
  failures: number
  failed_at_ms: number
}

/** Second factors, their secrets sealed, and recovery codes in the database. */
export const secondFactorStore = (db: Database) => ({
  /** Whether a second factor is on, or begun and not confirmed; nothing where there is none. */
  find: async (accountId: number): Promise<'on' | 'begun' | undefined> => {
    const row = await db.get<Pick<Stored, 'confirmed_at_ms'>>(
      'SELECT confirmed_at_ms FROM second_factor WHERE account_id = ?',
      accountId,
    )
    return row && stateOf(row)
  },

  /** Keeps a secret that is to be confirmed, in place of one that was not; false where the second
   * factor is on. */
  begin: (holder: Holder, sealed: Uint8Array, record: Recording<number>): Promise<boolean> =>
    db.transaction(async (tx) => {
      const { accountId } = await requireStanding(tx, holder)
      const kept = await tx.run(
        `INSERT INTO second_factor (
         account_id,
         secret,
         last_step,
         failures,
         failed_at_ms
       ) VALUES (?, ?, 0, 0, 0)
       ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, failures = 0
       WHERE confirmed_at_ms IS NULL`,
        accountId,
        sealed,
      )
      if (kept !== 1) return false
      await record(accountId, tx)
      return true
    }),

  /** Turns a second factor on that was begun, where the code is right. */
  confirm: (
    holder: Holder,
    { recoveryCodes, record, ...attempt }: Attempt & RecoveryCodes & Recorded,
  ): Promise<boolean> =>
    db.transaction(async (tx) => {
      const { accountId } = await requireStanding(tx, holder)
      if (!(await useStep(tx, accountId, 'begun', attempt))) return false
      await tx.run(
        'UPDATE second_factor SET confirmed_at_ms = ? WHERE account_id = ?',
        attempt.atMs,
        accountId,
      )
      await replaceCodes(tx, accountId, recoveryCodes)
      await record(accountId, tx)
      return true
    }),

  /** Uses up the step of a code, and with it all earlier ones; false where the code is wrong, or not
   * looked at, or its step was used before. */
  useStep: (accountId: number, attempt: Attempt): Promise<boolean> =>
    db.transaction((tx) => useStep(tx, accountId, 'on', attempt)),

  /** Uses a recovery code up; false where there is none such. */
  useRecoveryCode: async (accountId: number, hash: Buffer): Promise<boolean> => {
    const used = await db.run(
      'DELETE FROM recovery_code WHERE account_id = ? AND hash = ?',
      accountId,
      hash,
    )
    return used === 1
  },

  replaceRecoveryCodes: (
    holder: Holder,
    { recoveryCodes, record }: RecoveryCodes & Recorded,
  ): Promise<void> =>
    db.transaction(async (tx) => {
      const { accountId } = await requireStanding(tx, holder)
      await replaceCodes(tx, accountId, recoveryCodes)
      await record(accountId, tx)
    }),

  countRecoveryCodes: async (accountId: number): Promise<number> => {
    const row = await db.get<{ codes: number }>(
      'SELECT count(*) AS codes FROM recovery_code WHERE account_id = ?',
      accountId,
    )
    return row?.codes ?? 0
  },

  /** Turns the second factor off, and with it its recovery codes; false where there is none. */
  remove: (holder: Holder, record: Recording<number>): Promise<boolean> =>
    db.transaction(async (tx) => {
      const { accountId } = await requireStanding(tx, holder)
      return remove(tx, accountId, record)
    }),

  /** As `remove`, by somebody else; false too where the person has got another role since it was
   * found that they may. */
  reset: ({ id, role }: Pick<Account, 'id' | 'role'>, record: Recording<number>) =>
    db.transaction(async (tx): Promise<boolean> => {
      const found = await tx.get('SELECT 1 FROM account WHERE id = ? AND role = ?', id, role)
      return found !== undefined && remove(tx, id, record)
    }),
})

const remove = async (
  tx: Queries,
  accountId: number,
  record: Recording<number>,
): Promise<boolean> => {
  await tx.run('DELETE FROM recovery_code WHERE account_id = ?', accountId)
  const removed = await tx.run('DELETE FROM second_factor WHERE account_id = ?', accountId)
  if (removed !== 1) return false
  await record(accountId, tx)
  return true
}

/** Throws 401 where the session that asks is over: it was ended while the request's body came in or
 * its password was checked, and whoever holds its token must not change what guards the account. */
const requireStanding = async (tx: Queries, holder: Holder): Promise<Holder> => {
  const { sessionId, accountId } = holder
  const stands = await tx.get(
    'SELECT 1 FROM session WHERE id = ? AND account_id = ?',
    sessionId,
    accountId,
  )
  if (!stands) throw tokenError()
  return holder
}

const stateOf = (row: Pick<Stored, 'confirmed_at_ms'>) =>
  row.confirmed_at_ms === null ? 'begun' : 'on'

/** Judges a code and counts it, in one transaction, so that of many at once each is counted. */
const useStep = async (
  tx: Queries,
  accountId: number,
  state: 'on' | 'begun',
  { atMs, stepOf, waitMs }: Attempt,
): Promise<boolean> => {
  const row = await tx.get<Stored>(
    `SELECT
       secret,
       confirmed_at_ms,
       last_step,
       failures,
       failed_at_ms
     FROM second_factor
     WHERE account_id = ?`,
    accountId,
  )
  if (!row || stateOf(row) !== state) return false
  const sinceMs = atMs - row.failed_at_ms
  // A clock that was set back must not make the wait longer.
  if (sinceMs >= 0 && sinceMs < waitMs(row.failures)) return false
  const step = stepOf(row.secret)
  if (step === undefined || step <= row.last_step) {
    await tx.run(
      'UPDATE second_factor SET failures = failures + 1, failed_at_ms = ? WHERE account_id = ?',
      atMs,
      accountId,
    )
    return false
  }
  await tx.run(
    'UPDATE second_factor SET last_step = ?, failures = 0 WHERE account_id = ?',
    step,
    accountId,
  )
  return true
}

const replaceCodes = async (
  tx: Queries,
  accountId: number,
  hashes: readonly Buffer[],
): Promise<void> => {
  await tx.run('DELETE FROM recovery_code WHERE account_id = ?', accountId)
  for (const hash of hashes)
    await tx.run('INSERT INTO recovery_code (account_id, hash) VALUES (?, ?)', accountId, hash)
}
