import type { Role } from '../../domain/account.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import { endSessions } from '../sessions/store.ts'

export type AccountTransactions = ReturnType<typeof accountTransactions>

/** What may be done to accounts within one transaction: what is checked there still holds when it
 * is acted on. */
export type AccountTransaction = ReturnType<typeof accountTransaction>

/** An account as it now stands. */
export type AccountState = AuthenticatedAccount & { readonly isDisabled: boolean }

export type Contact = {
  readonly phone?: string
  readonly address?: string
  readonly email?: string | null
}

type Row = {
  id: number
  public_id: string
  username: string
  role: Role
  session_epoch: number
  disabled_at_ms: number | null
}

/** How long a code to choose a new password is good. */
export const RESET_MINUTES = 30

/** Changes to accounts in the database. */
export const accountTransactions = (db: Database, now: () => number) => ({
  /** Runs `work` in one transaction, which other stores may write in too; resolves after COMMIT. */
  transaction: <Result>(
    work: (changes: AccountTransaction, tx: Pick<Queries, 'run'>) => Promise<Result>,
  ): Promise<Result> => db.transaction((tx) => work(accountTransaction(tx, now), tx)),

  /** The enabled account that a code to choose a new password is good for. */
  findReset: (reset: Reset): Promise<AccountState | undefined> => findReset(db, reset, now()),

  /** Public ids of the people whose erasure may not be finished, but for those who were imported
   * again since. */
  pendingErasures: async (): Promise<readonly string[]> => {
    const rows = await db.all<{ public_id: string }>(
      'SELECT public_id FROM erasure WHERE public_id NOT IN (SELECT public_id FROM account)',
    )
    return rows.map((row) => row.public_id)
  },

  /** Ends the marks of erasures that began before then. */
  endErasures: async (begunBeforeMs: number): Promise<void> => {
    await db.run('DELETE FROM erasure WHERE begun_at_ms < ?', begunBeforeMs)
  },
})

type Reset = { readonly usernameKey: string; readonly codeHash: Buffer }

const accountTransaction = (tx: Queries, now: () => number) => ({
  find: async (publicId: string): Promise<AccountState | undefined> => {
    const row = await tx.get<Row>(`SELECT ${COLUMNS} FROM account WHERE public_id = ?`, publicId)
    return row && standing(row)
  },

  /** True where an owner who may sign in is left without this account. */
  hasOtherOwner: async (id: number): Promise<boolean> =>
    (await tx.get(
      "SELECT 1 FROM account WHERE role = 'owner' AND disabled_at_ms IS NULL AND id <> ? LIMIT 1",
      id,
    )) !== undefined,

  setContact: async (id: number, { phone, address, email }: Contact): Promise<void> => {
    await tx.run(
      `UPDATE account
       SET phone = coalesce(?, phone),
           address = coalesce(?, address),
           email = iif(?, ?, email)
       WHERE id = ?`,
      phone ?? null,
      address ?? null,
      email !== undefined,
      email ?? null,
      id,
    )
  },

  setRole: async (id: number, role: Role): Promise<void> => {
    await tx.run('UPDATE account SET role = ? WHERE id = ?', role, id)
  },

  setDisabled: async (id: number, isDisabled: boolean): Promise<void> => {
    const atMs = isDisabled ? now() : null
    await tx.run('UPDATE account SET disabled_at_ms = ? WHERE id = ?', atMs, id)
  },

  setPassword: async (id: number, passwordHash: string): Promise<void> => {
    await tx.run('UPDATE account SET password_hash = ? WHERE id = ?', passwordHash, id)
  },

  hasSession: async (accountId: number, sessionId: string): Promise<boolean> =>
    (await tx.get(
      'SELECT 1 FROM session WHERE id = ? AND account_id = ? AND expires_at_ms > ?',
      sessionId,
      accountId,
      now(),
    )) !== undefined,

  /** Ends all sessions of an account but one that is kept. */
  endSessions: async (accountId: number, keptId?: string): Promise<void> => {
    await endSessions(tx, accountId, keptId)
  },

  /** Stores a code in place of the one before. */
  saveReset: async (accountId: number, reset: NewReset): Promise<void> => {
    await tx.run(
      `INSERT INTO password_reset (account_id, code_hash, expires_at_ms, made_by)
       VALUES (?, ?, ?, ?)
       ON CONFLICT (account_id) DO UPDATE SET
         code_hash = excluded.code_hash,
         expires_at_ms = excluded.expires_at_ms,
         made_by = excluded.made_by`,
      accountId,
      reset.codeHash,
      reset.expiresAtMs,
      reset.madeBy ?? null,
    )
  },

  findReset: (reset: Reset): Promise<AccountState | undefined> => findReset(tx, reset, now()),

  endReset: async (accountId: number): Promise<void> => {
    await tx.run('DELETE FROM password_reset WHERE account_id = ?', accountId)
  },

  /** Deletes an account with all that is only its own, and marks the person as to be erased. The
   * label of an invitation that was for nobody else may name them. */
  remove: async ({ id, publicId }: AccountState): Promise<void> => {
    await tx.run(
      `INSERT INTO erasure (public_id, begun_at_ms) VALUES (?, ?)
       ON CONFLICT (public_id) DO UPDATE SET begun_at_ms = excluded.begun_at_ms`,
      publicId,
      now(),
    )
    await tx.run(
      `UPDATE invitation SET label = ''
       WHERE uses_max = 1 AND id = (SELECT invitation_id FROM account WHERE id = ?)`,
      id,
    )
    await tx.run('DELETE FROM account WHERE id = ?', id)
  },
})

type NewReset = {
  readonly codeHash: Buffer
  readonly expiresAtMs: number
  /** Public id; nobody for the gateway's command line. */
  readonly madeBy: string | undefined
}

/** Whoever made a code and was disabled, erased or given a lower role since has left no way in. */
const findReset = async (
  queries: Pick<Queries, 'get'>,
  { usernameKey, codeHash }: Reset,
  atMs: number,
): Promise<AccountState | undefined> => {
  const row = await queries.get<Row>(
    `SELECT ${COLUMNS} FROM account
     WHERE username_key = ?
       AND disabled_at_ms IS NULL
       AND EXISTS (
         SELECT 1
         FROM password_reset AS reset
         LEFT JOIN account AS maker ON maker.public_id = reset.made_by
         WHERE reset.account_id = account.id
           AND reset.code_hash = ?
           AND reset.expires_at_ms > ?
           AND reset.expires_at_ms <= ?
           AND (
             reset.made_by IS NULL OR
             maker.disabled_at_ms IS NULL AND (
               maker.role = 'owner' OR maker.role = 'admin' AND account.role = 'member'
             )
           )
       )`,
    usernameKey,
    codeHash,
    atMs,
    // A gateway that starts with its clock behind revives no old code.
    atMs + RESET_MINUTES * 60_000,
  )
  return row && standing(row)
}

const COLUMNS = 'id, public_id, username, role, session_epoch, disabled_at_ms'

const standing = (row: Row): AccountState => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
  sessionEpoch: row.session_epoch,
  isDisabled: row.disabled_at_ms !== null,
})
