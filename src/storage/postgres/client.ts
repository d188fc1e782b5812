import { SQL } from 'bun'
import { AppError } from '../../errors.ts'
import type { PostgresAddress } from '../../config/postgres-address.ts'
import { unavailable } from './faults.ts'

/** Rows of a statement, and how many it changed. */
type Answer = readonly Readonly<Record<string, unknown>>[] & { readonly count: number }

/** Connections to a server. A statement that the server does not answer in time rejects with `unavailable`, and the
 * connections are replaced: a server that hangs would keep everything waiting. */
export type Client = {
  /** Runs a statement with parameters `$1`, `$2`, …. */
  readonly query: (sql: string, params: readonly unknown[]) => Promise<Answer>
  /** Runs several statements without parameters, in one message. */
  readonly script: (sql: string) => Promise<readonly Answer[]>
  /** Ends the connections; the next statement opens new ones. */
  readonly reset: () => void
  readonly close: () => Promise<void>
}

/** How long an answer may take. The stop of the service waits longer. */
const ANSWER_MS_MAX = 3000

type Options = {
  readonly address: PostgresAddress
  /** How many connections there are at most. */
  readonly max: number
  /** False behind a pooler that gives each transaction another connection: a prepared statement would then be
   * another's. */
  readonly prepares?: boolean
  readonly answerMs?: number
}

export const postgresClient = ({
  address,
  max,
  prepares = true,
  answerMs = ANSWER_MS_MAX,
}: Options): Client => {
  let connections: SQL | undefined
  let isClosed = false
  const open = (): SQL => {
    if (isClosed) throw new AppError('unavailable', 'The server is stopping')
    return (connections ??= connect(address, max, prepares))
  }
  const reset = (): void => {
    void connections?.close({ timeout: 0 }).catch(() => {})
    connections = undefined
  }
  const timed = async (
    used: SQL,
    answer: Promise<Answer | readonly Answer[]>,
  ): Promise<unknown> => {
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (connections === used) reset()
        reject(new AppError('unavailable', 'The database takes too long to answer'))
      }, answerMs)
    })
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      throw unavailable(error)
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    query: async (sql, params) => {
      const used = open()
      return (await timed(used, used.unsafe(sql, [...params]) as Promise<Answer>)) as Answer
    },
    script: async (sql) => {
      const used = open()
      const answer = await timed(
        used,
        used.unsafe(sql).simple() as Promise<Answer | readonly Answer[]>,
      )
      // A single statement has a single answer.
      return (
        Array.isArray((answer as readonly unknown[])[0]) ? answer : [answer]
      ) as readonly Answer[]
    },
    reset,
    close: async () => {
      isClosed = true
      await connections?.close({ timeout: 1 })
    },
  }
}

const connect = (
  { host, port, user, password, database, tls }: PostgresAddress,
  max: number,
  prepare: boolean,
): SQL =>
  new SQL({
    adapter: 'postgres',
    ...(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { hostname: host, port }),
    username: user,
    ...(password === undefined ? {} : { password }),
    database,
    max,
    prepare,
    bigint: true,
    connectionTimeout: 3,
    ...(tls
      ? {
          tls: {
            rejectUnauthorized: true,
            serverName: tls.serverName,
            ...(tls.ca ? { ca: tls.ca } : {}),
          },
        }
      : {}),
  })
