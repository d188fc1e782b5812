import { Database, type SQLQueryBindings } from 'bun:sqlite'
import { databaseOn } from '../../src/storage/open.ts'
import { migrate } from '../../src/storage/migrate.ts'
import type { Queries } from '../../src/storage/database.ts'
import { type Result, happenedAtMs } from '../../src/unlocks/log/event.ts'
import { catchUp } from '../../src/unlocks/summary/summary-store.ts'
import { nameReads, nameWrites } from '../../src/unlocks/log/names-store.ts'

export type Planted = {
  readonly account: string | null
  readonly username: string | null
  readonly method: string | null
  readonly lock: string
  readonly result: Result
  readonly receivedAtMs: number
  readonly isTimeUncertain?: boolean
  /** By the phone's clock. */
  readonly occurredAtMs?: number | undefined
  /** When it happened by the clock of the legacy server, for an imported event. */
  readonly importedOfMs?: number | undefined
}

/** Statements on a connection, without a transaction of their own. */
export const sqliteQueries = (sqlite: Database): Pick<Queries, 'get' | 'run'> => ({
  get: async <Row>(sql: string, ...params: readonly SQLQueryBindings[]) =>
    (sqlite.prepare(sql).get(...params) ?? undefined) as Row | undefined,
  run: async (sql, ...params) => sqlite.prepare(sql).run(...params).changes,
})

/** A database in memory whose unlocks are planted without proofs, for readers only; it remembers the
 * statements that it ran. */
export const plantedLog = (path = ':memory:') => {
  const sqlite = new Database(path, { strict: true })
  migrate(sqlite)
  const { all, get, run } = databaseOn(sqlite)
  const statements: { sql: string; params: readonly unknown[] }[] = []
  const remembering = (ask: Queries['all'] | Queries['get']) =>
    ((sql: string, ...params: never[]) => {
      statements.push({ sql, params })
      return ask(sql, ...params)
    }) as never
  const db: Queries = { all: remembering(all), get: remembering(get), run }
  const insert = sqlite.prepare(
    `INSERT INTO unlock_event (seq, id, account_number, method_number, username, method, salt,
       person_hash, lock, result, received_at_ms, is_late, is_time_uncertain, source, occurred_at_ms,
       happened_at_ms, leaf_hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, x'00', ?, ?, ?, 0, ?, ?, ?, ?, x'00')`,
  )
  const names = nameWrites(sqliteQueries(sqlite))
  const known = new Map<string, readonly (number | null)[]>()
  const numbersFor = async (account: string | null, method: string | null) => {
    const key = JSON.stringify([account, method])
    const numbers = known.get(key) ?? [
      account === null ? null : (await names.numbersOf(account, method ?? '')).account,
      method === null ? null : (await names.numbersOf(account ?? '', method)).method,
    ]
    known.set(key, numbers)
    return numbers
  }
  let size = 0
  return {
    db,
    numberOf: nameReads(db).accountNumber,
    /** Adds all unlocks to the summary. */
    summarize: async (): Promise<void> => {
      while ((await catchUp({ all, get, run }, size)) < size);
    },
    statements,
    size: () => size,
    plant: async (unlocks: Iterable<Planted>): Promise<void> => {
      sqlite.run('BEGIN')
      for (const { account, username, method, lock, result, receivedAtMs, ...one } of unlocks) {
        const isUncertain = Number(one.isTimeUncertain ?? false)
        const numbers = await numbersFor(account, method)
        const salt = account === null ? null : new Uint8Array([0])
        const person = [...numbers, username, method, salt]
        const source = one.importedOfMs === undefined ? 'claimed' : 'imported'
        const occurredAtMs = one.importedOfMs ?? one.occurredAtMs ?? null
        const happened = happenedAtMs({ source, occurredAtMs, receivedAtMs })
        const times = [receivedAtMs, isUncertain, source, occurredAtMs, happened]
        insert.run(size, `${size}`, ...person, lock, result, ...times)
        size += 1
      }
      sqlite.run('COMMIT')
    },
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
