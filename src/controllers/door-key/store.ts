import type { Queries } from '../../storage/database.ts'

/** A key that signs commands to controllers. Only the newest is in use. */
export type DoorKeyRow = {
  readonly publicKey: Uint8Array
  /** The previous key's statement that this one follows it; null for the first, and after a theft. */
  readonly succession: Uint8Array | null
}

/** Door keys, in a transaction or on a read connection. */
export const doorKeysIn = (queries: Pick<Queries, 'all' | 'run'>) => ({
  /** Returns all keys, newest first. */
  all: async (): Promise<readonly DoorKeyRow[]> => {
    const rows = await queries.all<{ public_key: Uint8Array; succession: Uint8Array | null }>(
      `SELECT public_key, succession
       FROM door_key
       ORDER BY made_at_ms DESC`,
    )
    return rows.map(({ public_key: publicKey, succession }) => ({
      publicKey: new Uint8Array(publicKey),
      succession: succession && new Uint8Array(succession),
    }))
  },

  /** Adds a key, and ends the one before it. A clock that was set back does not change their order. */
  add: async ({ publicKey, succession }: DoorKeyRow, nowMs: number): Promise<void> => {
    await queries.run('UPDATE door_key SET ended_at_ms = ? WHERE ended_at_ms IS NULL', nowMs)
    await queries.run(
      `INSERT INTO door_key (public_key, made_at_ms, succession)
       SELECT ?, max(?, coalesce(max(made_at_ms) + 1, 0)), ?
       FROM door_key`,
      publicKey,
      nowMs,
      succession,
    )
  },
})
