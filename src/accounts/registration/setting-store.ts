import type { Database, Queries } from '../../storage/database.ts'

export type SettingStore = ReturnType<typeof settingStore>

/** Settings that an owner changes while the service runs, by name. */
export const settingStore = (db: Database) => ({
  find: async (name: string): Promise<string | undefined> =>
    (await db.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', name))?.value,

  /** Stores a value, and what `record` tells of it with the value before, together. */
  put: (
    name: string,
    value: string,
    record: (before: string | undefined, tx: Queries) => Promise<void>,
  ): Promise<void> =>
    db.transaction(async (tx) => {
      const before = await tx.get<{ value: string }>(
        'SELECT value FROM setting WHERE name = ?',
        name,
      )
      await tx.run(
        `INSERT INTO setting (name, value) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        name,
        value,
      )
      await record(before?.value, tx)
    }),
})
