import type { Queries } from '../../storage/database.ts'
import type { KindName } from '../kinds.ts'

/** The driver of a lock, with its settings. */
export type Setup = {
  readonly lockId: string
  /** The label of the lock. */
  readonly label: string
  readonly kind: KindName
  readonly settings: Readonly<Record<string, string | number>>
  /** Never returned by the API. */
  readonly secrets: Readonly<Record<string, unknown>>
  /** Entries of the lock's own log up to this one do not become events; null until the first is received. */
  readonly sinceEntry: number | null
  /** Increases with each change. */
  readonly version: number
}

type SetupRow = {
  lock_id: string
  label: string
  kind: KindName
  settings: string
  secrets: string
  since_entry: number | null
  version: number
}

const setupOf = (row: SetupRow): Setup => ({
  lockId: row.lock_id,
  label: row.label,
  kind: row.kind,
  settings: JSON.parse(row.settings) as Setup['settings'],
  secrets: JSON.parse(row.secrets) as Setup['secrets'],
  sinceEntry: row.since_entry,
  version: row.version,
})

const SELECT = `
  SELECT
    lock_driver.lock_id,
    lock.label,
    lock_driver.kind,
    lock_driver.settings,
    lock_driver.secrets,
    lock_driver.since_entry,
    lock_driver.version
  FROM lock_driver
  JOIN lock ON lock.id = lock_driver.lock_id`

/** The drivers of locks, in a transaction or on a read connection. */
export const setupsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  all: async (): Promise<readonly Setup[]> =>
    (await queries.all<SetupRow>(`${SELECT} ORDER BY lock.label`)).map(setupOf),

  find: async (lockId: string): Promise<Setup | undefined> => {
    const row = await queries.get<SetupRow>(`${SELECT} WHERE lock_driver.lock_id = ?`, lockId)
    return row && setupOf(row)
  },

  /** Returns true if controllers open the lock. */
  hasController: async (lockId: string): Promise<boolean> =>
    (await queries.get(
      'SELECT 1 FROM controller WHERE lock_id = ? AND removed_at_ms IS NULL',
      lockId,
    )) !== undefined,

  /** Stores the driver of a lock, and clears which entries of its own log were recorded, since it may be another
   * lock. */
  put: async (setup: Omit<Setup, 'label' | 'sinceEntry'>): Promise<void> => {
    await queries.run(
      `INSERT INTO lock_driver (lock_id, kind, settings, secrets, version)
       VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (lock_id) DO UPDATE SET
         kind = excluded.kind,
         settings = excluded.settings,
         secrets = excluded.secrets,
         since_entry = NULL,
         version = excluded.version,
         status = NULL`,
      setup.lockId,
      setup.kind,
      JSON.stringify(setup.settings),
      JSON.stringify(setup.secrets),
      setup.version,
    )
    await queries.run('DELETE FROM lock_report WHERE lock_id = ?', setup.lockId)
  },

  remove: async (lockId: string): Promise<void> => {
    await queries.run('DELETE FROM lock_driver WHERE lock_id = ?', lockId)
    await queries.run('DELETE FROM lock_report WHERE lock_id = ?', lockId)
  },

  /** Stores from which entry of the lock's own log on entries become events. */
  begin: async (lockId: string, sinceEntry: number): Promise<void> => {
    await queries.run(
      'UPDATE lock_driver SET since_entry = ? WHERE lock_id = ? AND since_entry IS NULL',
      sinceEntry,
      lockId,
    )
  },

  /** Stores the known status of a lock as JSON, unless its driver was changed. */
  setStatus: async (
    { lockId, version }: Pick<Setup, 'lockId' | 'version'>,
    status: string,
  ): Promise<void> => {
    await queries.run(
      'UPDATE lock_driver SET status = ? WHERE lock_id = ? AND version = ?',
      status,
      lockId,
      version,
    )
  },

  forgetStatuses: async (): Promise<void> => {
    await queries.run('UPDATE lock_driver SET status = NULL WHERE status IS NOT NULL')
  },

  /** Returns all locks with a driver, and their known status as JSON, or null if nothing is known. */
  statuses: async () =>
    queries.all<{ lockId: string; label: string; kind: KindName; status: string | null }>(
      `SELECT lock_driver.lock_id AS "lockId", lock.label, lock_driver.kind, lock_driver.status
       FROM lock_driver
       JOIN lock ON lock.id = lock_driver.lock_id
       ORDER BY lock.label`,
    ),

  /** Returns whether an entry of a lock's own log has become an event. */
  isReported: async (lockId: string, entry: string): Promise<boolean> =>
    (await queries.get(
      'SELECT 1 AS found FROM lock_report WHERE lock_id = ? AND entry = ?',
      lockId,
      entry,
    )) !== undefined,

  /** Stores that an entry and a leaf are about the same opening. */
  markReported: async (lockId: string, entry: string, seq: number): Promise<void> => {
    await queries.run(
      `INSERT INTO lock_report (lock_id, entry, seq) VALUES (?, ?, ?)
       ON CONFLICT (lock_id, entry) DO NOTHING`,
      lockId,
      entry,
      seq,
    )
  },
})
