import type { Queries } from '../database.ts'

export type StoredSettings = ReturnType<typeof settingsIn>

/** What the server remembers by name, such as settings that an owner changes, as one transaction or reader sees
 * them. */
export const settingsIn = (queries: Pick<Queries, 'get' | 'run'>) => ({
  find: (name: string): Promise<string | undefined> => storedSetting(queries, name),

  put: async (name: string, value: string): Promise<void> => {
    await queries.run(
      `INSERT INTO setting (name, value) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      name,
      value,
    )
  },

  /** Forgets everything whose name begins so. */
  removeAll: async (beginning: string): Promise<void> => {
    await queries.run(
      'DELETE FROM setting WHERE substr(name, 1, length(CAST(?1 AS text))) = CAST(?1 AS text)',
      beginning,
    )
  },
})

/** Returns what is remembered by a name, or undefined if nothing is. */
export const storedSetting = async (
  queries: Pick<Queries, 'get'>,
  name: string,
): Promise<string | undefined> => {
  const row = await queries.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', name)
  return row?.value
}
