import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { type Database, type OnCommit, database } from '../database.ts'
import type { Reader } from '../queries.ts'
import { presence } from '../replicas/presence-store.ts'
import type { Program } from '../writing/writer.ts'
import { type PostgresAddress, shownAddress } from '../../config/postgres-address.ts'
import { type Client, postgresClient } from './client.ts'
import { dialect } from './dialect.ts'
import { type HomeUse, lockHome } from './home-lock.ts'
import { lease } from './lease.ts'
import { migrate, tablesIn } from './migrate.ts'
import { commitNotices } from './notices.ts'
import { isPooled, needsDirect, refusesParameters } from './pooler.ts'
import { promotionWatch } from './replicas/promotion.ts'
import { queriesOn } from './queries.ts'
import { waitForServer } from './start.ts'
import { serverClock } from './server-clock.ts'
import { rateWindowExchange } from './replicas/rate-windows.ts'
import { postgresWriter } from './writer.ts'

/** How many statements read at the same time; further ones wait. */
const READERS = 4

/** How long a step of a migration may take, or wait for a replica that migrates. */
const MIGRATION_MS_MAX = 10 * MINUTE_MS

type Options = {
  readonly program: Program
  /** True to refuse to create a home. */
  readonly mustExist?: boolean
  /** How the home is used; by default side by side with others. */
  readonly use?: HomeUse
  /** Called if another use has taken the home after the server could not be reached for a while. */
  readonly onLost?: (error: AppError) => void
  /** How long to wait for a server that is still starting; see `waitForServer`. */
  readonly startMs?: number | undefined
  /** Called once if the server does not answer yet, with the reason; the start waits for it. */
  readonly onWait?: (reason: string) => void
  /** Called if a pooler is in between, and `direct` does not say where the server itself is: commits of others are then
   * seen up to a second later, and nothing keeps a command from moving the home meanwhile. */
  readonly onPooler?: () => void
  readonly onCommit?: OnCommit
  /** Called soon after another replica or a command has committed; see `commitNotices`. Without it, nobody is told
   * about commits of this process either, but by looking. */
  readonly onForeignCommit?: (() => Promise<void>) | undefined
  /** Called when notices of commits are lost, and when they arrive again; see `commitNotices`. */
  readonly onHearing?: (isHeard: boolean) => void
}

/** Opens a home on a PostgreSQL server, and brings its schema up to date. Throws AppError `unavailable` with a message
 * for the operator. */
export const openPostgres = async (
  address: PostgresAddress,
  {
    program,
    mustExist = false,
    use = 'shared',
    onLost = () => {},
    startMs,
    onWait = () => {},
    onPooler = () => {},
    onCommit,
    onForeignCommit,
    onHearing = () => {},
  }: Options,
): Promise<Database> => {
  const { schema, direct = address } = address
  const clients = new AsyncDisposableStack()
  const client = (given: Omit<Parameters<typeof postgresClient>[0], 'address'>): Client =>
    clients.adopt(postgresClient({ address, ...given }), ({ close }) => close())
  try {
    await using first = new AsyncDisposableStack()
    const once = (given: Pick<Parameters<typeof postgresClient>[0], 'prepares' | 'answerMs'>) =>
      first.adopt(postgresClient({ address, max: 1, ...given }), ({ close }) => close())
    const beside = once({ prepares: false })
    await waitForServer(beside, { onWait, startMs })
    const starting = once({ prepares: false, answerMs: MIGRATION_MS_MAX })
    const isBehindPooler =
      (await isPooled(starting, beside)) || (await refusesParameters(once({ prepares: true })))
    // A lock of a session and LISTEN need a connection of their own to the server.
    const hasOwn = !isBehindPooler || address.direct !== undefined
    if (hasOwn) clients.defer(await lockHome({ address: direct, use, onLost }))
    else if (use === 'alone') throw needsDirect()
    else onPooler()
    if (mustExist && !(await tablesIn(starting, schema)).includes('home'))
      throw new Error('there is no home yet; start the service first')
    await migrate(starting, schema)
    const translate = dialect(schema, await tablesIn(starting, schema))
    const promotion = await promotionWatch(starting, { schema, onWait })
    const prepares = !isBehindPooler
    const writing = client({ max: 1, prepares })
    const reading = client({ max: READERS, prepares })
    const notices =
      onForeignCommit &&
      clients.adopt(
        commitNotices({
          client: reading,
          schema,
          promotion,
          listenAt: hasOwn ? direct : undefined,
          onForeignCommit,
          onHearing,
        }),
        ({ close }) => close(),
      )
    const writer = postgresWriter({
      client: writing,
      schema,
      translate,
      program,
      promotion,
      isAlone: use === 'alone',
      ...(notices ? { onTurn: notices.onTurn } : {}),
    })
    const db = database({
      writer: {
        ...writer,
        close: async (keepsWal) => {
          await writer.close(keepsWal)
          await clients.disposeAsync()
        },
      },
      reader: postgresReader(reading, translate),
      ...(onCommit ? { onCommit } : {}),
    })
    const outside = queriesOn(reading, translate)
    const id = crypto.randomUUID()
    const leading = lease({ db, outside, holder: id })
    const replicas = presence({ db, outside, id })
    const clock = await serverClock({ queries: outside })
    const close = async (): Promise<void> => {
      clock.stop()
      // Together, since a server that hangs is waited for as long as an answer may take.
      await Promise.all([leading.giveBack(), replicas.leave()])
      await db.close()
    }
    const exchangeCounts = rateWindowExchange({ client: reading, schema })
    return { ...db, leading, replicas, serverClock: clock, exchangeCounts, close }
  } catch (error) {
    await clients.disposeAsync()
    throw cannotOpen(address, error)
  }
}

/** Returns an error that tells the operator why a home on a server cannot be used. */
export const cannotOpen = (address: PostgresAddress, error: unknown): AppError =>
  new AppError(
    'unavailable',
    `Cannot open database ${shownAddress(address)}: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  )

const postgresReader = (client: Client, translate: (sql: string) => string): Reader => {
  let failedAtMs = -Infinity
  const { all, get } = queriesOn(
    {
      query: async (sql, params) => {
        try {
          const answer = await client.query(sql, params)
          failedAtMs = -Infinity
          return answer
        } catch (error) {
          if (error instanceof AppError) failedAtMs = performance.now()
          throw error
        }
      },
    },
    translate,
  )
  return {
    all,
    get,
    isFile: false,
    isLate: (sinceMs) => failedAtMs >= sinceMs,
    endSnapshot: () => {},
    isSound: () => true,
    requireSound: () => {},
    // The writer closes all connections.
    close: () => {},
  }
}
