import type { Queries } from '../../storage/database.ts'

/** The suspension of grants, as one transaction or reader sees it. */
export const suspensionsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns the grants that may have been revoked or used up since a backup, and still open something: those of
   * guests, and those with counted uses. */
  doubtful: (nowMs: number): Promise<readonly SuspendedGrant[]> =>
    queries.all<SuspendedGrant>(
      `SELECT id, holder
       FROM access_grant
       WHERE holder IS NOT NULL
         AND (holder LIKE 'pass:%' OR uses_max IS NOT NULL)
         AND revoked_at_ms IS NULL
         AND suspended_at_ms IS NULL
         AND (ends_at_ms IS NULL OR ends_at_ms > ?)
         AND (uses_max IS NULL OR uses < uses_max)
       ORDER BY id`,
      nowMs,
    ),

  /** Returns a grant that waits for an owner, or undefined. */
  find: (id: string): Promise<SuspendedGrant | undefined> =>
    queries.get<SuspendedGrant>(
      `SELECT id, holder
       FROM access_grant
       WHERE id = ? AND suspended_at_ms IS NOT NULL AND revoked_at_ms IS NULL`,
      id,
    ),

  /** Returns the ids of all grants that wait for an owner, and have not ended meanwhile. */
  ids: async (nowMs: number): Promise<readonly string[]> =>
    (await queries.all<{ id: string }>(`SELECT id ${WAITING} ORDER BY id`, nowMs)).map(
      ({ id }) => id,
    ),

  suspend: async (id: string, nowMs: number): Promise<void> => {
    await queries.run('UPDATE access_grant SET suspended_at_ms = ? WHERE id = ?', nowMs, id)
  },

  confirm: async (id: string): Promise<void> => {
    await queries.run('UPDATE access_grant SET suspended_at_ms = NULL WHERE id = ?', id)
  },

  /** Returns how many grants wait for an owner, and have not ended meanwhile. */
  count: async (nowMs: number): Promise<number> =>
    (await queries.get<{ count: number }>(`SELECT count(*) AS count ${WAITING}`, nowMs))?.count ??
    0,
})

const WAITING = `
  FROM access_grant
  WHERE suspended_at_ms IS NOT NULL
    AND revoked_at_ms IS NULL
    AND (ends_at_ms IS NULL OR ends_at_ms > ?)`

export type SuspendedGrant = {
  readonly id: string
  /** See `holderText`; null once the person is erased. */
  readonly holder: string | null
}
