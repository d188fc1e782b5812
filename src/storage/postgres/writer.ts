import { AppError } from '../../errors.ts'
import type { Params } from '../queries.ts'
import type { Program, Recorded, Writer } from '../writing/writer.ts'
import type { Client } from './client.ts'
import { queriesOn } from './queries.ts'

/** A transaction that is not continued for so long is ended by the server: a replica that hangs must not keep the
 * others waiting. */
const IDLE_MS_MAX = 3000

/** How often a program runs at most if its conditions do not hold. */
const TRIES_MAX = 3

const LOST = 'The server failed while it wrote this; whether it is recorded is not known. Try again'

type Options = {
  /** A client with a single connection. */
  readonly client: Client
  readonly schema: string
  readonly translate: (sql: string) => string
  readonly program: Program
  /** Called after each COMMIT with the number of the turn. */
  readonly onTurn?: (turn: number) => void
}

/** Returns a writer for a schema. Each transaction takes the next turn of the home first, whose row it locks: of all
 * replicas and commands, one writes at a time, as with SQLite, and sees what the one before it wrote. */
export const postgresWriter = ({
  client,
  schema,
  translate,
  program,
  onTurn = () => {},
}: Options): Writer => {
  const tx = queriesOn(client, translate)
  let turn: number | undefined

  const begin = async (waitMs: number): Promise<void> => {
    const answers = await client.script(
      `BEGIN;
       SET LOCAL lock_timeout = ${Math.max(1, Math.ceil(waitMs))};
       SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS_MAX};
       UPDATE ${schema}.home SET turn = turn + 1 WHERE id = 1 RETURNING turn`,
    )
    turn = Number(answers.at(-1)?.[0]?.['turn'])
  }

  const requireBegun = (): void => {
    if (turn === undefined) throw new AppError('unavailable', LOST)
  }

  const undo = async (): Promise<boolean> => {
    if (turn === undefined) return false
    try {
      await client.script('ROLLBACK TO mark; RELEASE mark')
      return true
    } catch {
      turn = undefined
      return false
    }
  }

  const mark = async (): Promise<void> => {
    requireBegun()
    await client.script('SAVEPOINT mark')
  }

  const record = async (inputs: readonly unknown[]): Promise<Recorded & { fault?: unknown }> => {
    if (inputs.length === 0) return { outcomes: [] }
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      await mark()
      try {
        const recorded = await program(tx, inputs)
        if (recorded) return recorded
        await undo()
      } catch (fault) {
        if (!(await undo())) throw fault
        return { outcomes: [], fault }
      }
    }
    return { outcomes: [], fault: new AppError('unavailable', 'Server busy, try again') }
  }

  return {
    begin,
    query: async (how, sql, params: Params) => {
      requireBegun()
      return tx[how](sql, ...params)
    },
    mark,
    undo,
    commit: async (inputs, { waitMs, isWhole }) => {
      if (waitMs === undefined) requireBegun()
      else await begin(waitMs)
      const { outcomes, fault, onCommit } = await record(inputs)
      if (isWhole && fault !== undefined) throw fault
      const startedAtMs = performance.now()
      await client.script('COMMIT')
      const durationMs = performance.now() - startedAtMs
      const committed = turn
      turn = undefined
      onCommit?.()
      if (committed !== undefined) onTurn(committed)
      return { outcomes, fault, durationMs, walPages: 0 }
    },
    rollback: async () => {
      turn = undefined
      try {
        await client.script('ROLLBACK')
      } catch {
        // With the connection, its transaction ends.
        client.reset()
      }
    },
    writeWalBack: async () => 0,
    truncateWal: async () => true,
    stopSyncing: async () => {},
    examine: async () => ({ fault: undefined, canCheckpointWal: true }),
    close: () => client.close(),
  }
}
