import type { Queries } from '../../storage/database.ts'

/** The operators of locks, in a transaction or on a read connection. */
export const operatorsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns the public id of the operator of a lock, or undefined. */
  find: async (label: string): Promise<string | undefined> => {
    const row = await queries.get<{ publicId: string }>(
      `SELECT account_public_id AS "publicId"
       FROM lock_operator
       WHERE lock_id = (SELECT id FROM lock WHERE label = ?)`,
      label,
    )
    return row?.publicId
  },

  /** Returns the labels of locks with an operator that are not retired, in order. */
  labels: async (): Promise<readonly string[]> => {
    const rows = await queries.all<{ label: string }>(
      `SELECT lock.label
       FROM lock_operator
       JOIN lock ON lock.id = lock_operator.lock_id
       WHERE lock.state <> 'retired'
       ORDER BY lock.label`,
    )
    return rows.map(({ label }) => label)
  },

  /** Returns the operators by the labels of their locks. */
  all: async (): Promise<ReadonlyMap<string, string>> => {
    const rows = await queries.all<{ label: string; publicId: string }>(
      `SELECT lock.label, lock_operator.account_public_id AS "publicId"
       FROM lock_operator
       JOIN lock ON lock.id = lock_operator.lock_id`,
    )
    return new Map(rows.map(({ label, publicId }) => [label, publicId]))
  },

  set: async (lockId: string, publicId: string): Promise<void> => {
    await queries.run(
      `INSERT INTO lock_operator (lock_id, account_public_id) VALUES (?, ?)
       ON CONFLICT (lock_id) DO UPDATE SET account_public_id = excluded.account_public_id`,
      lockId,
      publicId,
    )
  },

  /** Returns whether there was one. */
  remove: async (lockId: string): Promise<boolean> =>
    (await queries.run('DELETE FROM lock_operator WHERE lock_id = ?', lockId)) > 0,

  eraseAccount: async (publicId: string): Promise<void> => {
    await queries.run('DELETE FROM lock_operator WHERE account_public_id = ?', publicId)
  },

  /** Stores the time of a command; returns false unless it is later than the last one. A last one later than
   * `latestMs` was stored while the clock was wrong, and does not count. */
  note: async (label: string, givenAtMs: number, latestMs: number): Promise<boolean> =>
    (await queries.run(
      `UPDATE lock_operator
       SET last_at_ms = ?
       WHERE lock_id = (SELECT id FROM lock WHERE label = ?)
         AND (last_at_ms < ? OR last_at_ms > ?)`,
      givenAtMs,
      label,
      givenAtMs,
      latestMs,
    )) > 0,
})
