import type { Queries } from '../../storage/database.ts'

export type StoredSettings = ReturnType<typeof settingsIn>

/** Settings that an owner changes while the server runs, by name, as one transaction or reader sees
 * them. */
export const settingsIn = (queries: Pick<Queries, 'get' | 'run'>) => ({
  find: async (name: string): Promise<string | undefined> => {
    const row = await queries.get<{ value: string }>(
      'SELECT value FROM setting WHERE name = ?',
      name,
    )
    return row?.value
  },

  put: async (name: string, value: string): Promise<void> => {
    await queries.run(
      `INSERT INTO setting (name, value) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      name,
      value,
    )
  },
})
