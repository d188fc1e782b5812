import type { Database } from '../storage/database.ts'

export type UnlockStore = ReturnType<typeof unlockStore>

export type NewUnlock = {
  readonly accountPublicId: string
  readonly username: string
  readonly method: string
}

/** One opening of the door, with the user name as it was then. */
export type Unlock = NewUnlock & {
  /** Counts from 0 without gaps, in the order of receipt. */
  readonly seq: number
  readonly receivedAtMs: number
}

type Stored = {
  seq: number
  account_public_id: string
  username: string
  method: string
  received_at_ms: number
}

/** The unlock log in the database. */
export const unlockStore = (db: Database, now: () => number) => ({
  /** Resolves once the unlock is committed to disk. */
  append: async (unlock: NewUnlock): Promise<void> => {
    await db.run(
      `INSERT INTO unlock (
         seq,
         account_public_id,
         username,
         method,
         received_at_ms
       )
       SELECT coalesce(max(seq) + 1, 0), ?, ?, ?, ? FROM unlock`,
      unlock.accountPublicId,
      unlock.username,
      unlock.method,
      now(),
    )
  },

  /** Up to `limit` unlocks whose sequence number is over `afterSeq`, oldest first. */
  page: async (afterSeq: number, limit: number): Promise<readonly Unlock[]> => {
    const rows = await db.all<Stored>(
      `SELECT
         seq,
         account_public_id,
         username,
         method,
         received_at_ms
       FROM unlock
       WHERE seq > ?
       ORDER BY seq
       LIMIT ?`,
      afterSeq,
      limit,
    )
    return rows.map((row) => ({
      seq: row.seq,
      accountPublicId: row.account_public_id,
      username: row.username,
      method: row.method,
      receivedAtMs: row.received_at_ms,
    }))
  },
})
