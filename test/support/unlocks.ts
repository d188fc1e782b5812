import { Database } from 'bun:sqlite'
import { database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import type { Queries } from '../../src/storage/database.ts'

export type Planted = {
  readonly account: string | null
  readonly username: string | null
  readonly method: string | null
  readonly lock: string
  readonly result: 'unlocked' | 'denied'
  readonly receivedAtMs: number
  readonly isTimeUncertain?: boolean
  /** When it happened by the clock of the legacy server, for an imported event. */
  readonly importedOfMs?: number | undefined
}

/** A database in memory whose unlocks are planted without proofs, for readers only; it remembers the
 * statements that it ran. */
export const plantedLog = (path = ':memory:') => {
  const sqlite = new Database(path, { strict: true })
  migrate(sqlite)
  const { all, get, run } = database({ writer: sqlite, reader: sqlite })
  const statements: { sql: string; params: readonly unknown[] }[] = []
  const remembering = (ask: Queries['all'] | Queries['get']) =>
    ((sql: string, ...params: never[]) => {
      statements.push({ sql, params })
      return ask(sql, ...params)
    }) as never
  const db: Queries = { all: remembering(all), get: remembering(get), run }
  const insert = sqlite.prepare(
    `INSERT INTO unlock_event (seq, id, account_public_id, username, method, salt, person_hash, lock,
       result, received_at_ms, is_late, is_time_uncertain, source, occurred_at_ms, leaf_hash)
     VALUES (?, ?, ?, ?, ?, ?, x'00', ?, ?, ?, 0, ?, ?, ?, x'00')`,
  )
  let size = 0
  return {
    db,
    statements,
    size: () => size,
    plant: (unlocks: Iterable<Planted>): void =>
      sqlite.transaction(() => {
        for (const { account, username, method, lock, result, receivedAtMs, ...one } of unlocks) {
          const isUncertain = Number(one.isTimeUncertain ?? false)
          const salt = account === null ? null : new Uint8Array([0])
          const id = `${size}`
          const person = [account, username, method, salt]
          const of = one.importedOfMs
          const origin = of === undefined ? ['claimed', null] : ['imported', of]
          insert.run(size, id, ...person, lock, result, receivedAtMs, isUncertain, ...origin)
          size += 1
        }
      })(),
    /** The query plans of SQLite for these statements. */
    plans: (): string[] =>
      statements.map(({ sql, params }) =>
        sqlite
          .prepare<{ detail: string }, never[]>(`EXPLAIN QUERY PLAN ${sql}`)
          .all(...(params as never[]))
          .map(({ detail }) => detail)
          .join('; '),
      ),
    [Symbol.dispose]: () => sqlite.close(),
  }
}
