import { Database as Sqlite, SQLiteError, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { AppError } from '../errors.ts'
import { groupCommit } from './group-commit.ts'

type Params = readonly SQLQueryBindings[]

/** What a statement can be asked for; a failing disk or a lock rejects with `unavailable`. */
export type Queries = {
  all: <Row>(sql: string, ...params: Params) => Promise<Row[]>
  get: <Row>(sql: string, ...params: Params) => Promise<Row | undefined>
  /** Runs a statement that answers no rows; gives the number of rows changed. */
  run: (sql: string, ...params: Params) => Promise<number>
}

/** The small database interface that stores speak through. */
export type Database = Queries & {
  /** Runs `work` alone, all of it or nothing; the promise resolves only after COMMIT, which works
   * that came meanwhile share. */
  transaction: <Result>(work: (tx: Queries) => Promise<Result>) => Promise<Result>
  /** Folds the WAL into the file and empties it, so that what was overwritten is in neither; false
   * where that cannot be now, because another process reads or the disk refuses. */
  foldWal: () => Promise<boolean>
  /** Waits for what is to be committed, folds the WAL into the file and closes it. */
  close: () => Promise<void>
}

/** How long a write waits for its turn and for another process's lock before it is `unavailable`:
 * short of the time that a stop gives to requests in flight. */
const LOCK_WAIT_MS = 3000
const LOCK_RETRY_MS = 20

/** Between two tries to fold the WAL, each of which waits for `busy_timeout` itself. */
const FOLD_RETRY_MS = 200

/** Works that share a COMMIT, and works in line; beyond them a write is `unavailable` at once. */
const TOGETHER_MAX = 100
const WAITING_MAX = 1000

type Work = {
  readonly run: (tx: Queries) => Promise<unknown>
  readonly queuedAtMs: number
}

type Outcome = PromiseSettledResult<unknown>

/** Gives the database interface over one writing and one reading connection, which may be the same. */
export const database = ({ writer, reader, seenCommit = () => {} }: Connections): Database => {
  const writes = queriesOn(writer)
  const snapshot = reader === writer ? NO_SNAPSHOT : turnSnapshot(reader)
  const reads = queriesOn(reader, snapshot.begin)

  let lastTurn: Promise<unknown> = Promise.resolve()

  const exclusively = <Result>(turn: () => Promise<Result>): Promise<Result> => {
    const result = lastTurn.then(turn)
    lastTurn = result.catch(() => {})
    return result
  }

  /** Runs one work of several so that, where it fails, its own writes alone are taken back. */
  const runApart = async ({ run }: Work): Promise<Outcome> => {
    readable(() => writer.run('SAVEPOINT work'))
    try {
      const value = await run(writes)
      readable(() => writer.run('RELEASE work'))
      return { status: 'fulfilled', value }
    } catch (reason) {
      // Some faults of the disk take back the whole transaction, and with it the other works.
      if (!writer.inTransaction) throw reason
      writer.run('ROLLBACK TO work')
      writer.run('RELEASE work')
      return { status: 'rejected', reason }
    }
  }

  const commit = async (works: readonly Work[]): Promise<readonly Outcome[]> => {
    await beginImmediate(writer, (works[0]?.queuedAtMs ?? 0) + LOCK_WAIT_MS)
    try {
      const outcomes: Outcome[] = []
      for (const work of works) outcomes.push(await runApart(work))
      snapshot.end()
      const begun = performance.now()
      readable(() => writer.run('COMMIT'))
      seenCommit({ writes: works.length, durationMs: performance.now() - begun })
      return outcomes
    } finally {
      if (writer.inTransaction) writer.run('ROLLBACK')
    }
  }

  const writing = groupCommit<Work, Outcome>({
    commit: (works) => exclusively(() => commit(works)),
    sizeOf: () => 1,
    groupSizeMax: TOGETHER_MAX,
    waitingSizeMax: WAITING_MAX,
  })

  const transaction = async <Result>(run: (tx: Queries) => Promise<Result>): Promise<Result> => {
    const outcome = await writing.submit({ run, queuedAtMs: performance.now() })
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value as Result
  }

  return {
    all: reads.all,
    get: reads.get,
    run: (sql, ...params) => transaction((tx) => tx.run(sql, ...params)),
    transaction,
    foldWal: async () => {
      const deadline = performance.now() + LOCK_WAIT_MS
      const fold = async () => {
        snapshot.end()
        return isFolded(writer)
      }
      while (!(await exclusively(fold))) {
        if (performance.now() > deadline) return false
        await Bun.sleep(FOLD_RETRY_MS)
      }
      return true
    },
    close: async () => {
      await writing.drained()
      await exclusively(async () => {
        snapshot.end()
        reads.finalize()
        writes.finalize()
        if (reader !== writer) reader.close(true)
        writer.run('PRAGMA wal_checkpoint(TRUNCATE)')
        writer.close(true)
      })
    },
  }
}

type Connections = {
  readonly writer: Sqlite
  readonly reader: Sqlite
  readonly seenCommit?: SeenCommit | undefined
}

/** Told of each COMMIT: how many writes shared it, and how long it and its sync took. */
export type SeenCommit = (commit: { readonly writes: number; readonly durationMs: number }) => void

type Snapshot = { readonly begin: () => void; readonly end: () => void }

const NO_SNAPSHOT: Snapshot = { begin: () => {}, end: () => {} }

/** Lets the reads of one turn of the event loop share a snapshot, so that they lock the file once
 * and not once each. A commit of this process ends it, for a read must see what was written before
 * it, and a checkpoint must not wait for it. */
const turnSnapshot = (reader: Sqlite): Snapshot => {
  let turn: NodeJS.Immediate | undefined
  const end = () => {
    if (!turn) return
    clearImmediate(turn)
    turn = undefined
    // A read that failed may have ended it.
    if (reader.inTransaction) reader.run('COMMIT')
  }
  return {
    begin: () => {
      if (turn) return
      reader.run('BEGIN')
      turn = setImmediate(end)
    },
    end,
  }
}

/** Statements are prepared once: SQL texts are constants of the stores, so the cache is bounded. */
const queriesOn = (
  connection: Sqlite,
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
      readable(() => prepared(sql).all(...params)) as Row[],
    get: async <Row>(sql: string, ...params: Params) =>
      (readable(() => prepared(sql).get(...params)) ?? undefined) as Row | undefined,
    run: async (sql, ...params) => readable(() => prepared(sql).run(...params)).changes,
    finalize: () => {
      for (const statement of statements.values()) statement.finalize()
    },
  }
}

/** Reads over one connection of its own. */
export const readQueries = (
  connection: Sqlite,
): Pick<Queries, 'all' | 'get'> & { readonly close: () => void } => {
  const { all, get, finalize } = queriesOn(connection)
  return {
    all,
    get,
    close: () => {
      finalize()
      connection.close(true)
    },
  }
}

/** Waits for another process's lock without stopping the event loop, so that reads go on. */
const beginImmediate = async (writer: Sqlite, deadlineMs: number): Promise<void> => {
  for (;;) {
    try {
      writer.run('BEGIN IMMEDIATE')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadlineMs) throw unavailable(error)
      await Bun.sleep(LOCK_RETRY_MS)
    }
  }
}

const isFolded = (writer: Sqlite): boolean => {
  try {
    const row = writer.query('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number } | null
    return row?.busy === 0
  } catch (error) {
    if (error instanceof SQLiteError) return false
    throw error
  }
}

/** True where another process holds the lock. */
export const isBusy = (error: unknown): boolean =>
  error instanceof SQLiteError && error.code?.startsWith('SQLITE_BUSY') === true

const readable = <Result>(work: () => Result): Result => {
  try {
    return work()
  } catch (error) {
    throw unavailable(error)
  }
}

/** SQLite's primary result codes for which the disk or another process is at fault, not we. */
const OUTAGES: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'The database is locked by another program',
  SQLITE_CANTOPEN: 'The database file cannot be opened',
  SQLITE_CORRUPT: 'The database file is damaged; restore a backup of it',
  SQLITE_FULL: 'The disk is full',
  SQLITE_IOERR: 'The disk does not answer',
  SQLITE_LOCKED: 'The database is locked by another program',
  SQLITE_NOTADB: 'The database file is damaged; restore a backup of it',
  SQLITE_READONLY: 'The database is read-only',
}

/** Makes a fault of disk, lock or file an `unavailable` AppError; gives any other back as it is. */
export const unavailable = (error: unknown): unknown => {
  if (!(error instanceof SQLiteError)) return error
  const primary = error.code?.match(/^SQLITE_[A-Z]+/)?.[0] ?? ''
  const message = OUTAGES[primary]
  return message ? new AppError('unavailable', message, { cause: error }) : error
}
