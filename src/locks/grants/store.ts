import type { Queries } from '../../storage/database.ts'
import { type GrantTerms, termsText } from '../rules/terms.ts'
import { ALL_LOCKS, type GrantLocks, NEVER_MS, grantReads } from './reads-store.ts'

/** The contents of a grant: everything that a new version may change. */
export type Granted = { readonly locks: GrantLocks; readonly conditions: GrantTerms }

type NewGrant = {
  readonly id: string
  readonly key: string | null
  readonly holder: string
  readonly granted: Granted
  readonly madeBy: string | null
}

/** Grants, as one transaction or reader sees them at a time. */
export const grantsIn = (queries: Queries, nowMs: number) => ({
  ...grantReads(queries, nowMs),

  add: async ({ id, key, holder, granted, madeBy }: NewGrant): Promise<void> => {
    const { terms, startsAtMs, endsAtMs, usesMax } = granted.conditions
    await queries.run(
      `INSERT INTO access_grant (
         id,
         key,
         holder,
         terms,
         starts_at_ms,
         ends_at_ms,
         uses_max,
         version,
         made_by,
         created_at_ms
       ) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
      id,
      key,
      holder,
      termsText(terms),
      startsAtMs,
      endsAtMs,
      usesMax,
      madeBy,
      nowMs,
    )
    await addLocks(queries, { id, holder, granted })
  },

  /** Returns how many grants have neither ended nor been revoked, of one holder or all, up to `max`. */
  countLive: async (max: number, holder?: string): Promise<number> => {
    const among = holder === undefined ? '' : 'AND holder = ?'
    const row = await queries.get<{ count: number }>(
      `SELECT count(*) AS count
       FROM (
         SELECT 1 FROM access_grant
         WHERE revoked_at_ms IS NULL AND coalesce(ends_at_ms, ${NEVER_MS}) > ? ${among}
         LIMIT ?
       ) AS live`,
      nowMs,
      ...(holder === undefined ? [] : [holder]),
      max,
    )
    return row?.count ?? 0
  },

  /** Makes the next version of a grant. */
  change: async ({ id, holder, granted }: Pick<NewGrant, 'id' | 'holder' | 'granted'>) => {
    const { terms, startsAtMs, endsAtMs, usesMax } = granted.conditions
    await queries.run(
      `UPDATE access_grant
       SET terms = ?, starts_at_ms = ?, ends_at_ms = ?, uses_max = ?, version = version + 1
       WHERE id = ?`,
      termsText(terms),
      startsAtMs,
      endsAtMs,
      usesMax,
      id,
    )
    await queries.run('DELETE FROM access_grant_lock WHERE grant_id = ?', id)
    await addLocks(queries, { id, holder, granted })
  },

  revoke: async (id: string, why: string | null): Promise<void> => {
    await queries.run(
      'UPDATE access_grant SET revoked_at_ms = ?, revoked_why = ? WHERE id = ?',
      nowMs,
      why,
      id,
    )
    await queries.run(
      'UPDATE access_grant_lock SET closed_at_ms = min(closed_at_ms, ?) WHERE grant_id = ?',
      nowMs,
      id,
    )
  },

  /** Returns the ids of an account's own grants that have neither ended nor been revoked. */
  liveIdsOf: async (holder: string): Promise<readonly string[]> => {
    const rows = await queries.all<{ id: string }>(
      `SELECT id
       FROM access_grant
       WHERE holder = ? AND revoked_at_ms IS NULL AND coalesce(ends_at_ms, ${NEVER_MS}) > ?
       ORDER BY id`,
      holder,
      nowMs,
    )
    return rows.map(({ id }) => id)
  },

  /** Removes everything that links a person to their own grants, which must have ended or be revoked. */
  blank: async (holder: string): Promise<void> => {
    await queries.run(
      `DELETE FROM access_grant_lock
       WHERE grant_id IN (SELECT id FROM access_grant WHERE holder = ?)`,
      holder,
    )
    await queries.run(
      `UPDATE access_grant
       SET
         holder = NULL,
         terms = NULL,
         key = NULL,
         used_at_ms = NULL,
         used_by = NULL,
         made_by = NULL,
         revoked_why = NULL
       WHERE holder = ?`,
      holder,
    )
  },

  /** Forgets which grants an account made. Those of its guests wait for an owner to confirm them. Returns the ids of
   * the latter. */
  orphan: async (publicId: string): Promise<readonly string[]> => {
    const suspended = await queries.all<{ id: string }>(
      `UPDATE access_grant
       SET suspended_at_ms = coalesce(suspended_at_ms, ?)
       WHERE revoked_at_ms IS NULL
         AND holder IN (SELECT 'pass:' || id FROM pass WHERE made_by = ?)
       RETURNING id`,
      nowMs,
      publicId,
    )
    await queries.run('UPDATE pass SET made_by = NULL WHERE made_by = ?', publicId)
    await queries.run('UPDATE access_grant SET made_by = NULL WHERE made_by = ?', publicId)
    return suspended.map(({ id }) => id)
  },
})

const addLocks = async (
  queries: Queries,
  { id, holder, granted }: Pick<NewGrant, 'id' | 'holder' | 'granted'>,
): Promise<void> => {
  const { locks, conditions } = granted
  const ids = locks === 'all' ? [ALL_LOCKS] : locks.map((lock) => lock.id)
  await queries.run(
    `INSERT INTO access_grant_lock (lock_id, holder, closed_at_ms, grant_id)
     SELECT value, ?, coalesce(?, ${NEVER_MS}), ? FROM json_each(?)`,
    holder,
    conditions.endsAtMs,
    id,
    JSON.stringify(ids),
  )
}
