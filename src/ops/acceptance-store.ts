import type { Queries } from '../storage/database.ts'

/** Why a warning is left as it is, and until when. */
export type Acceptance = {
  readonly reason: string
  readonly untilMs: number
  /** The owner who accepted it, by current name; undefined once erased. */
  readonly by: string | undefined
}

/** Returns the acceptances that hold at a time, by the id of the warning. */
export const acceptancesAt = async (
  db: Pick<Queries, 'all'>,
  atMs: number,
): Promise<ReadonlyMap<string, Acceptance>> => {
  const rows = await db.all<{ id: string; reason: string; until_ms: number; by: string | null }>(
    `SELECT
       accepted_finding.id,
       accepted_finding.reason,
       accepted_finding.until_ms,
       account.username AS "by"
     FROM accepted_finding
     LEFT JOIN account ON account.id = accepted_finding.account_id
     WHERE accepted_finding.until_ms > ?`,
    atMs,
  )
  return new Map(
    rows.map(({ id, reason, until_ms: untilMs, by }) => [
      id,
      { reason, untilMs, by: by ?? undefined },
    ]),
  )
}

type New = Omit<Acceptance, 'by'> & { readonly accountId: number; readonly atMs: number }

/** Changes acceptances in a transaction. */
export const acceptancesIn = (tx: Pick<Queries, 'run'>) => ({
  /** Stores an acceptance in place of an earlier one, and removes those that are over. */
  put: async (id: string, { reason, untilMs, accountId, atMs }: New): Promise<void> => {
    await tx.run('DELETE FROM accepted_finding WHERE until_ms <= ?', atMs)
    await tx.run(
      `INSERT INTO accepted_finding (id, reason, until_ms, account_id) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         reason = excluded.reason,
         until_ms = excluded.until_ms,
         account_id = excluded.account_id`,
      id,
      reason,
      untilMs,
      accountId,
    )
  },

  /** Returns whether there was one that held at a time. */
  remove: async (id: string, atMs: number): Promise<boolean> =>
    (await tx.run('DELETE FROM accepted_finding WHERE id = ? AND until_ms > ?', id, atMs)) > 0,
})
