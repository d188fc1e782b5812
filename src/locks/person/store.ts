import type { DecisionReason } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'

/** What a person tried to open, and what was decided. */
export type PersonalAttempt = {
  readonly id: string
  readonly lock: string
  readonly decision: 'permitted' | 'denied'
  readonly reason: DecisionReason | null
  readonly grantId: string | null
  readonly decidedAtMs: number
}

/** The attempts of a person, as one transaction or reader sees them. */
export const attemptsIn = (queries: Pick<Queries, 'all' | 'run'>) => ({
  /** Returns up to `limit` attempts in the order of their ids, which apps choose. */
  page: (publicId: string, afterId: string, limit: number): Promise<readonly PersonalAttempt[]> =>
    queries.all<PersonalAttempt>(
      `SELECT
         attempt.id,
         lock.label AS lock,
         attempt.decision,
         attempt.reason,
         attempt.grant_id AS "grantId",
         attempt.decided_at_ms AS "decidedAtMs"
       FROM attempt
       JOIN lock ON lock.id = attempt.lock_id
       WHERE attempt.account_public_id = ? AND attempt.id > ?
       ORDER BY attempt.id
       LIMIT ?`,
      publicId,
      afterId,
      limit,
    ),

  /** Deletes up to `max` attempts, and forgets that they were the newest uses of grants. Returns how many it
   * has deleted. */
  remove: async (publicId: string, max: number): Promise<number> => {
    await queries.run(
      `UPDATE access_grant
       SET used_by = NULL
       WHERE id IN (
         SELECT attempt.grant_id
         FROM ${FIRST} AS attempt
         JOIN access_grant AS used ON used.id = attempt.grant_id
         WHERE used.used_by LIKE attempt.session_id || '%'
       )`,
      publicId,
      max,
    )
    return queries.run(
      `DELETE FROM attempt WHERE id IN (SELECT id FROM ${FIRST} AS first)`,
      publicId,
      max,
    )
  },
})

const FIRST = `(
  SELECT id, grant_id, session_id FROM attempt
  WHERE account_public_id = ?
  ORDER BY id
  LIMIT ?
)`
