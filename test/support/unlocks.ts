import type { Queries } from '../../src/storage/database.ts'
import type { Params } from '../../src/storage/queries.ts'
import { rowInserter } from '../../src/storage/row-inserter.ts'
import { type Result, happenedAtMs } from '../../src/unlocks/log/event.ts'
import { catchUp } from '../../src/unlocks/summary/summary-store.ts'
import { nameReads, nameWrites } from '../../src/unlocks/log/names-store.ts'
import { openTestDatabase } from './postgres.ts'

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

/** A database of its own whose unlocks are planted without proofs, for readers only; it remembers the statements
 * that it ran. */
export const plantedLog = async () => {
  const database = await openTestDatabase()
  const statements: { sql: string; params: readonly unknown[] }[] = []
  const remembering = (ask: Queries['all'] | Queries['get']) =>
    ((sql: string, ...params: never[]) => {
      statements.push({ sql, params })
      return ask(sql, ...params)
    }) as never
  const { all, get, run } = database
  const db: Queries = { all: remembering(all), get: remembering(get), run }
  const known = new Map<string, readonly (number | null)[]>()
  const numbersFor = async (tx: Queries, account: string | null, method: string | null) => {
    const names = nameWrites(tx)
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
      while ((await database.transaction((tx) => catchUp(tx, size))) < size);
    },
    statements,
    size: () => size,
    plant: (unlocks: Iterable<Planted>): Promise<void> =>
      database.transaction(async (tx) => {
        const rows: Params[] = []
        for (const { account, username, method, lock, result, receivedAtMs, ...one } of unlocks) {
          const isUncertain = Number(one.isTimeUncertain ?? false)
          const numbers = await numbersFor(tx, account, method)
          const salt = account === null ? null : new Uint8Array([0])
          const person = [...numbers, username, method, salt, NO_HASH]
          const source = one.importedOfMs === undefined ? 'claimed' : 'imported'
          const occurredAtMs = one.importedOfMs ?? one.occurredAtMs ?? null
          const happened = happenedAtMs({ source, occurredAtMs, receivedAtMs })
          const times = [receivedAtMs, 0, isUncertain, source, occurredAtMs, happened]
          rows.push([size, `${size}`, ...person, lock, result, ...times, NO_HASH])
          size += 1
        }
        await insertUnlocks(tx, rows)
      }),
    /** The query plans of SQLite for these statements. */
    plans: async (): Promise<readonly string[]> => {
      const plans: string[] = []
      for (const { sql, params } of statements) {
        const steps = await all<{ detail: string }>(
          `EXPLAIN QUERY PLAN ${sql}`,
          ...(params as never[]),
        )
        plans.push(steps.map(({ detail }) => detail).join('; '))
      }
      return plans
    },
    [Symbol.asyncDispose]: database.close,
  }
}

const NO_HASH = new Uint8Array([0])

const insertUnlocks = rowInserter({
  insert: `INSERT INTO unlock_event (seq, id, account_number, method_number, username, method, salt,
    person_hash, lock, result, received_at_ms, is_late, is_time_uncertain, source, occurred_at_ms,
    happened_at_ms, leaf_hash)`,
  columns: 17,
})
