import type { Account, Role } from '../../domain/account.ts'
import type { Queries } from '../../storage/database.ts'
import { type EndClock, hasEnded, isOpen } from '../core/end-date.ts'

export type SessionStore = ReturnType<typeof sessionStore>

/** Where a session began or was last refreshed. */
export type Place = { readonly address: string; readonly userAgent: string }

export type Session = Place & {
  readonly id: string
  readonly createdAtMs: number
  readonly usedAtMs: number
  readonly expiresAtMs: number
}

type AccountRow = {
  id: number
  public_id: string
  username: string
  role: Role
  admitted_at_ms: number | null
}

/** Looks up sessions. */
export const sessionStore = (db: Queries, clock: EndClock) => ({
  /** Returns the account of an open session, or undefined if it is disabled, or it or the session has
   * ended. Runs for every request; a subquery, because the same join takes SQLite seven times as
   * long. */
  findAccount: async (sessionId: string, publicId: string): Promise<Account | undefined> => {
    const row = await db.get<AccountRow>(
      `SELECT
         id,
         public_id,
         username,
         role,
         admitted_at_ms
       FROM account
       WHERE id = (SELECT account_id FROM session WHERE id = ? AND expires_at_ms > ?)
         AND public_id = ?
         AND ${isOpen()}`,
      sessionId,
      clock.nonDecreasingMs(),
      publicId,
      clock.certainMs(),
    )
    return row && accountOf(row)
  },

  /** Returns whether a refresh token was ever issued by a session that is still stored. */
  hasRefreshToken: async (tokenHash: Buffer): Promise<boolean> =>
    (await db.get('SELECT 1 FROM refresh_token WHERE hash = ?', tokenHash)) !== undefined,

  /** Returns an account, regardless of its sessions, and whether it is disabled or has ended. */
  findOwner: async (
    publicId: string,
  ): Promise<{ readonly account: Account; readonly isDisabled: boolean } | undefined> => {
    const row = await db.get<
      AccountRow & { disabled_at_ms: number | null; ends_at_ms: number | null }
    >(
      `SELECT
         id,
         public_id,
         username,
         role,
         admitted_at_ms,
         disabled_at_ms,
         ends_at_ms
       FROM account
       WHERE public_id = ?`,
      publicId,
    )
    if (!row) return undefined
    const isDisabled = row.disabled_at_ms !== null || hasEnded({ endsAtMs: row.ends_at_ms }, clock)
    return { account: accountOf(row), isDisabled }
  },

  /** Returns the public id of a session's account, or undefined if there is no such session. */
  publicIdOf: async (sessionId: string): Promise<string | undefined> => {
    const row = await db.get<{ public_id: string }>(
      `SELECT public_id
       FROM account
       WHERE id = (SELECT account_id FROM session WHERE id = ?)`,
      sessionId,
    )
    return row?.public_id
  },

  /** Returns the open sessions of an account, most recently used first. */
  list: async (accountId: number): Promise<readonly Session[]> => {
    const rows = await db.all<{
      id: string
      created_at_ms: number
      used_at_ms: number
      expires_at_ms: number
      address: string
      user_agent: string
    }>(
      `SELECT
         id,
         created_at_ms,
         used_at_ms,
         expires_at_ms,
         address,
         user_agent
       FROM session
       WHERE account_id = (SELECT id FROM account WHERE id = ? AND coalesce(ends_at_ms > ?, TRUE))
         AND expires_at_ms > ?
       ORDER BY used_at_ms DESC, id`,
      accountId,
      clock.certainMs(),
      clock.nonDecreasingMs(),
    )
    return rows.map((row) => ({
      id: row.id,
      createdAtMs: row.created_at_ms,
      usedAtMs: row.used_at_ms,
      expiresAtMs: row.expires_at_ms,
      address: row.address,
      userAgent: row.user_agent,
    }))
  },
})

/** Ends sessions in a transaction. */
export const sessionsIn = (tx: Pick<Queries, 'get' | 'run'>) => ({
  /** Ends a session of an account; returns false if there is no such session. */
  end: async (sessionId: string, accountId: number): Promise<boolean> =>
    (await tx.run('DELETE FROM session WHERE id = ? AND account_id = ?', sessionId, accountId)) > 0,

  /** Ends all sessions of an account, except `keptId`, and returns their number. */
  endAll: (accountId: number, keptId?: string): Promise<number> =>
    endSessions(tx, accountId, keptId),
})

/** Ends all sessions of an account, except one that may be kept, and prevents logins under way from
 * beginning another. Returns their number. */
export const endSessions = async (
  tx: Pick<Queries, 'run'>,
  accountId: number,
  keptId = '',
): Promise<number> => {
  await tx.run('UPDATE account SET session_epoch = session_epoch + 1 WHERE id = ?', accountId)
  return tx.run('DELETE FROM session WHERE account_id = ? AND id <> ?', accountId, keptId)
}

export const accountOf = (row: AccountRow): Account => ({
  id: row.id,
  publicId: row.public_id,
  username: row.username,
  role: row.role,
  admitted: row.admitted_at_ms !== null,
})
