import { SQL } from 'bun'
import { AppError } from '../../errors.ts'
import type { PostgresAddress } from '../../config/postgres-address.ts'
import { isConnectionLost, unavailable } from './faults.ts'

/** Rows of a statement, and how many it changed. */
type Answer = readonly Readonly<Record<string, unknown>>[] & { readonly count: number }

type Statements = {
  /** Runs a statement with parameters `$1`, `$2`, …. */
  readonly query: (sql: string, params: readonly unknown[]) => Promise<Answer>
  /** Runs several statements without parameters, in one message. */
  readonly script: (sql: string) => Promise<readonly Answer[]>
}

/** Connections to a server. A statement that the server does not answer in time rejects with `unavailable`. If nothing
 * else was answered meanwhile either, the connections are replaced: they may lead nowhere. */
export type Client = Statements & {
  /** Takes a connection for transactions; it counts as one of `max` until its end. */
  readonly session: () => Promise<Session>
  readonly close: () => Promise<void>
}

/** One connection. Once it is lost, statements reject: none ever runs outside the transaction that it belongs to. */
export type Session = Statements & {
  readonly isLost: () => boolean
  /** Ends the connection, and with it its transaction. */
  readonly end: () => void
}

/** How long an answer may take. The stop of the service waits longer. */
export const ANSWER_MS_MAX = 2700

/** How long replaced connections may finish what else they do, in seconds. */
const REPLACED_SECONDS = 3

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
  let hasSession = false
  /** Counts what the server has answered. */
  let answers = 0
  const open = (): SQL => {
    if (isClosed) throw new AppError('unavailable', 'The server is stopping')
    return (connections ??= connect(address, { max, prepare: prepares }))
  }
  const replace = (used: SQL, timeout: number): void => {
    if (connections === used) connections = undefined
    used.close({ timeout }).catch(() => {})
  }

  const timed = deadlines(answerMs)
  const counted = async <Value>(answer: Promise<Value>, onLate: () => void): Promise<Value> => {
    const value = await timed(answer, onLate)
    answers += 1
    return value
  }

  const statementsOn = (
    used: () => SQL,
    run: <Value>(answer: Promise<Value>) => Promise<Value>,
  ): Statements => ({
    // Without parameters, `unsafe` would parse the statement each time, and wait for the statements before it.
    query: (sql, params) =>
      run(
        (params.length > 0
          ? used().unsafe(sql, [...params])
          : used()(asTemplate(sql))) as Promise<Answer>,
      ),
    script: async (sql) => {
      const answer = await run(used().unsafe(sql).simple() as Promise<Answer | readonly Answer[]>)
      // A single statement has a single answer.
      return (
        Array.isArray((answer as readonly unknown[])[0]) ? answer : [answer]
      ) as readonly Answer[]
    },
  })

  const inPool = async <Value>(answer: Promise<Value>): Promise<Value> => {
    const used = open()
    const before = answers
    try {
      return await counted(answer, () => {
        if (answers === before) replace(used, REPLACED_SECONDS)
      })
    } catch (error) {
      throw unavailable(error)
    }
  }

  return {
    ...statementsOn(open, inPool),
    session: async () => {
      const used = open()
      let isLost = false
      const end = (): void => {
        isLost = true
        replace(used, 0)
      }
      hasSession = true
      const connection = await counted(used.reserve(), end).catch((error: unknown) => {
        throw unavailable(error)
      })
      const run = async <Value>(answer: Promise<Value>): Promise<Value> => {
        try {
          return await counted(answer, end)
        } catch (error) {
          if (isConnectionLost(error)) end()
          throw unavailable(error)
        }
      }
      return { ...statementsOn(() => connection, run), isLost: () => isLost, end }
    },
    close: async () => {
      isClosed = true
      // A session keeps its connection: waiting for it would last, and does not keep the process alive.
      await connections?.close({ timeout: hasSession ? 0 : 1 })
    },
  }
}

type Connecting = {
  readonly max: number
  readonly prepare?: boolean
  /** Called once a connection is lost or closed. */
  readonly onClose?: () => void
}

/** Returns a function that waits for an answer for at most `ms`, then calls `onLate` and rejects. One timer serves all
 * answers, because their deadlines pass in the order in which the waits began. */
const deadlines = (ms: number) => {
  const waiting = new Set<{ readonly untilMs: number; readonly giveUp: () => void }>()
  let timer: Timer | undefined
  const arm = (): void => {
    const [first] = waiting
    if (first) timer ??= setTimeout(check, first.untilMs - performance.now())
    else {
      clearTimeout(timer)
      timer = undefined
    }
  }
  const check = (): void => {
    timer = undefined
    const now = performance.now()
    for (const one of waiting) {
      if (one.untilMs > now) break
      waiting.delete(one)
      one.giveUp()
    }
    arm()
  }
  return async <Value>(answer: Promise<Value>, onLate: () => void): Promise<Value> => {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const giveUp = () => {
      onLate()
      reject(new AppError('unavailable', 'The database takes too long to answer'))
    }
    const one = { untilMs: performance.now() + ms, giveUp }
    waiting.add(one)
    arm()
    try {
      return await Promise.race([answer, late])
    } finally {
      waiting.delete(one)
      if (waiting.size === 0) arm()
    }
  }
}

/** Returns a text in the form that a tagged template passes. */
const asTemplate = (text: string): TemplateStringsArray =>
  Object.defineProperty([text], 'raw', { value: [text] }) as unknown as TemplateStringsArray

const PARAMETERS = {
  // Compiling a statement takes seconds, running it milliseconds.
  jit: 'off',
  // Otherwise a lone statement may fail because another replica writes the same row.
  default_transaction_isolation: 'read committed',
}

/** Returns connections without any deadline. */
export const connect = (
  { host, port, user, password, database, tls }: PostgresAddress,
  { max, prepare = true, onClose = () => {} }: Connecting,
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
    // A pooler refuses parameters.
    ...(prepare ? { connection: PARAMETERS } : {}),
    connectionTimeout: 3,
    onclose: onClose,
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
