import type { Queries } from './database.ts'

/** Resolves after a commit to disk; rejects with `unavailable` if the disk refuses. */
export const probeWrite = async (db: Pick<Queries, 'run'>, nowMs: number): Promise<void> => {
  await db.run(
    `INSERT INTO write_probe (id, probed_at_ms) VALUES (1, ?)
     ON CONFLICT (id) DO UPDATE SET probed_at_ms = excluded.probed_at_ms`,
    nowMs,
  )
}
