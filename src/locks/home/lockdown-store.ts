import type { Queries } from '../../storage/database.ts'

/** Stands for all locks, including later ones. */
const HOME = ''

export type Lockdown = {
  /** The label of the lock; null for the whole home. */
  readonly lock: string | null
  readonly begunAtMs: number
  /** The public id and the name of the account that began it; null for the command line, and once it is
   * erased. */
  readonly begunBy: string | null
  readonly username: string | null
  /** When it ends by itself; null if somebody has to end it. */
  readonly untilMs: number | null
}

type Begun = Pick<Lockdown, 'begunAtMs' | 'begunBy' | 'untilMs'>

/** Lockdowns, as one transaction or reader sees them. Those whose time has passed count as ended. */
export const lockdownsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>, nowMs: number) => ({
  /** Returns those in force, that of the home first. */
  all: (): Promise<readonly Lockdown[]> =>
    queries.all<Lockdown>(
      `${SELECT} WHERE ${IN_FORCE} AND coalesce(lock.state, '') <> 'retired' ORDER BY lock.label NULLS FIRST`,
      nowMs,
    ),

  /** Returns the one in force for a lock, or for the home if `lockId` is undefined. */
  find: (lockId: string | undefined): Promise<Lockdown | undefined> =>
    queries.get<Lockdown>(
      `${SELECT} WHERE ${IN_FORCE} AND lockdown.lock_id = ?`,
      nowMs,
      lockId ?? HOME,
    ),

  /** Begins one, or changes the one in force. */
  put: async (lockId: string | undefined, begun: Begun): Promise<void> => {
    await queries.run(
      `INSERT INTO lockdown (lock_id, begun_at_ms, begun_by, until_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (lock_id) DO UPDATE SET
         begun_at_ms = excluded.begun_at_ms,
         begun_by = excluded.begun_by,
         until_ms = excluded.until_ms`,
      lockId ?? HOME,
      begun.begunAtMs,
      begun.begunBy,
      begun.untilMs,
    )
  },

  remove: async (lockId: string | undefined): Promise<void> => {
    await queries.run('DELETE FROM lockdown WHERE lock_id = ?', lockId ?? HOME)
  },

  /** Removes those whose time is over. */
  removeOver: (): Promise<number> => queries.run('DELETE FROM lockdown WHERE until_ms <= ?', nowMs),
})

const IN_FORCE = '(lockdown.until_ms IS NULL OR lockdown.until_ms > ?)'

const SELECT = `
  SELECT
    lock.label AS lock,
    lockdown.begun_at_ms AS "begunAtMs",
    lockdown.begun_by AS "begunBy",
    account.username,
    lockdown.until_ms AS "untilMs"
  FROM lockdown
  LEFT JOIN lock ON lock.id = lockdown.lock_id
  LEFT JOIN account ON account.public_id = lockdown.begun_by`

/** Forgets that an account that is being erased began lockdowns. */
export const eraseFromLockdowns = async (
  tx: Pick<Queries, 'run'>,
  publicId: string,
): Promise<void> => {
  await tx.run('UPDATE lockdown SET begun_by = NULL WHERE begun_by = ?', publicId)
}
