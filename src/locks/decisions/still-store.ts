import type { Queries } from '../../storage/database.ts'

/** Returns which permitted attempts may still open their locks: meanwhile the lock may have been disabled, a lockdown
 * begun, the grant revoked or suspended, or the account disabled. What time alone changes in the seconds since does not
 * matter. */
export const stillPermitted = async (
  queries: Pick<Queries, 'all'>,
  attemptIds: readonly string[],
  nowMs: number,
): Promise<ReadonlySet<string>> => {
  const rows = await queries.all<{ id: string }>(
    `SELECT attempt.id
     FROM attempt
     JOIN lock ON lock.id = attempt.lock_id
     LEFT JOIN account ON account.public_id = attempt.account_public_id
     LEFT JOIN access_grant ON access_grant.id = attempt.grant_id
     WHERE attempt.id IN (SELECT value FROM json_each(?))
       AND attempt.decision = 'permitted'
       AND lock.state = 'enabled'
       AND (account.id IS NOT NULL OR attempt.pass_id IS NOT NULL)
       AND account.disabled_at_ms IS NULL
       AND access_grant.revoked_at_ms IS NULL
       AND access_grant.suspended_at_ms IS NULL
       AND (
         account.role = 'owner'
         OR NOT EXISTS (
           SELECT 1
           FROM lockdown
           WHERE lockdown.lock_id IN ('', lock.id)
             AND (lockdown.until_ms IS NULL OR lockdown.until_ms > ?)
         )
       )`,
    JSON.stringify(attemptIds),
    nowMs,
  )
  return new Set(rows.map(({ id }) => id))
}
