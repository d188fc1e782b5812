import type { Clock } from '../domain/clock.ts'
import type { ExchangeCounts } from '../domain/limits/shared-windows.ts'
import { AppError } from '../errors.ts'
import { ALONE, type Leading } from './leading.ts'
import type { Params, Queries, Reader } from './queries.ts'
import type { Replicas } from './replicas/replicas.ts'
import { writeQueue } from './writing/queue.ts'
import { stallWatch } from './writing/stall-watch.ts'
import type { Writer } from './writing/writer.ts'

export type { Queries } from './queries.ts'

/** The small database interface that stores use. */
export type Database = Queries & {
  /** True for a file on this machine, false for a server. */
  readonly isFile: boolean
  /** The clock of the server, which all replicas of the home read; undefined for a file. It never runs backwards. */
  readonly serverClock?: Pick<Clock, 'wallMs' | 'isShared'>
  /** Shares with other replicas what is counted against limits; undefined for a file. */
  readonly exchangeCounts?: ExchangeCounts
  /** Which process of the home does what only one may do. */
  readonly leading: Leading
  /** The replicas of the home; undefined for a file. */
  readonly replicas?: Replicas
  /** Runs `work` in isolation, all or nothing. Resolves only after COMMIT, which is shared with other work that
   * arrived in the meantime. Nothing else can write until `work` is done, so it must not wait for anything
   * but its own statements: after a second without one, it is rolled back. */
  transaction: <Result>(work: (tx: Transaction) => Promise<Result>) => Promise<Result>
  /** Passes an input to the program that the database was opened with. Resolves with its outcome after
   * COMMIT. */
  append: (appending: Appending) => Promise<unknown>
  /** Checkpoints the WAL as far as readers let it. Bulk work does so after each step, so that what many steps
   * changed is not written all at once between the writes of others. */
  writeWalBack: () => Promise<void>
  /** Checkpoints the WAL and truncates it, so that overwritten data is in neither file. Returns false if
   * that is not possible now, because another process is reading or the disk refuses. */
  checkpointWal: () => Promise<boolean>
  /** Runs the last unit of work before `close`. If a sync takes over a second, whatever else waits is refused,
   * and `work` is not synced, so that a stop takes no longer than the sync that has begun. */
  lastly: (work: (tx: Queries) => Promise<void>) => Promise<void>
  /** Returns for how many milliseconds the disk has not answered a write. */
  unansweredMs: () => number
  /** Returns true while a write is not answered, or if the last write or read that ended after a time of
   * `performance.now()` was `unavailable`. */
  isLate: (sinceMs: number) => boolean
  /** Waits for pending commits, checkpoints the WAL and closes the file. Rejects with `unavailable` if
   * that is not possible; the next process to open it still finds everything that was committed. */
  close: () => Promise<void>
}

/** A unit of work. */
export type Transaction = Queries & {
  /** Passes an input to the program, which appends it after the units of work that share the COMMIT and
   * before anything else. If that fails, so does the unit. */
  readonly append: (appended: Appended) => void
}

type Appended = Pick<Appending, 'input'> & {
  /** Called with the outcome after COMMIT. */
  readonly onCommit: (outcome: unknown) => void
}

type Appending = {
  /** Returns plain data that fits in JSON; called when its turn has come. */
  readonly input: (isFirst: boolean) => unknown
  /** The number of events in it. */
  readonly size: number
  /** Whose it is: see `writeQueue`. */
  readonly account: string
  /** True if somebody at a door is waiting for it. */
  readonly isUrgent?: boolean
}

/** How long a write waits for its turn, and for another process's lock, before it is `unavailable`.
 * Shorter than the time a stop gives to requests in flight, which must not be kept waiting. */
const WRITE_WAIT_MS = 3000

/** The time between two attempts to checkpoint the WAL, each of which waits for `busy_timeout` itself. */
const CHECKPOINT_RETRY_MS = 200

/** A disk that takes longer for a commit is slow. */
const SLOW_MS = 1000

/** A server that takes longer for a commit is late. */
export const LATE_MS = 1500

/** The WAL is checkpointed once it has this many pages (4 MiB), or twice as many while something urgent waits. */
const WAL_PAGES_MAX = 1000

/** The time between two checkpoints while a reader holds the WAL, because each takes a sync. */
const HELD_RETRY_MS = 1000

/** How many events may share a COMMIT, so that others wait for milliseconds at most, and how many may wait;
 * beyond that, a write is `unavailable` at once. A unit of work counts as five. */
const GROUP_EVENTS_MAX = 500
const WAITING_EVENTS_MAX = 10_000
const WORK_EVENTS = 5

type Work = { readonly run: (tx: Transaction) => Promise<unknown> }

type Item = Work | Appending

type Outcome = PromiseSettledResult<unknown>

type Connections = {
  readonly writer: Writer
  readonly reader: Reader
  readonly onCommit?: OnCommit | undefined
}

/** Called after each COMMIT with the number of writes that shared it, and how long the COMMIT and its sync
 * took. */
export type OnCommit = (commit: { readonly writes: number; readonly durationMs: number }) => void

/** Returns the database interface over a writer and a reader. It stops writing once a damaged page was
 * found. */
export const database = ({ writer, reader, onCommit = () => {} }: Connections): Database => {
  const { isSound, requireSound } = reader
  const writes = statementsOf(writer)

  let isClosed = false
  /** True if the checkpoint is left to the next start. */
  let leavesWal = false
  const requireOpen = (): Reader => {
    if (isClosed) throw new AppError('unavailable', 'The server is stopping')
    return reader
  }

  let lastTurn: Promise<unknown> = Promise.resolve()

  const exclusively = <Result>(turn: () => Promise<Result>): Promise<Result> => {
    const result = lastTurn.then(turn)
    lastTurn = result.catch(() => {})
    return result
  }

  /** Runs one of several units of work: if it fails, only its own writes are rolled back. */
  const runApart = async ({ run }: Work, appended: Appended[]): Promise<Outcome> => {
    await writer.mark()
    const { tx, stalled, end } = stallWatch(writes)
    const own: Appended[] = []
    const work = run({ ...tx, append: (one) => void own.push(one) })
    try {
      const value = await Promise.race([work, stalled]).finally(end)
      appended.push(...own)
      return { status: 'fulfilled', value }
    } catch (reason) {
      // Some disk errors roll back the whole transaction, including the other units of work.
      if (!(await writer.undo())) throw reason
      return { status: 'rejected', reason }
    }
  }

  let walPages = 0
  /** How many pages the last checkpoint left in the WAL because of a reader, and when that was. */
  let held = { pages: 0, atMs: 0 }
  let begunMs: number | undefined
  let lastTookMs = 0
  const unansweredMs = (): number => (begunMs === undefined ? 0 : performance.now() - begunMs)
  const isSlow = (): boolean => Math.max(lastTookMs, unansweredMs()) > SLOW_MS

  const commitTimed: typeof commit = async (choose, waitMs) => {
    begunMs = performance.now()
    try {
      return await commit(choose, waitMs)
    } finally {
      lastTookMs = unansweredMs()
      begunMs = undefined
    }
  }

  const commit = async (
    choose: () => readonly Item[],
    waitMs: number,
  ): Promise<readonly Outcome[]> => {
    requireOpen()
    requireSound()
    try {
      // On a server, anything that arrives before the turn has come may still share it.
      if (!reader.isFile) await writer.begin(waitMs)
      const items = choose()
      const outcomes = new Map<Item, Outcome>()
      const appended = items.filter((item) => 'input' in item)
      const hasWork = appended.length < items.length
      if (reader.isFile && hasWork) await writer.begin(waitMs)
      const ofWork: Appended[] = []
      for (const item of items) if ('run' in item) outcomes.set(item, await runApart(item, ofWork))
      const inputs = [...ofWork, ...appended].map(({ input }, at) => input(at === 0))
      const committed = await writer.commit(inputs, {
        waitMs: hasWork || !reader.isFile ? undefined : waitMs,
        isWhole: ofWork.length > 0,
      })
      reader.endSnapshot()
      walPages = committed.walPages
      for (const [at, item] of appended.entries())
        outcomes.set(
          item,
          committed.fault === undefined
            ? { status: 'fulfilled', value: committed.outcomes[ofWork.length + at] }
            : { status: 'rejected', reason: committed.fault },
        )
      for (const [at, one] of ofWork.entries()) one.onCommit(committed.outcomes[at])
      onCommit({ writes: items.length, durationMs: committed.durationMs })
      return items.flatMap((item) => outcomes.get(item) ?? [])
    } catch (error) {
      await writer.rollback()
      throw error
    }
  }

  const writeWalBack = async (): Promise<void> => {
    reader.endSnapshot()
    if (isSound()) held = { pages: await writer.writeWalBack(), atMs: performance.now() }
  }

  const queue = writeQueue<Item, Outcome>({
    commit: (choose, waitMs) => exclusively(() => commitTimed(choose, waitMs)),
    afterGroup: (hasUrgent) => {
      const hasGrown = walPages >= held.pages + WAL_PAGES_MAX || walPages < held.pages
      const isDue = hasGrown || performance.now() - held.atMs > HELD_RETRY_MS
      if (walPages < WAL_PAGES_MAX || !isDue) return undefined
      if (walPages < 2 * WAL_PAGES_MAX && hasUrgent()) return undefined
      walPages = 0
      return exclusively(writeWalBack).catch(() => {})
    },
    sizeOf: (item) => ('size' in item ? item.size : WORK_EVENTS),
    accountOf: (item) => ('account' in item ? item.account : undefined),
    isUrgent: (item) => 'isUrgent' in item && (item.isUrgent ?? false),
    groupSizeMax: GROUP_EVENTS_MAX,
    waitingSizeMax: WAITING_EVENTS_MAX,
    waitMsMax: WRITE_WAIT_MS,
  })

  const submit = async (item: Item): Promise<unknown> => {
    const outcome = await queue.submit(item)
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }

  const transaction = <Result>(run: (tx: Transaction) => Promise<Result>): Promise<Result> =>
    submit({ run }) as Promise<Result>

  return {
    isFile: reader.isFile,
    leading: ALONE,
    all: async (sql, ...params) => requireOpen().all(sql, ...params),
    get: async (sql, ...params) => requireOpen().get(sql, ...params),
    run: (sql, ...params) => transaction((tx) => tx.run(sql, ...params)),
    transaction,
    append: submit,
    writeWalBack: () => exclusively(writeWalBack),
    checkpointWal: async () => {
      const deadline = performance.now() + WRITE_WAIT_MS
      const checkpoint = async () => {
        reader.endSnapshot()
        return isSound() && (await writer.truncateWal())
      }
      while (!(await exclusively(checkpoint))) {
        if (performance.now() > deadline) return false
        await Bun.sleep(CHECKPOINT_RETRY_MS)
      }
      return true
    },
    unansweredMs,
    isLate: (sinceMs) =>
      unansweredMs() > LATE_MS || queue.failedAtMs() >= sinceMs || reader.isLate(sinceMs),
    lastly: async (run) => {
      if (!isSlow()) return transaction(run)
      queue.close()
      leavesWal = true
      const [outcome] = await exclusively(async () => {
        await writer.stopSyncing()
        return commit(() => [{ run }], WRITE_WAIT_MS)
      })
      if (outcome?.status === 'rejected') throw outcome.reason
    },
    close: async () => {
      await queue.drained()
      await exclusively(async () => {
        const { fault, canCheckpointWal } = await writer.examine()
        const keepsWal = leavesWal || !isSound() || !canCheckpointWal
        isClosed = true
        reader.close(keepsWal)
        await writer.close(keepsWal)
        requireSound()
        if (fault !== undefined) throw fault
      })
    },
  }
}

/** Returns the statements of a transaction, run by the writer. */
const statementsOf = (writer: Writer): Queries => ({
  all: <Row>(sql: string, ...params: Params) => writer.query('all', sql, params) as Promise<Row[]>,
  get: <Row>(sql: string, ...params: Params) =>
    writer.query('get', sql, params) as Promise<Row | undefined>,
  run: (sql, ...params) => writer.query('run', sql, params) as Promise<number>,
})
