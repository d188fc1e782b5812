import type { Queries } from '../../storage/database.ts'

/** One-time codes that enrol a controller. */
export const codesIn = (tx: Pick<Queries, 'get' | 'run'>) => ({
  /** Adds a code, and deletes those that have expired. */
  add: async (
    hash: Uint8Array,
    {
      lockId,
      madeBy,
      expiresAtMs,
      nowMs,
    }: { lockId: string; madeBy: string | null; expiresAtMs: number; nowMs: number },
  ): Promise<void> => {
    await tx.run('DELETE FROM controller_code WHERE expires_at_ms <= ?', nowMs)
    await tx.run(
      'INSERT INTO controller_code (hash, lock_id, made_by, expires_at_ms) VALUES (?, ?, ?, ?)',
      hash,
      lockId,
      madeBy,
      expiresAtMs,
    )
  },

  /** Returns the lock of a valid code. */
  find: async (hash: Uint8Array, nowMs: number) =>
    tx.get<{ lockId: string; label: string; name: string; state: string }>(
      `SELECT lock_id AS "lockId", label, name, state
       FROM controller_code
       JOIN lock ON lock.id = lock_id
       WHERE hash = ? AND expires_at_ms > ?`,
      hash,
      nowMs,
    ),

  /** Deletes a code: it was used. */
  use: (hash: Uint8Array): Promise<number> =>
    tx.run('DELETE FROM controller_code WHERE hash = ?', hash),

  forgetMaker: async (publicId: string): Promise<void> => {
    await tx.run('UPDATE controller_code SET made_by = NULL WHERE made_by = ?', publicId)
  },

  /** Returns how many valid codes a lock has. */
  count: async (lockId: string, nowMs: number): Promise<number> => {
    const row = await tx.get<{ count: number }>(
      'SELECT count(*) AS count FROM controller_code WHERE lock_id = ? AND expires_at_ms > ?',
      lockId,
      nowMs,
    )
    return row?.count ?? 0
  },
})
