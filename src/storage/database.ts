import { Database as Sqlite, SQLiteError, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { AppError } from '../errors.ts'
import { groupCommit } from './group-commit.ts'
import type { FileIdentity } from './files/file-identity.ts'

type Params = readonly SQLQueryBindings[]

/** Runs statements. A failing disk or a lock rejects with `unavailable`. */
export type Queries = {
  all: <Row>(sql: string, ...params: Params) => Promise<Row[]>
  get: <Row>(sql: string, ...params: Params) => Promise<Row | undefined>
  /** Runs a statement that returns no rows; returns the number of rows changed. */
  run: (sql: string, ...params: Params) => Promise<number>
}

/** The small database interface that stores use. */
export type Database = Queries & {
  /** Runs `work` in isolation, all or nothing. The promise resolves only after COMMIT, which is shared with
   * other work that arrived in the meantime. */
  transaction: <Result>(work: (tx: Queries) => Promise<Result>) => Promise<Result>
  /** Writes what is in the WAL to the file, as far as readers let it. Bulk work does so after each step, or
   * a COMMIT of somebody else would have to write what many steps changed. */
  writeWalBack: () => Promise<void>
  /** Checkpoints the WAL and truncates it, so that overwritten data is in neither file. Returns false if
   * that is not possible now, because another process is reading or the disk refuses. */
  checkpointWal: () => Promise<boolean>
  /** Waits for pending commits, checkpoints the WAL and closes the file. Rejects with `unavailable` if
   * that is not possible; the next process to open it still finds everything that was committed. */
  close: () => Promise<void>
}

/** How long a write waits for its turn, and for another process's lock, before it is `unavailable`.
 * Shorter than the time a stop gives to requests in flight, which must not be kept waiting. */
export const WRITE_WAIT_MS = 3000
const LOCK_RETRY_MS = 20

/** The time between two attempts to checkpoint the WAL, each of which waits for `busy_timeout` itself. */
const CHECKPOINT_RETRY_MS = 200

/** How many units of work may share a COMMIT, and how many may wait; beyond that a write is `unavailable` at
 * once. */
const BATCH_MAX = 100
const WAITING_MAX = 1000

type Work = {
  readonly run: (tx: Queries) => Promise<unknown>
  readonly queuedAtMs: number
}

type Outcome = PromiseSettledResult<unknown>

/** Returns the database interface over one writing and one reading connection, which may be the same.
 * After a damaged page was found, or when a file is no longer the one that was opened, it stops
 * writing. */
export const database = ({ writer, reader, files, onCommit = () => {} }: Connections): Database => {
  const { attempt, isSound, requireSound } = damageWatch()
  const writes = queriesOn(writer, attempt)
  const snapshot = reader === writer ? NO_SNAPSHOT : turnSnapshot(reader)
  const reads = queriesOn(reader, attempt, () => {
    requireOpen()
    snapshot.begin()
  })

  let isClosed = false
  const requireOpen = (): void => {
    if (isClosed) throw new AppError('unavailable', 'The server is stopping')
  }
  const requireWritable = (): void => {
    requireOpen()
    requireSound()
    files?.requireSameFiles()
  }
  const canCheckpointWal = (): boolean => isSound() && (files?.canCheckpointWal() ?? true)

  let lastTurn: Promise<unknown> = Promise.resolve()

  const exclusively = <Result>(turn: () => Promise<Result>): Promise<Result> => {
    const result = lastTurn.then(turn)
    lastTurn = result.catch(() => {})
    return result
  }

  /** Runs one of several units of work so that, if it fails, only its own writes are rolled back. */
  const runApart = async ({ run }: Work): Promise<Outcome> => {
    attempt(() => writer.run('SAVEPOINT work'))
    try {
      const value = await run(writes)
      attempt(() => writer.run('RELEASE work'))
      return { status: 'fulfilled', value }
    } catch (reason) {
      // Some disk errors roll back the whole transaction, including the other units of work.
      if (!writer.inTransaction) throw reason
      attempt(() => writer.run('ROLLBACK TO work'))
      attempt(() => writer.run('RELEASE work'))
      return { status: 'rejected', reason }
    }
  }

  const commit = async (works: readonly Work[]): Promise<readonly Outcome[]> => {
    requireWritable()
    await beginImmediate(writer, (works[0]?.queuedAtMs ?? 0) + WRITE_WAIT_MS)
    try {
      const outcomes: Outcome[] = []
      for (const work of works) outcomes.push(await runApart(work))
      snapshot.end()
      const startedAtMs = performance.now()
      attempt(() => writer.run('COMMIT'))
      onCommit({ writes: works.length, durationMs: performance.now() - startedAtMs })
      return outcomes
    } catch (error) {
      if (writer.inTransaction) attempt(() => writer.run('ROLLBACK'))
      if (isSound()) writeOver(writer)
      throw error
    }
  }

  const writing = groupCommit<Work, Outcome>({
    commit: (works) => exclusively(() => commit(works)),
    sizeOf: () => 1,
    groupSizeMax: BATCH_MAX,
    waitingSizeMax: WAITING_MAX,
    waitMsMax: WRITE_WAIT_MS,
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
    writeWalBack: () =>
      exclusively(async () => {
        snapshot.end()
        if (canCheckpointWal()) attempt(() => writer.query('PRAGMA wal_checkpoint(PASSIVE)').get())
      }),
    checkpointWal: async () => {
      const deadline = performance.now() + WRITE_WAIT_MS
      const checkpoint = async () => {
        snapshot.end()
        return canCheckpointWal() && isWalTruncated(writer)
      }
      while (!(await exclusively(checkpoint))) {
        if (performance.now() > deadline) return false
        await Bun.sleep(CHECKPOINT_RETRY_MS)
      }
      return true
    },
    close: async () => {
      await writing.drained()
      await exclusively(async () => {
        snapshot.end()
        const fault = thrownBy(requireWritable)
        isClosed = true
        reads.finalize()
        writes.finalize()
        if (canCheckpointWal()) {
          if (reader !== writer) reader.close(true)
          attempt(() => writer.run('PRAGMA wal_checkpoint(TRUNCATE)'))
        }
        // As long as the reader is open, SQLite leaves database and WAL as they are.
        writer.close(true)
        files?.close()
        if (fault) throw fault
      })
    },
  }
}

const thrownBy = (work: () => void): unknown => {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

type Connections = {
  readonly writer: Sqlite
  readonly reader: Sqlite
  /** Undefined for a database in memory. */
  readonly files?: FileIdentity
  readonly onCommit?: OnCommit | undefined
}

/** Called after each COMMIT with the number of writes that shared it, and how long it and its sync took. */
export type OnCommit = (commit: { readonly writes: number; readonly durationMs: number }) => void

type Snapshot = { readonly begin: () => void; readonly end: () => void }

const NO_SNAPSHOT: Snapshot = { begin: () => {}, end: () => {} }

/** Lets the reads of one turn of the event loop share a snapshot, so that they lock the file once
 * instead of once each. A commit of this process ends it, because a read must see what was written
 * before it, and a checkpoint must not wait for it. */
const turnSnapshot = (reader: Sqlite): Snapshot => {
  let turn: NodeJS.Immediate | undefined
  const end = () => {
    if (!turn) return
    clearImmediate(turn)
    turn = undefined
    // A failed read may have ended it.
    if (!reader.inTransaction) return
    try {
      reader.run('COMMIT')
    } catch (error) {
      // No read is waiting any more; the next ones will see the error themselves.
      if (!(error instanceof SQLiteError)) throw error
      if (reader.inTransaction) reader.run('ROLLBACK')
    }
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

/** Prepares each statement once. SQL texts are constants of the stores, so the cache is bounded. */
const queriesOn = (
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

/** Waits for another process's lock without blocking the event loop, so that reads continue. */
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

/** Overwrites a failed transaction in the WAL with one that changes nothing. If only its sync failed, it
 * is complete there, and the next process to open the file after a crash would find it although it was
 * refused. */
const writeOver = (writer: Sqlite): void => {
  try {
    const row = writer.query('PRAGMA user_version').get() as { user_version: number }
    writer.run(`PRAGMA user_version = ${row.user_version}`)
  } catch (error) {
    // A disk that accepts no writes has usually not accepted the first one either.
    if (!(error instanceof SQLiteError)) throw error
  }
}

const isWalTruncated = (writer: Sqlite): boolean => {
  try {
    const row = writer.query('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number } | null
    return row?.busy === 0
  } catch (error) {
    if (error instanceof SQLiteError) return false
    throw error
  }
}

/** True if another process holds the lock. */
export const isBusy = (error: unknown): boolean =>
  error instanceof SQLiteError && error.code?.startsWith('SQLITE_BUSY') === true

type Attempt = <Result>(work: () => Result) => Result

/** Remembers whether a damaged page was found. Damage does not heal, and writing around it may damage sound
 * pages too. */
const damageWatch = () => {
  let damage: unknown
  return {
    /** Runs work on SQLite. An error of disk, lock or file becomes an AppError `unavailable`. */
    attempt: <Result>(work: () => Result): Result => {
      try {
        return work()
      } catch (error) {
        if (isDamage(error)) damage ??= error
        throw unavailable(error)
      }
    },
    isSound: (): boolean => damage === undefined,
    requireSound: (): void => {
      if (damage) throw unavailable(damage)
    },
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof SQLiteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? '')

const DAMAGED = 'The database file is damaged; restore a backup of it'
const LOCKED = 'The database is locked by another program'

/** Prefixes of the SQLite result codes that the disk or another process is to blame for. */
const OUTAGES: readonly (readonly [string, string])[] = [
  ['SQLITE_BUSY', LOCKED],
  [
    'SQLITE_CANTOPEN',
    'A file of the database cannot be opened; check whether the disk has inodes left (df -i)',
  ],
  ['SQLITE_CORRUPT', DAMAGED],
  ['SQLITE_FULL', 'The disk is full'],
  ['SQLITE_IOERR_READ', 'The disk cannot be read; see the log of the system'],
  [
    'SQLITE_IOERR',
    'The disk accepts no writes: it is read-only, at a limit or failing; see the log of the system',
  ],
  ['SQLITE_LOCKED', LOCKED],
  ['SQLITE_NOTADB', DAMAGED],
  ['SQLITE_READONLY', 'The database is read-only'],
]

/** Returns an error of disk, lock or file as an `unavailable` AppError, and any other error unchanged. */
export const unavailable = (error: unknown): unknown => {
  if (!(error instanceof SQLiteError)) return error
  const { code = '' } = error
  const message = OUTAGES.find(([beginning]) => code.startsWith(beginning))?.[1]
  return message ? new AppError('unavailable', message, { cause: error }) : error
}
