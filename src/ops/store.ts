import type { Database } from '../storage/database.ts'

/** What a readiness check asks of the database. */
export const opsStore = (db: Database, now: () => number) => ({
  /** Resolves after a commit to disk; rejects with `unavailable` where the disk takes none. */
  probeWrite: async (): Promise<void> => {
    await db.run(
      `INSERT INTO write_probe (id, probed_at_ms) VALUES (1, ?)
       ON CONFLICT (id) DO UPDATE SET probed_at_ms = excluded.probed_at_ms`,
      now(),
    )
  },
})
