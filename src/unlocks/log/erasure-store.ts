import type { Queries } from '../../storage/database.ts'

/** Whose events are erased: all of an account, or only those with one name. */
export type Erased = { readonly accountPublicId: string; readonly username?: string }

/** The indexes that contain personal text. */
const PERSONAL_INDEXES = [
  'unlock_by_account',
  'unlock_by_method',
  'unlock_by_time',
  'unlock_imported',
] as const

/** Which indexes are still to be rebuilt, as a setting that nobody sees, so that an interrupted erasure
 * finishes later. */
const STALE = 'stale_unlock_indexes'

const setStaleIndexes = (tx: Pick<Queries, 'run'>, names: readonly string[]): Promise<number> =>
  tx.run(
    `INSERT INTO setting (name, value) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    STALE,
    names.join(' '),
  )

/** Removes personal text and its salts from events. */
export const erasureWrites = (tx: Pick<Queries, 'get' | 'run'>) => ({
  /** Erases up to `limit` events of a person; returns how many. */
  erasePerson: ({ accountPublicId, username }: Erased, limit: number): Promise<number> =>
    tx.run(
      `UPDATE unlock_event
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq IN (
         SELECT seq
         FROM unlock_event
         WHERE account_public_id = ? AND username = coalesce(?, username)
         LIMIT ?
       )`,
      accountPublicId,
      username ?? null,
      limit,
    ),

  hasEventsOf: async ({ accountPublicId, username }: Erased): Promise<boolean> =>
    (await tx.get(
      `SELECT 1
       FROM unlock_event
       WHERE account_public_id = ? AND username = coalesce(?, username)
       LIMIT 1`,
      accountPublicId,
      username ?? null,
    )) !== undefined,

  /** Erases the events from one sequence number up to, not including, another; returns how many had
   * personal text. */
  eraseRange: (fromSeq: number, toSeq: number): Promise<number> =>
    tx.run(
      `UPDATE unlock_event
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq >= ? AND seq < ? AND salt IS NOT NULL`,
      fromSeq,
      toSeq,
    ),

  /** Erases up to `limit` imported events that happened before a time; returns how many. */
  eraseImported: (occurredBeforeMs: number, limit: number): Promise<number> =>
    tx.run(
      `UPDATE unlock_event
       SET account_public_id = NULL, username = NULL, method = NULL, salt = NULL
       WHERE seq IN (
         SELECT seq
         FROM unlock_event
         WHERE source = 'imported' AND salt IS NOT NULL AND occurred_at_ms < ?
         LIMIT ?
       )`,
      occurredBeforeMs,
      limit,
    ),

  /** Notes that the indexes with personal text must be rebuilt: when SQLite moves index entries to
   * another page, the old page may keep a copy that no later erasure finds. */
  markIndexes: (): Promise<number> => setStaleIndexes(tx, PERSONAL_INDEXES),

  /** Rebuilds one of the noted indexes; returns false if none is left. Takes about half a second for
   * a million events, and one after the other takes less room in the WAL than all at once. */
  rebuildIndex: async (): Promise<boolean> => {
    const row = await tx.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', STALE)
    const [index, ...others] = PERSONAL_INDEXES.filter((name) => row?.value.includes(name))
    if (index === undefined) return false
    await tx.run(`REINDEX ${index}`)
    await setStaleIndexes(tx, others)
    return true
  },
})
