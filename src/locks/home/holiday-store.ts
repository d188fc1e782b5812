import type { Queries } from '../../storage/database.ts'

export type Holiday = {
  /** "YYYY-MM-DD". */
  readonly date: string
  readonly name: string
}

/** The holidays of the home, as one transaction or reader sees them. */
export const holidaysIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns all holidays, the earliest first. */
  all: (): Promise<readonly Holiday[]> =>
    queries.all<Holiday>('SELECT date, name FROM holiday ORDER BY date'),

  find: (date: string): Promise<Holiday | undefined> =>
    queries.get<Holiday>('SELECT date, name FROM holiday WHERE date = ?', date),

  count: async (): Promise<number> =>
    (await queries.get<{ days: number }>('SELECT count(*) AS days FROM holiday'))?.days ?? 0,

  put: async ({ date, name }: Holiday): Promise<void> => {
    await queries.run(
      `INSERT INTO holiday (date, name) VALUES (?, ?)
       ON CONFLICT (date) DO UPDATE SET name = excluded.name`,
      date,
      name,
    )
  },

  remove: async (date: string): Promise<void> => {
    await queries.run('DELETE FROM holiday WHERE date = ?', date)
  },
})
