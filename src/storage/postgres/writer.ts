import { AppError } from '../../errors.ts'
import type { Params } from '../queries.ts'
import { recorded } from '../writing/recorded.ts'
import type { Program, TurnGiven, Writer } from '../writing/writer.ts'
import type { Client, Session } from './client.ts'
import type { PromotionWatch } from './replicas/promotion.ts'
import { queriesOn } from './queries.ts'

/** A transaction that is not continued for so long is ended by the server: a replica that hangs must not keep the
 * others waiting. */
const IDLE_MS_MAX = 3000

/** How long a statement may run; it ends before the connection is given up as dead. */
export const STATEMENT_MS_MAX = 2300

/** A connection that fails this soon was lost before. */
const RETRY_MS_MAX = 500

/** Whatever the database has as its default: each statement after the turn is taken sees what the turn before wrote. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED'

/** A transaction reads few rows, by key. Without statistics, as in a new home, PostgreSQL would prefer to scan whole
 * tables. */
const SETTINGS = `
  SELECT
    set_config('enable_seqscan', 'off', true),
    set_config('lock_timeout', $1, true),
    set_config('statement_timeout', '${STATEMENT_MS_MAX}', true),
    set_config('idle_in_transaction_session_timeout', '${IDLE_MS_MAX}', true)`

const SET_NO_LIMIT = "SELECT set_config('statement_timeout', '0', true)"

const LOST = 'The server failed while it wrote this; nothing was written, try again'

const LEFT =
  'This home has moved away, or somebody has emptied a table of it; the next start says more'

const UNKNOWN =
  'The database failed while it wrote this; it may or may not have been recorded, try again'

type Options = {
  /** A client with a single connection. */
  readonly client: Client
  readonly schema: string
  readonly translate: (sql: string) => string
  readonly program: Program
  readonly promotion: PromotionWatch
  /** True for a command that has the home for itself, which may have moved away. */
  readonly isAlone: boolean
  /** Called after each COMMIT with the turn and the one before it. */
  readonly onTurn?: (turn: number, before: number) => void
}

type Turn = Omit<TurnGiven, 'read'> & { readonly turn: number; readonly before: number }

/** Returns a writer for a schema. Each transaction takes the next turn of the home first, whose row it locks: of all
 * replicas and commands, one writes at a time, as with SQLite, and sees what the one before it wrote. */
export const postgresWriter = ({
  client,
  schema,
  translate,
  program,
  promotion,
  isAlone,
  onTurn = () => {},
}: Options): Writer => {
  let session: Session | undefined
  /** True if a transaction may be open. */
  let isOpen = false
  let turn: Turn | undefined
  /** What the program read first, unless something has been written since. */
  let first: Promise<unknown> | undefined
  /** The newest savepoint, which holds nothing yet if it is `isFresh`. */
  let savepoint: { readonly set: Promise<unknown>; isFresh: boolean } | undefined

  const requireBegun = (): Session => {
    if (turn === undefined || session === undefined || session.isLost())
      throw new AppError('unavailable', LOST)
    return session
  }

  const tx = queriesOn(
    {
      query: (sql, params) => {
        const begun = requireBegun()
        if (savepoint) savepoint.isFresh = false
        return begun.query(sql, params)
      },
    },
    translate,
  )

  /** Takes a turn on a connection. All statements are sent together, in one round trip. */
  const takeTurn = async (begun: Session, waitMs: number): Promise<Turn> => {
    const taking = [
      begun.query(BEGIN, []),
      begun.query(SETTINGS, [String(Math.max(1, Math.ceil(waitMs)))]),
      begun.query(
        `UPDATE ${schema}.home
         SET turn = $1, turn_before = turn, timeline = coalesce($2, timeline)
         WHERE id = 1${isAlone ? '' : ' AND NOT has_left'}
         RETURNING turn, turn_before AS before, stopped, timeline, ${promotion.timeline} AS now`,
        [newTurn(), promotion.settled()],
      ),
      begun.query('SAVEPOINT mark', []),
    ] as const
    first = program.first?.(queriesOn(begun, translate))
    first?.catch(() => {})
    const [, , [row]] = await Promise.all(taking)
    if (!row) throw new AppError('unavailable', LEFT)
    return {
      turn: Number(row['turn']),
      before: Number(row['before']),
      stopped: (row['stopped'] as string | null) ?? undefined,
      isPaused: promotion.note(row['timeline'], row['now']),
    }
  }

  const begin = async (waitMs: number): Promise<void> => {
    const startedAtMs = performance.now()
    const start = async (): Promise<Turn> => {
      if (!session || session.isLost()) session = await client.session()
      isOpen = true
      return takeTurn(session, waitMs)
    }
    turn = await start().catch((error: unknown) => {
      // The connection may have been lost since the last transaction: another is as good for a new one.
      if (session?.isLost() && performance.now() - startedAtMs < RETRY_MS_MAX) return start()
      throw error
    })
    savepoint = { set: Promise.resolve(), isFresh: true }
  }

  const mark = async (): Promise<void> => {
    const begun = requireBegun()
    if (savepoint?.isFresh) return
    // The next statement follows without waiting; if this one fails, so does that one, and `undo` finds out.
    const set = Promise.all([begun.query('RELEASE mark', []), begun.query('SAVEPOINT mark', [])])
    set.catch(() => {})
    savepoint = { set, isFresh: true }
  }

  const undo = async (): Promise<boolean> => {
    if (turn === undefined || session === undefined || session.isLost()) return false
    try {
      await savepoint?.set
      await session.script('ROLLBACK TO mark')
      if (savepoint) savepoint.isFresh = true
      return true
    } catch {
      session.end()
      return false
    }
  }

  /** Commits what was written. Throws if it was not, or if that is not known. */
  const commitNow = async (): Promise<void> => {
    const begun = requireBegun()
    await savepoint?.set
    try {
      // A COMMIT must not be cut short: it would succeed without having reached the standby. Where a statement has
      // failed, COMMIT alone would roll back without an error; the statement before it fails.
      await Promise.all([begun.query(SET_NO_LIMIT, []), begun.query('COMMIT', [])])
    } catch (error) {
      throw begun.isLost() ? new AppError('unavailable', UNKNOWN, { cause: error }) : error
    }
    turn = undefined
    isOpen = false
  }

  return {
    begin,
    query: async (how, sql, params: Params) => {
      first = undefined
      return tx[how](sql, ...params)
    },
    mark,
    undo,
    commit: async (inputs, { waitMs, isWhole }) => {
      if (waitMs !== undefined) await begin(waitMs)
      const { outcomes, fault, onCommit } = await recorded(inputs, {
        mark,
        undo,
        run: async () => {
          const read = await first
          first = undefined
          const { stopped, isPaused = false } = turn ?? {}
          return program(tx, inputs, { read, stopped, isPaused })
        },
      })
      if (isWhole && fault !== undefined) throw fault
      const committed = turn
      const startedAtMs = performance.now()
      await commitNow()
      const durationMs = performance.now() - startedAtMs
      onCommit?.()
      if (committed) onTurn(committed.turn, committed.before)
      return { outcomes, fault, durationMs, walPages: 0 }
    },
    rollback: async () => {
      const left = isOpen && !session?.isLost() ? session : undefined
      turn = undefined
      isOpen = false
      // With the connection, its transaction ends.
      await left?.script('ROLLBACK').catch(() => left.end())
    },
    writeWalBack: async () => 0,
    truncateWal: async () => true,
    stopSyncing: async () => {},
    examine: async () => ({ fault: undefined, canCheckpointWal: true }),
    close: async () => {
      session?.end()
      await client.close()
    },
  }
}

/** Returns a number that no other turn has: a random one. */
const newTurn = (): number => {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return (high % 2 ** 21) * 2 ** 32 + low
}
