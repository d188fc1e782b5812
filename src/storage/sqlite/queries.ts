import type { Database as Sqlite, Statement } from 'bun:sqlite'
import type { Params, Queries, Reader } from '../queries.ts'
import { type Attempt, damageWatch } from './faults.ts'
import { NO_SNAPSHOT, turnSnapshot } from './snapshot.ts'

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

/** Returns the reader of a database. Without `isShared`, the connection is its own. */
export const sqliteReader = (connection: Sqlite, isShared = false): Reader => {
  const { attempt, isSound, requireSound } = damageWatch()
  const snapshot = isShared ? NO_SNAPSHOT : turnSnapshot(connection)
  const { all, get, finalize } = queriesOn(connection, attempt, snapshot.begin)
  return {
    all,
    get,
    isSound,
    requireSound,
    isFile: true,
    isLate: () => false,
    endSnapshot: snapshot.end,
    close: (isLeftOpen) => {
      // A read may have begun a new snapshot since the last commit.
      snapshot.end()
      finalize()
      // SQLite leaves the database and the WAL as they are while this connection is open.
      if (!isShared && !isLeftOpen) connection.close(true)
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
