import type { Queries } from '../../storage/database.ts'

/** An account whose access ends at a time. */
export type EndingAccount = {
  readonly publicId: string
  readonly username: string
  readonly endsAtMs: number
}

/** Returns the accounts that end within a period (excluding its start), earliest end first, without disabled
 * ones. */
export const accountsEnding =
  (db: Pick<Queries, 'all'>) =>
  async (fromMs: number, toMs: number): Promise<readonly EndingAccount[]> => {
    const rows = await db.all<{ public_id: string; username: string; ends_at_ms: number }>(
      `SELECT
         public_id,
         username,
         ends_at_ms
       FROM account
       WHERE ends_at_ms > ?
         AND ends_at_ms <= ?
         AND disabled_at_ms IS NULL
       ORDER BY ends_at_ms, id
       LIMIT ?`,
      fromMs,
      toMs,
      ACCOUNTS_MAX,
    )
    return rows.map((row) => ({
      publicId: row.public_id,
      username: row.username,
      endsAtMs: row.ends_at_ms,
    }))
  }

const ACCOUNTS_MAX = 20
