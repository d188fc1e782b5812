import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { type Database, type OnCommit, database } from '../database.ts'
import type { Reader } from '../queries.ts'
import type { Program } from '../writing/writer.ts'
import { type PostgresAddress, shownAddress } from '../../config/postgres-address.ts'
import { type Client, postgresClient } from './client.ts'
import { dialect } from './dialect.ts'
import { type HomeUse, lockHome } from './home-lock.ts'
import { lease } from './lease.ts'
import { migrate, tablesIn } from './migrate.ts'
import { queriesOn } from './queries.ts'
import { waitForServer } from './start.ts'
import { serverClock } from './server-clock.ts'
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
  /** Called once if the server does not answer yet, with the reason; the start waits for it. */
  readonly onWait?: (reason: string) => void
  readonly onCommit?: OnCommit
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
    onWait = () => {},
    onCommit,
  }: Options,
): Promise<Database> => {
  const { schema } = address
  const migrating = postgresClient({ address, max: 1, answerMs: MIGRATION_MS_MAX })
  const writing = postgresClient({ address, max: 1 })
  const reading = postgresClient({ address, max: READERS })
  let unlock = async (): Promise<void> => {}
  try {
    await waitForServer(writing, { onWait })
    unlock = await lockHome({ address, use, onLost })
    if (mustExist && !(await tablesIn(writing, schema)).includes('home'))
      throw new Error('there is no home yet; start the service first')
    await migrate(migrating, schema)
    await migrating.close()
    const translate = dialect(schema, await tablesIn(writing, schema))
    const db = database({
      writer: postgresWriter({ client: writing, schema, translate, program }),
      reader: postgresReader(reading, translate, unlock),
      ...(onCommit ? { onCommit } : {}),
    })
    const outside = queriesOn(reading, translate)
    const leading = lease({ db, outside })
    const clock = await serverClock({ queries: outside })
    const close = async (): Promise<void> => {
      clock.stop()
      await leading.giveBack()
      await db.close()
    }
    return { ...db, leading, serverClock: clock, close }
  } catch (error) {
    await Promise.allSettled([migrating.close(), writing.close(), reading.close(), unlock()])
    throw cannotOpen(address, error)
  }
}

const cannotOpen = (address: PostgresAddress, error: unknown): AppError =>
  new AppError(
    'unavailable',
    `Cannot open database ${shownAddress(address)}: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  )

const postgresReader = (
  client: Client,
  translate: (sql: string) => string,
  unlock: () => Promise<void>,
): Reader => {
  const { all, get } = queriesOn(client, translate)
  return {
    all,
    get,
    isFile: false,
    endSnapshot: () => {},
    isSound: () => true,
    requireSound: () => {},
    close: () => void Promise.allSettled([client.close(), unlock()]),
  }
}
