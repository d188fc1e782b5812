import type { Database as Sqlite, SQLQueryBindings, Statement } from 'bun:sqlite'
import { type Attempt, damageWatch } from './faults.ts'

export type Params = readonly SQLQueryBindings[]

/** Runs statements. They reject with `unavailable` if the disk fails or another process holds the lock. */
export type Queries = {
  all: <Row>(sql: string, ...params: Params) => Promise<Row[]>
  get: <Row>(sql: string, ...params: Params) => Promise<Row | undefined>
  /** Runs a statement that returns no rows; returns the number of rows changed. */
  run: (sql: string, ...params: Params) => Promise<number>
}

/** Prepares each statement once. SQL texts are constants of the stores, so the cache is bounded. */
export const queriesOn = (
  connection: Sqlite,
  attempt: Attempt,
  beforeRead: () => void = () => {},
): Queries & { finalize: () => void } => {
  const statements = new Map<string, Statement>()
  const prepared = (sql: string): Statement => {
    beforeRead()
    const known = statements.get(sql)
    if (known) return known
    const statement = connection.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  return {
    all: async <Row>(sql: string, ...params: Params) =>
      attempt(() => prepared(sql).all(...params)) as Row[],
    get: async <Row>(sql: string, ...params: Params) =>
      (attempt(() => prepared(sql).get(...params)) ?? undefined) as Row | undefined,
    run: async (sql, ...params) => attempt(() => prepared(sql).run(...params)).changes,
    finalize: () => {
      for (const statement of statements.values()) statement.finalize()
    },
  }
}

/** Returns reads over a separate connection. */
export const readQueries = (
  connection: Sqlite,
): Pick<Queries, 'all' | 'get'> & { readonly close: () => void } => {
  const { all, get, finalize } = queriesOn(connection, damageWatch().attempt)
  return {
    all,
    get,
    close: () => {
      finalize()
      connection.close(true)
    },
  }
}
