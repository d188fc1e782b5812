import { type Database as Sqlite, SQLiteError } from 'bun:sqlite'
import { AppError } from '../../errors.ts'
import type { FileIdentity } from '../files/file-identity.ts'
import { damageWatch, isBusy, unavailable } from '../sqlite/faults.ts'
import type { Params, Queries } from '../queries.ts'
import { queriesOn } from '../sqlite/queries.ts'
import { type Recorded, recorded } from './recorded.ts'

/** Writes what a group appends, in the thread of the writing connection and inside its transaction. Inputs
 * and outcomes are plain data, because they may pass between threads. Returns undefined if a condition of its
 * writes no longer holds: then they are undone, and the program runs again. */
export type Program = {
  (tx: Queries, inputs: readonly unknown[], given?: TurnGiven): Promise<Recorded | undefined>
  /** On a server, reads what the program needs to know about writes of others, along with the statement that takes the
   * turn. */
  readonly first?: ((tx: Queries) => Promise<unknown>) | undefined
}

/** What a program on a server is told with the turn. */
export type TurnGiven = {
  /** The answer to `first`, unless something was written in between. */
  readonly read: unknown
  /** Why no replica may sign, as it is stored; undefined if they may. */
  readonly stopped: string | undefined
  /** True while nothing may be signed, because a standby was just promoted. */
  readonly isPaused: boolean
}

/** The writing connection, in this thread or another. One transaction is open at a time. Methods reject
 * with `unavailable` if the disk fails or another process holds the lock, and also in a transaction that is
 * gone, as after some disk errors or the death of the thread: no part of it is ever written alone. */
export type Writer = {
  /** Begins a transaction. Waits up to `waitMs` for the lock of another process. */
  readonly begin: (waitMs: number) => Promise<void>
  readonly query: (how: keyof Queries, sql: string, params: Params) => Promise<unknown>
  /** Sets the savepoint to which `undo` rolls back. */
  readonly mark: () => Promise<void>
  /** Rolls back to the savepoint. Returns false if the whole transaction is gone, as after some disk errors. */
  readonly undo: () => Promise<boolean>
  /** Runs the program over inputs and commits: in the open transaction or, given how long `begin` may wait, in
   * a new one. If the program fails, only its own writes are undone, and the rest is committed; unless the
   * commit `isWhole`: then it rejects. */
  readonly commit: (inputs: readonly unknown[], how: Committing) => Promise<Committed>
  /** Rolls back what is left of a failed transaction. */
  readonly rollback: () => Promise<void>
  /** Checkpoints the WAL as far as readers let it. Returns the number of pages left in it. */
  readonly writeWalBack: () => Promise<number>
  /** Checkpoints the WAL and truncates it. Returns false if that is not possible now. */
  readonly truncateWal: () => Promise<boolean>
  /** From now on, commits do not wait for the disk. For writes that a power cut may undo. */
  readonly stopSyncing: () => Promise<void>
  /** Returns why nothing can be written any more, if so, such as a replaced file, and whether the WAL can still
   * be checkpointed. */
  readonly examine: () => Promise<Examined>
  /** Closes the connection. `keepsWal` leaves the checkpoint to the next process. */
  readonly close: (keepsWal: boolean) => Promise<void>
}

type Committing = { readonly waitMs: number | undefined; readonly isWhole: boolean }

export type Committed = {
  /** What the program made of each input; if it failed, `fault` says why. */
  readonly outcomes: readonly unknown[]
  readonly fault: unknown
  /** How long the COMMIT and its sync took, in milliseconds. */
  readonly durationMs: number
  /** Pages in the WAL that are not yet in the file. */
  readonly walPages: number
}

type Examined = { readonly fault: unknown; readonly canCheckpointWal: boolean }

const LOCK_RETRY_MS = 20

const LOST = 'The server failed while it wrote this; nothing was written, try again'

type Dependencies = {
  readonly connection: Sqlite
  /** Undefined for a database in memory. */
  readonly files?: FileIdentity | undefined
  readonly program?: Program | undefined
}

/** Returns a writer in this thread. It stops writing once a damaged page was found, or once a file is no
 * longer the one that was opened. */
export const localWriter = ({ connection, files, program = noProgram }: Dependencies): Writer => {
  const { attempt, isSound, requireSound } = damageWatch()
  const tx = queriesOn(connection, attempt)
  const run = (sql: string): void => void attempt(() => connection.run(sql))

  const requireWritable = (): void => {
    requireSound()
    files?.requireSameFiles()
  }
  const canCheckpointWal = (): boolean => isSound() && (files?.canCheckpointWal() ?? true)

  const begin = async (waitMs: number): Promise<void> => {
    requireWritable()
    // Drops SQLite's page cache, which may no longer match the file.
    if (files?.wereRewritten()) run('PRAGMA shrink_memory')
    await beginImmediate(connection, waitMs)
  }

  const requireBegun = (): void => {
    if (!connection.inTransaction) throw new AppError('unavailable', LOST)
  }

  const undo = async (): Promise<boolean> => {
    if (!connection.inTransaction) return false
    run('ROLLBACK TO mark')
    run('RELEASE mark')
    return true
  }

  const mark = async (): Promise<void> => {
    requireBegun()
    run('SAVEPOINT mark')
  }

  return {
    begin,
    query: async (how, sql, params) => {
      requireBegun()
      return tx[how](sql, ...params)
    },
    mark,
    undo,
    commit: async (inputs, { waitMs, isWhole }) => {
      if (waitMs === undefined) requireBegun()
      else await begin(waitMs)
      const { outcomes, fault, onCommit } = await recorded(inputs, {
        mark,
        undo,
        run: () => program(tx, inputs),
      })
      if (isWhole && fault !== undefined) throw fault
      const startedAtMs = performance.now()
      run('COMMIT')
      const durationMs = performance.now() - startedAtMs
      onCommit?.()
      return { outcomes, fault, durationMs, walPages: files ? walPages(connection) : 0 }
    },
    rollback: async () => {
      if (connection.inTransaction) run('ROLLBACK')
      if (isSound()) writeOver(connection)
    },
    writeWalBack: async () => {
      if (canCheckpointWal())
        attempt(() => connection.query('PRAGMA wal_checkpoint(PASSIVE)').get())
      return walPages(connection)
    },
    truncateWal: async () => canCheckpointWal() && isWalTruncated(connection),
    stopSyncing: async () => run('PRAGMA synchronous = OFF'),
    examine: async () => ({
      fault: thrownBy(requireWritable),
      canCheckpointWal: canCheckpointWal(),
    }),
    close: async (keepsWal) => {
      tx.finalize()
      if (!keepsWal) run('PRAGMA wal_checkpoint(TRUNCATE)')
      connection.close(true)
      files?.close()
    },
  }
}

const noProgram: Program = () => Promise.reject(new Error('this database has no program'))

const thrownBy = (work: () => void): unknown => {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

/** Waits for another process's lock without blocking the thread. */
const beginImmediate = async (connection: Sqlite, waitMs: number): Promise<void> => {
  const deadlineMs = performance.now() + waitMs
  for (;;) {
    try {
      connection.run('BEGIN IMMEDIATE')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadlineMs) throw unavailable(error)
      await Bun.sleep(LOCK_RETRY_MS)
    }
  }
}

/** Returns how many pages in the WAL are not yet in the file. */
const walPages = (connection: Sqlite): number => {
  const row = connection.query<WalState, []>('PRAGMA wal_checkpoint(NOOP)').get()
  return row ? row.log - row.checkpointed : 0
}

type WalState = { readonly busy: number; readonly log: number; readonly checkpointed: number }

/** Overwrites a failed transaction in the WAL with one that changes nothing. If only its sync failed, it
 * is complete there, and the next process to open the file after a crash would find it although it was
 * refused. */
const writeOver = (connection: Sqlite): void => {
  try {
    const row = connection.query('PRAGMA user_version').get() as { user_version: number }
    connection.run(`PRAGMA user_version = ${row.user_version}`)
  } catch (error) {
    // A disk that accepts no writes now has usually not accepted the failed one either.
    if (!(error instanceof SQLiteError)) throw error
  }
}

const isWalTruncated = (connection: Sqlite): boolean => {
  try {
    const row = connection.query<WalState, []>('PRAGMA wal_checkpoint(TRUNCATE)').get()
    return row?.busy === 0
  } catch (error) {
    if (error instanceof SQLiteError) return false
    throw error
  }
}
