import type { Database, Queries } from '../../storage/database.ts'

/** What a restore does to accounts so that nothing that ended since the backup is good again. */
export const restoreStore = (db: Database, now: () => number) => ({
  /** Ends all sessions, codes that choose a new password, and invitations: each may have been ended,
   * used or revoked since. Gives how many sessions and invitations that were. */
  revokeCredentials: (): Promise<{ readonly sessions: number; readonly invitations: number }> =>
    db.transaction(async (tx) => {
      const sessions = await tx.run('DELETE FROM session')
      await tx.run('DELETE FROM password_reset')
      const invitations = await tx.run(
        `UPDATE invitation
         SET revoked_at_ms = ?
         WHERE revoked_at_ms IS NULL AND uses < uses_max AND expires_at_ms > ?`,
        now(),
        now(),
      )
      return { sessions, invitations }
    }),
})

/** Public ids of the people whom a database knows to be erased, and who did not come back. */
export const erasedPeople = async (db: Pick<Queries, 'all'>): Promise<readonly string[]> => {
  const rows = await db.all<{ public_id: string }>(
    `SELECT public_id
     FROM (
       SELECT public_id FROM erasure
       UNION
       SELECT subject FROM audit_event WHERE action = 'account.erase' AND result = 'success'
     ) AS erased
     WHERE public_id IS NOT NULL AND public_id NOT IN (SELECT public_id FROM account)`,
  )
  return rows.map((row) => row.public_id)
}
