import type { Queries } from '../../storage/database.ts'

/** Erases guests, as one transaction sees them. A pass whose grant still has its holder is not erased to the end. */
export const erasureIn = (queries: Pick<Queries, 'all' | 'run'>) => ({
  /** Returns the passes whose end is before a time. */
  due: async (endedBeforeMs: number, max: number): Promise<readonly string[]> => {
    const rows = await queries.all<{ id: string }>(
      `SELECT pass.id
       FROM pass
       JOIN access_grant ON access_grant.holder = 'pass:' || pass.id
       WHERE pass.erased_at_ms IS NULL
         AND min(
           coalesce(access_grant.ends_at_ms, ${NEVER_MS}),
           coalesce(access_grant.revoked_at_ms, ${NEVER_MS}),
           CASE
             WHEN access_grant.uses >= access_grant.uses_max
               THEN coalesce(access_grant.used_at_ms, ${NEVER_MS})
             ELSE ${NEVER_MS}
           END
         ) < ?
       LIMIT ?`,
      endedBeforeMs,
      max,
    )
    return rows.map(({ id }) => id)
  },

  /** Returns the passes whose erasure was begun and not ended. */
  unfinished: async (): Promise<readonly string[]> => {
    const rows = await queries.all<{ id: string }>(
      `SELECT pass.id
       FROM pass
       JOIN access_grant ON access_grant.holder = 'pass:' || pass.id
       WHERE pass.erased_at_ms IS NOT NULL`,
    )
    return rows.map(({ id }) => id)
  },

  /** Erases the guest's name, link and devices. Returns false if that was done before. */
  erasePass: async (id: string, nowMs: number): Promise<boolean> => {
    const erased = await queries.run(
      `UPDATE pass
       SET
         code_hash = NULL,
         label = NULL,
         made_by = NULL,
         looked_at_ms = NULL,
         asked_at_ms = NULL,
         refused_at_ms = NULL,
         erased_at_ms = ?
       WHERE id = ? AND erased_at_ms IS NULL`,
      nowMs,
      id,
    )
    await queries.run('DELETE FROM pass_device WHERE pass_id = ?', id)
    return erased === 1
  },

  /** Deletes up to `max` attempts of a guest; returns how many. */
  eraseAttempts: (id: string, max: number): Promise<number> =>
    queries.run(
      'DELETE FROM attempt WHERE id IN (SELECT id FROM attempt WHERE pass_id = ? LIMIT ?)',
      id,
      max,
    ),
})

const NEVER_MS = '9223372036854775807'
