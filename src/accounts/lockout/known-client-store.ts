import { DAY_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'

/** How long a client stays known after a login, and a device cookie is valid. */
export const KNOWN_CLIENT_MS = 90 * DAY_MS

/** Within this time, another login from a known client writes nothing. */
const RENEWED_MS = DAY_MS

/** Known clients per account. Each may guess ten times before it is locked out. */
const KNOWN_CLIENTS_MAX = 10

/** The most clients that one sweep forgets. */
const SWEPT_MAX = 200

/** An account and a client, by a keyed hash of its address. */
type Client = { readonly accountId: number | undefined; readonly clientHash: Buffer }

type KnownClient = Client & { readonly accountId: number }

/** Clients from which accounts have logged in. */
export const knownClientStore = (db: Queries) => ({
  isKnown: async (client: Client, atMs: number): Promise<boolean> =>
    (await knownSinceMs(db, client)) > atMs - KNOWN_CLIENT_MS,

  /** True unless a login within the last day made the client known. */
  needsRenewal: async (client: Client, atMs: number): Promise<boolean> =>
    (await knownSinceMs(db, client)) <= atMs - RENEWED_MS,
})

/** Adds and removes known clients in a transaction. */
export const knownClientsIn = (tx: Queries) => ({
  /** Makes a client known, and forgets the oldest beyond the limit. Does nothing if the account was
   * erased. */
  save: async ({ accountId, clientHash }: KnownClient, atMs: number): Promise<void> => {
    await tx.run(
      `INSERT INTO known_client (account_id, hash, logged_in_at_ms)
       SELECT id, ?, ? FROM account WHERE id = ?
       ON CONFLICT (account_id, hash) DO UPDATE SET logged_in_at_ms = excluded.logged_in_at_ms`,
      clientHash,
      atMs,
      accountId,
    )
    await tx.run(
      `DELETE FROM known_client
       WHERE account_id = ? AND hash NOT IN (
         SELECT hash FROM known_client WHERE account_id = ? ORDER BY logged_in_at_ms DESC LIMIT ?
       )`,
      accountId,
      accountId,
      KNOWN_CLIENTS_MAX,
    )
  },

  /** Forgets clients that have not logged in for long. Returns false if there may be more of them than
   * one transaction should delete. */
  sweep: async (atMs: number): Promise<boolean> =>
    (await tx.run(
      `DELETE FROM known_client
       WHERE (account_id, hash) IN (
         SELECT account_id, hash FROM known_client WHERE logged_in_at_ms <= ? LIMIT ?
       )`,
      atMs - KNOWN_CLIENT_MS,
      SWEPT_MAX,
    )) < SWEPT_MAX,
})

/** Returns when the account last logged in from the client, to within a day. */
const knownSinceMs = async (db: Queries, { accountId, clientHash }: Client): Promise<number> => {
  const known = await db.get<{ ms: number }>(
    'SELECT logged_in_at_ms AS ms FROM known_client WHERE account_id = ? AND hash = ?',
    accountId ?? null,
    clientHash,
  )
  return known?.ms ?? Number.NEGATIVE_INFINITY
}
