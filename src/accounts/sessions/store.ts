import type { Account, Role, SignedIn } from '../../domain/account.ts'
import type { Recording } from '../../domain/audit-event.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { AuthenticatedAccount } from '../core/store.ts'

export type SessionStore = ReturnType<typeof sessionStore>

/** How long a session lasts, milliseconds: without a refresh, and at the most. */
export type SessionLife = { readonly idleMs: number; readonly maxMs: number }

/** Where a session was begun or last refreshed. */
type Place = { readonly address: string; readonly userAgent: string }

export type Session = Place & {
  readonly id: string
  readonly createdAtMs: number
  readonly usedAtMs: number
  readonly expiresAtMs: number
}

/** What became of a refresh token that was presented. */
export type Rotation =
  | { readonly outcome: 'rotated' | 'repeated'; readonly session: SignedIn; readonly salt: Buffer }
  | { readonly outcome: 'reused' | 'unknown' }

/** Sessions that one account may have: one for each login of an app that never refreshes. */
const SESSIONS_MAX = 100

/** A phone whose answer was lost may ask again for so long, and gets the same one (RFC 9700). */
const REPEAT_MS_MAX = 10_000

/** Used tokens that a session keeps, to know one that comes again: weeks of a phone that refreshes each
 * half hour. */
const USED_TOKENS_MAX = 1000

type NewSession = {
  readonly place: Place
  readonly tokenHash: Buffer
  readonly record: Recording<string>
}

type NextToken = {
  readonly place: Place
  /** Gives the hash of the next token for a salt. */
  readonly successorHash: (salt: Buffer) => Buffer
  readonly recordReuse: Recording<SignedIn>
}

type Ending<Ended> = { readonly record: Recording<Ended> }

type AccountRow = { id: number; public_id: string; username: string; role: Role }

type StoredToken = AccountRow & {
  session_id: string
  used_at_ms: number | null
  successor_salt: Uint8Array | null
  ends_at_ms: number
}

/** Sessions and their refresh tokens in the database. */
export const sessionStore = (db: Database, now: () => number, life: SessionLife) => ({
  /** Begins a session, unless the account was disabled or deleted meanwhile, or all of its sessions
   * were ended, as a new password does. Sweeps those that are over, and the account's least used
   * beyond the bound. */
  begin: (
    { id: accountId, sessionEpoch }: Pick<AuthenticatedAccount, 'id' | 'sessionEpoch'>,
    { place, tokenHash, record }: NewSession,
  ): Promise<string | undefined> =>
    db.transaction(async (tx) => {
      const sessionId = crypto.randomUUID()
      const at = now()
      await tx.run('DELETE FROM session WHERE expires_at_ms <= ?', at)
      const begun = await tx.run(
        `INSERT INTO session (
           id,
           account_id,
           created_at_ms,
           used_at_ms,
           expires_at_ms,
           ends_at_ms,
           address,
           user_agent
         ) SELECT ?, id, ?, ?, ?, ?, ?, ? FROM account
         WHERE id = ? AND session_epoch = ? AND disabled_at_ms IS NULL`,
        sessionId,
        at,
        at,
        at + Math.min(life.idleMs, life.maxMs),
        at + life.maxMs,
        place.address,
        place.userAgent,
        accountId,
        sessionEpoch,
      )
      if (begun === 0) return undefined
      await addToken(tx, sessionId, tokenHash)
      await tx.run(
        `DELETE FROM session
         WHERE account_id = ? AND id NOT IN (
           SELECT id FROM session WHERE account_id = ? ORDER BY used_at_ms DESC LIMIT ?
         )`,
        accountId,
        accountId,
        SESSIONS_MAX,
      )
      await record(sessionId, tx)
      return sessionId
    }),

  /** Uses a refresh token up and stores its successor, which `successorHash` gives for a salt. A
   * token that was used before, and not just now, ends its session. */
  rotate: (
    tokenHash: Buffer,
    { place, successorHash, recordReuse }: NextToken,
  ): Promise<Rotation> =>
    db.transaction(async (tx) => {
      const at = now()
      const found = await tx.get<StoredToken>(
        `SELECT
           refresh_token.session_id,
           refresh_token.used_at_ms,
           refresh_token.successor_salt,
           session.ends_at_ms,
           account.id,
           account.public_id,
           account.username,
           account.role
         FROM refresh_token
         JOIN session ON session.id = refresh_token.session_id
         JOIN account ON account.id = session.account_id
         WHERE refresh_token.hash = ?
           AND session.expires_at_ms > ?
           AND account.disabled_at_ms IS NULL`,
        tokenHash,
        at,
      )
      if (!found) return { outcome: 'unknown' }
      const session = { account: account(found), sessionId: found.session_id }
      if (found.used_at_ms !== null && found.successor_salt !== null) {
        const sinceMs = at - found.used_at_ms
        // A gateway that starts with its clock behind must not take every old token for a repeat.
        if (sinceMs >= 0 && sinceMs <= REPEAT_MS_MAX)
          return { outcome: 'repeated', session, salt: Buffer.from(found.successor_salt) }
        await tx.run('DELETE FROM session WHERE id = ?', found.session_id)
        await recordReuse(session, tx)
        return { outcome: 'reused' }
      }
      const salt = Buffer.from(crypto.getRandomValues(new Uint8Array(32)))
      await tx.run(
        'UPDATE refresh_token SET used_at_ms = ?, successor_salt = ? WHERE hash = ?',
        at,
        salt,
        tokenHash,
      )
      await addToken(tx, found.session_id, successorHash(salt))
      await forgetOldTokens(tx, found.session_id, tokenHash)
      await tx.run(
        'UPDATE session SET used_at_ms = ?, expires_at_ms = ?, address = ?, user_agent = ? WHERE id = ?',
        at,
        Math.min(at + life.idleMs, found.ends_at_ms),
        place.address,
        place.userAgent,
        found.session_id,
      )
      return { outcome: 'rotated', session, salt }
    }),

  /** The enabled account whose session stands; both are looked up at every request, by a subquery
   * because SQLite takes seven times as long for the same as a join. */
  findAccount: async (sessionId: string, publicId: string): Promise<Account | undefined> => {
    const row = await db.get<AccountRow>(
      `SELECT
         id,
         public_id,
         username,
         role
       FROM account
       WHERE id = (SELECT account_id FROM session WHERE id = ? AND expires_at_ms > ?)
         AND public_id = ?
         AND disabled_at_ms IS NULL`,
      sessionId,
      now(),
      publicId,
    )
    return row && account(row)
  },

  /** An account, enabled or not, whatever sessions it has. */
  findOwner: async (
    publicId: string,
  ): Promise<{ readonly account: Account; readonly isDisabled: boolean } | undefined> => {
    const row = await db.get<AccountRow & { disabled_at_ms: number | null }>(
      `SELECT
         id,
         public_id,
         username,
         role,
         disabled_at_ms
       FROM account
       WHERE public_id = ?`,
      publicId,
    )
    return row && { account: account(row), isDisabled: row.disabled_at_ms !== null }
  },

  /** The sessions of an account that stand, the last used first. */
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
       WHERE account_id = ? AND expires_at_ms > ?
       ORDER BY used_at_ms DESC, id`,
      accountId,
      now(),
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

  /** Ends a session and gives the public id of its account; nothing where it is not there, or is
   * another account's than `accountId`. */
  end: (
    sessionId: string,
    { accountId, record }: Ending<string> & { readonly accountId: number | undefined },
  ): Promise<string | undefined> =>
    db.transaction(async (tx) => {
      const ended = await tx.get<{ public_id: string }>(
        `DELETE FROM session
         WHERE id = ? AND account_id = coalesce(?, account_id)
         RETURNING (SELECT public_id FROM account WHERE account.id = session.account_id) AS public_id`,
        sessionId,
        accountId ?? null,
      )
      if (ended) await record(ended.public_id, tx)
      return ended?.public_id
    }),

  /** Ends all sessions of an account but one that is kept, in a transaction of its own or within
   * another; gives their number. */
  endAll: (
    accountId: number,
    { keptId, record }: Ending<number> & { readonly keptId: string | undefined },
    within?: Pick<Queries, 'run'>,
  ): Promise<number> => {
    const work = async (tx: Pick<Queries, 'run'>): Promise<number> => {
      const sessions = await endSessions(tx, accountId, keptId)
      await record(sessions, tx)
      return sessions
    }
    return within ? work(within) : db.transaction(work)
  },
})

/** Ends all sessions of an account but one that may be kept, and lets no login that is under way
 * begin another; gives their number. */
export const endSessions = async (
  tx: Pick<Queries, 'run'>,
  accountId: number,
  keptId = '',
): Promise<number> => {
  await tx.run('UPDATE account SET session_epoch = session_epoch + 1 WHERE id = ?', accountId)
  return tx.run('DELETE FROM session WHERE account_id = ? AND id <> ?', accountId, keptId)
}

const addToken = (tx: Queries, sessionId: string, hash: Buffer): Promise<number> =>
  tx.run('INSERT INTO refresh_token (hash, session_id) VALUES (?, ?)', hash, sessionId)

/** Keeps the newest used tokens of a session, and in any case the one that was used just now: by a clock
 * that starts behind it may look the oldest. */
const forgetOldTokens = (tx: Queries, sessionId: string, usedNow: Buffer): Promise<number> =>
  tx.run(
    `DELETE FROM refresh_token
     WHERE session_id = ? AND used_at_ms IS NOT NULL AND hash <> ? AND hash NOT IN (
       SELECT hash
       FROM refresh_token
       WHERE session_id = ? AND used_at_ms IS NOT NULL
       ORDER BY used_at_ms DESC
       LIMIT ?
     )`,
    sessionId,
    usedNow,
    sessionId,
    USED_TOKENS_MAX,
  )

const account = ({ id, public_id: publicId, username, role }: AccountRow): Account => ({
  id,
  publicId,
  username,
  role,
})
