import type { Queries } from '../../storage/database.ts'

/** What messages about guests need: who invited them, and what the host calls them. */
export const guestsIn = (queries: Pick<Queries, 'all' | 'get'>) => ({
  /** Returns the hosts of passes: the public ids of their accounts, by pass. */
  hosts: async (passIds: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    const rows = await queries.all<{ id: string; made_by: string }>(
      `SELECT id, made_by
       FROM pass
       WHERE made_by IS NOT NULL AND id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(passIds),
    )
    return new Map(rows.map((row) => [row.id, row.made_by]))
  },

  /** Returns the name of a guest, or undefined once the pass is erased. */
  nameOf: async (passId: string): Promise<string | undefined> =>
    (await queries.get<{ label: string | null }>('SELECT label FROM pass WHERE id = ?', passId))
      ?.label ?? undefined,
})
