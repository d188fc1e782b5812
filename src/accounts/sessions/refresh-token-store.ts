import { REPLICAS_APART_MS_MAX } from '../../domain/clock.ts'
import { type Account, type Role, type SignedIn } from '../../domain/account.ts'
import type { Queries } from '../../storage/database.ts'
import { type EndClock, isOpen } from '../core/end-date.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import { type Place, accountOf } from './store.ts'

/** How long a session lasts, in milliseconds: without a refresh, and in total. */
export type SessionLife = { readonly idleMs: number; readonly maxMs: number }

type Terms = { readonly clock: EndClock; readonly life: SessionLife }

type NewSession = {
  readonly account: Pick<AuthenticatedAccount, 'id' | 'sessionEpoch'>
  readonly place: Place
  /** SHA-256 of its first refresh token. */
  readonly tokenHash: Buffer
}

type NextToken = {
  readonly place: Place
  /** Returns the hash of the next token for a salt. */
  readonly successorHash: (salt: Buffer) => Buffer
}

/** What became of a refresh token that was presented. */
export type Rotation =
  | { readonly outcome: 'rotated' | 'repeated'; readonly session: SignedIn; readonly salt: Buffer }
  | { readonly outcome: 'reused'; readonly session: SignedIn }
  | { readonly outcome: 'unknown' }

/** Sessions per account: room for an app that logs in each time and never refreshes. */
const SESSIONS_MAX = 100

/** Within this time a phone whose answer was lost may retry, and gets the same answer (RFC
 * 9700). */
const REPEAT_MS_MAX = 10_000

/** How many used tokens the sessions of an account keep together to recognize reuse: weeks for a phone
 * that refreshes every half hour. Ending all sessions, or erasing the account, deletes them in one
 * transaction, which takes ten milliseconds for this many. */
const USED_TOKENS_MAX = 1000

/** How many rows one transaction sweeps. Each login adds one session, so that sweeping two keeps up. */
const SWEPT_SESSIONS = 2
const SWEPT_TOKENS = 1000

type StoredToken = {
  id: number
  public_id: string
  username: string
  role: Role
  admitted_at_ms: number | null
  session_id: string
  used_at_ms: number | null
  successor_salt: Uint8Array | null
  ends_at_ms: number
}

/** Begins and refreshes sessions in a transaction. */
export const refreshTokensIn = (tx: Queries, terms: Terms) => ({
  /** Begins a session and returns its id, or undefined if the account was disabled or deleted, or has ended, since
   * its password was read, or all of its sessions were ended, as a new password does. Sweeps
   * a few expired sessions, and the account's least recently used beyond the limit. */
  begin: (session: NewSession): Promise<string | undefined> => begin(tx, terms, session),

  /** Uses up a refresh token and stores its successor. A token that was used before, and not just
   * now, ends its session. */
  rotate: (tokenHash: Buffer, next: NextToken): Promise<Rotation> =>
    rotate(tx, terms, { ...next, tokenHash }),
})

const begin = async (
  tx: Queries,
  { clock, life }: Terms,
  { account, place, tokenHash }: NewSession,
): Promise<string | undefined> => {
  const sessionId = crypto.randomUUID()
  const nowMs = clock.nonDecreasingMs()
  await tx.run(
    `DELETE FROM session
     WHERE id IN (SELECT id FROM session WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)`,
    nowMs,
    SWEPT_SESSIONS,
  )
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
     WHERE id = ? AND session_epoch = ? AND ${isOpen()}`,
    sessionId,
    nowMs,
    nowMs,
    nowMs + Math.min(life.idleMs, life.maxMs),
    nowMs + life.maxMs,
    place.address,
    place.userAgent,
    account.id,
    account.sessionEpoch,
    clock.certainMs(),
  )
  if (begun === 0) return undefined
  await addToken(tx, sessionId, tokenHash)
  await tx.run(
    `DELETE FROM session
     WHERE account_id = ? AND id NOT IN (
       SELECT id FROM session WHERE account_id = ? ORDER BY used_at_ms DESC LIMIT ?
     )`,
    account.id,
    account.id,
    SESSIONS_MAX,
  )
  return sessionId
}

const rotate = async (
  tx: Queries,
  { clock, life }: Terms,
  { tokenHash, place, successorHash }: NextToken & { readonly tokenHash: Buffer },
): Promise<Rotation> => {
  const nowMs = clock.nonDecreasingMs()
  const found = await findToken(tx, tokenHash, clock)
  if (!found) return { outcome: 'unknown' }
  const session = { account: accountOf(found), sessionId: found.session_id }
  if (found.used_at_ms !== null && found.successor_salt !== null) {
    const sinceMs = nowMs - found.used_at_ms
    // A gateway that starts with its clock behind must not take every old token for a repeat.
    if (sinceMs >= -REPLICAS_APART_MS_MAX && sinceMs <= REPEAT_MS_MAX)
      return { outcome: 'repeated', session, salt: Buffer.from(found.successor_salt) }
    await tx.run('DELETE FROM session WHERE id = ?', found.session_id)
    return { outcome: 'reused', session }
  }
  const salt = Buffer.from(crypto.getRandomValues(new Uint8Array(32)))
  await tx.run(
    'UPDATE refresh_token SET used_at_ms = ?, successor_salt = ? WHERE hash = ?',
    nowMs,
    salt,
    tokenHash,
  )
  await addToken(tx, found.session_id, successorHash(salt))
  await forgetOldTokens(tx, found.id, tokenHash)
  await tx.run(
    'UPDATE session SET used_at_ms = ?, expires_at_ms = ?, address = ?, user_agent = ? WHERE id = ?',
    nowMs,
    Math.min(nowMs + life.idleMs, found.ends_at_ms),
    place.address,
    place.userAgent,
    found.session_id,
  )
  return { outcome: 'rotated', session, salt }
}

/** Returns the enabled account of a refresh token whose session is open. */
export const findHolder = async (
  db: Pick<Queries, 'get'>,
  hash: Buffer,
  clock: EndClock,
): Promise<Account | undefined> => {
  const found = await findToken(db, hash, clock)
  return found && accountOf(found)
}

/** Returns a refresh token of an open session of an enabled account. */
const findToken = (
  db: Pick<Queries, 'get'>,
  hash: Buffer,
  clock: EndClock,
): Promise<StoredToken | undefined> =>
  db.get<StoredToken>(
    `SELECT
       refresh_token.session_id,
       refresh_token.used_at_ms,
       refresh_token.successor_salt,
       session.ends_at_ms,
       account.id,
       account.public_id,
       account.username,
       account.role,
       account.admitted_at_ms
     FROM refresh_token
     JOIN session ON session.id = refresh_token.session_id
     JOIN account ON account.id = session.account_id
     WHERE refresh_token.hash = ?
       AND session.expires_at_ms > ?
       AND ${isOpen()}`,
    hash,
    clock.nonDecreasingMs(),
    clock.certainMs(),
  )

const addToken = (tx: Queries, sessionId: string, hash: Buffer): Promise<number> =>
  tx.run('INSERT INTO refresh_token (hash, session_id) VALUES (?, ?)', hash, sessionId)

/** Keeps the newest used tokens of an account, and always the one used just now: if the clock started
 * behind, it may look the oldest. */
const forgetOldTokens = (tx: Queries, accountId: number, usedNow: Buffer): Promise<number> =>
  tx.run(
    `DELETE FROM refresh_token
     WHERE hash IN (
       SELECT refresh_token.hash
       FROM session
       JOIN refresh_token ON refresh_token.session_id = session.id
       WHERE session.account_id = ?
         AND refresh_token.used_at_ms IS NOT NULL
         AND refresh_token.hash <> ?
       ORDER BY refresh_token.used_at_ms DESC
       LIMIT ? OFFSET ?
     )`,
    accountId,
    usedNow,
    SWEPT_TOKENS,
    USED_TOKENS_MAX - 1,
  )
