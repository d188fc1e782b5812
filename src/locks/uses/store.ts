import type { Queries } from '../../storage/database.ts'

/** A counted use of a grant: one visit, which may have several attempts. */
export type CountedUse = {
  readonly grantId: string
  readonly holder: string
  readonly number: number
  readonly max: number
  /** The public id of the account that asked; null for a guest, or once the person is erased. */
  readonly accountPublicId: string | null
}

/** The uses of grants, as one transaction sees them. */
export const usesIn = (tx: Pick<Queries, 'get' | 'run'>) => ({
  /** Returns the use that an attempt counted, if the lock did not open: the attempt failed, and no other attempt of
   * that visit opened the lock or may have. Undefined otherwise, and for an attempt whose use was given back. */
  findUnopened: (attemptId: string): Promise<CountedUse | undefined> =>
    tx.get<CountedUse>(
      `SELECT
         attempt.grant_id AS "grantId",
         access_grant.holder,
         attempt.use_number AS number,
         attempt.use_max AS max,
         account.public_id AS "accountPublicId"
       FROM attempt
       JOIN lock_operation AS own ON own.attempt_id = attempt.id AND ${unopened('own')}
       JOIN access_grant ON access_grant.id = attempt.grant_id AND access_grant.holder IS NOT NULL
       LEFT JOIN account ON account.public_id = attempt.account_public_id
       WHERE attempt.id = ?
         AND attempt.use_number IS NOT NULL
         AND NOT EXISTS (
           SELECT 1
           FROM attempt AS other
           JOIN lock_operation ON lock_operation.attempt_id = other.id
           WHERE other.grant_id = attempt.grant_id
             AND other.use_number = attempt.use_number
             AND NOT (${unopened('lock_operation')})
         )`,
      attemptId,
    ),

  /** Takes a use off its grant. Its attempts have none then, and later uses move up. If it was the newest, the next
   * attempt counts as a new visit, even if it comes within two minutes. */
  giveBack: async ({ grantId, number }: CountedUse): Promise<void> => {
    await tx.run(
      `UPDATE access_grant
       SET uses = uses - 1
       WHERE id = ? AND uses > 0`,
      grantId,
    )
    await tx.run(
      `UPDATE access_grant
       SET used_at_ms = NULL, used_by = NULL
       WHERE id = ?
         AND NOT EXISTS (SELECT 1 FROM attempt WHERE grant_id = access_grant.id AND use_number > ?)`,
      grantId,
      number,
    )
    await tx.run(
      `UPDATE attempt
       SET use_number = NULL, use_max = NULL
       WHERE grant_id = ? AND use_number = ?`,
      grantId,
      number,
    )
    await tx.run(
      `UPDATE attempt
       SET use_number = use_number - 1
       WHERE grant_id = ? AND use_number > ?`,
      grantId,
      number,
    )
  },
})

/** Holds if the lock is certainly shut after an operation. One that was interrupted may have opened it: otherwise,
 * cutting the power of a controller as it opens would give the visit back. */
const unopened = (operation: string): string =>
  `${operation}.state IN ('failed', 'offline') AND ${operation}.detail IS DISTINCT FROM 'interrupted'`
