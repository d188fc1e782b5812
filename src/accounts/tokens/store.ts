import type { Clock } from '../../domain/clock.ts'
import type { Queries } from '../../storage/database.ts'

/** An access token as it is stored, without its hash. */
export type AccessToken = {
  readonly id: string
  /** The public id of the account that it acts for. */
  readonly accountPublicId: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAtMs: number
  /** Null for never. */
  readonly expiresAtMs: number | null
  /** The hour in which it was last used, and from which address. */
  readonly usedAtMs: number | null
  readonly usedFrom: string | null
  readonly isRevoked: boolean
  readonly hasExpired: boolean
}

/** A token with the name of its account. */
export type ListedToken = AccessToken & { readonly username: string }

export type NewToken = Pick<
  AccessToken,
  'id' | 'accountPublicId' | 'name' | 'scopes' | 'expiresAtMs'
> & { readonly hash: Buffer }

type Row = {
  id: string
  account_public_id: string
  name: string
  scopes: string
  created_at_ms: number
  expires_at_ms: number | null
  used_at_ms: number | null
  used_from: string | null
  revoked_at_ms: number | null
}

const COLUMNS = `
  access_token.id,
  account_public_id,
  name,
  scopes,
  access_token.created_at_ms,
  expires_at_ms,
  used_at_ms,
  used_from,
  revoked_at_ms`

/** How many revoked and expired tokens of each account are kept, since events name their token. */
const DEAD_MAX = 50

/** Access tokens, in a transaction or on a read connection. */
export const tokensIn = (queries: Queries, clock: Pick<Clock, 'nonDecreasingMs'>) => {
  const tokenOf = (row: Row): AccessToken => ({
    id: row.id,
    accountPublicId: row.account_public_id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as string[],
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    usedAtMs: row.used_at_ms,
    usedFrom: row.used_from,
    isRevoked: row.revoked_at_ms !== null,
    hasExpired: row.expires_at_ms !== null && row.expires_at_ms <= clock.nonDecreasingMs(),
  })
  const listed = (rows: readonly (Row & { username: string })[]): readonly ListedToken[] =>
    rows.map((row) => ({ ...tokenOf(row), username: row.username }))

  return {
    findByHash: async (hash: Buffer): Promise<AccessToken | undefined> => {
      const row = await queries.get<Row>(`SELECT ${COLUMNS} FROM access_token WHERE hash = ?`, hash)
      return row && tokenOf(row)
    },

    find: async (id: string): Promise<AccessToken | undefined> => {
      const row = await queries.get<Row>(`SELECT ${COLUMNS} FROM access_token WHERE id = ?`, id)
      return row && tokenOf(row)
    },

    /** Returns the tokens of an account that are not revoked, newest first. */
    listOf: async (accountPublicId: string): Promise<readonly ListedToken[]> =>
      listed(
        await queries.all<Row & { username: string }>(
          `SELECT ${COLUMNS}, username
           FROM access_token
           JOIN account ON account.public_id = account_public_id
           WHERE account_public_id = ? AND revoked_at_ms IS NULL
           ORDER BY access_token.id DESC`,
          accountPublicId,
        ),
      ),

    /** Returns tokens of all accounts that are not revoked, newest first, from before the token `before`. */
    page: async (before: string | undefined, limit: number): Promise<readonly ListedToken[]> =>
      listed(
        await queries.all<Row & { username: string }>(
          `SELECT ${COLUMNS}, username
           FROM access_token
           JOIN account ON account.public_id = account_public_id
           WHERE revoked_at_ms IS NULL AND access_token.id < ?
           ORDER BY access_token.id DESC
           LIMIT ?`,
          before ?? AFTER_ALL,
          limit,
        ),
      ),

    countLive: async (accountPublicId: string): Promise<number> => {
      const row = await queries.get<{ count: number }>(
        `SELECT count(*) AS count
         FROM access_token
         WHERE account_public_id = ?
           AND revoked_at_ms IS NULL
           AND coalesce(expires_at_ms > ?, TRUE)`,
        accountPublicId,
        clock.nonDecreasingMs(),
      )
      return row?.count ?? 0
    },

    add: async (token: NewToken): Promise<void> => {
      await queries.run(
        `INSERT INTO access_token (
           id,
           account_public_id,
           name,
           hash,
           scopes,
           created_at_ms,
           expires_at_ms
         ) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        token.id,
        token.accountPublicId,
        token.name,
        token.hash,
        JSON.stringify(token.scopes),
        clock.nonDecreasingMs(),
        token.expiresAtMs,
      )
    },

    /** Deletes the oldest revoked and expired tokens of an account beyond a bound. */
    removeOldest: async (accountPublicId: string): Promise<void> => {
      await queries.run(
        `DELETE FROM access_token
         WHERE id IN (
           SELECT id
           FROM access_token
           WHERE account_public_id = ?
             AND (revoked_at_ms IS NOT NULL OR expires_at_ms <= ?)
           ORDER BY id DESC
           LIMIT ${Number.MAX_SAFE_INTEGER} OFFSET ${DEAD_MAX}
         )`,
        accountPublicId,
        clock.nonDecreasingMs(),
      )
    },

    /** Revokes a token; returns false if it was revoked before. */
    revoke: async (id: string): Promise<boolean> =>
      (await queries.run(
        'UPDATE access_token SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL',
        clock.nonDecreasingMs(),
        id,
      )) > 0,

    /** Revokes all tokens of an account; returns how many. */
    revokeAll: (accountPublicId: string): Promise<number> =>
      queries.run(
        `UPDATE access_token
         SET revoked_at_ms = ?
         WHERE account_public_id = ? AND revoked_at_ms IS NULL`,
        clock.nonDecreasingMs(),
        accountPublicId,
      ),

    setUsed: async (id: string, { atMs, from }: { atMs: number; from: string }): Promise<void> => {
      await queries.run(
        'UPDATE access_token SET used_at_ms = ?, used_from = ? WHERE id = ?',
        atMs,
        from,
        id,
      )
    },
  }
}

/** An access token that never expires, with its owner. */
export type LastingToken = Pick<ListedToken, 'id' | 'name' | 'username'>

/** Returns the access tokens that never expire, oldest first, without revoked ones. */
export const lastingTokens = (db: Pick<Queries, 'all'>) => (): Promise<readonly LastingToken[]> =>
  db.all<LastingToken>(
    `SELECT access_token.id, name, username
     FROM access_token
     JOIN account ON account.public_id = account_public_id
     WHERE revoked_at_ms IS NULL AND expires_at_ms IS NULL
     ORDER BY access_token.id
     LIMIT ?`,
    LASTING_MAX,
  )

const LASTING_MAX = 20

/** Sorts after every UUID. */
const AFTER_ALL = 'g'
