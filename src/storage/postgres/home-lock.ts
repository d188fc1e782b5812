import type { PostgresAddress } from '../../config/postgres-address.ts'
import { AppError } from '../../errors.ts'
import { type Client, postgresClient } from './client.ts'

/** How a home on a server is used: by replicas and commands side by side, or by one command alone, such as one that
 * moves it. */
export type HomeUse = 'shared' | 'alone'

/** How often it is checked that the lock is still held, since a lost connection releases it. */
const CHECK_EVERY_MS = 5000

/** How long a command that needs the home for itself may keep others waiting for it. */
const WAIT_MS_MAX = 3000
const RETRY_MS = 100

const TAKE: Readonly<Record<HomeUse, string>> = {
  shared: 'pg_try_advisory_lock_shared',
  alone: 'pg_try_advisory_lock',
}

const HELD: Readonly<Record<HomeUse, string>> = {
  shared: 'it is being moved or restored; try again once that has finished',
  alone: 'a service or another command uses it; stop that first',
}

type Options = {
  readonly address: PostgresAddress
  readonly use: HomeUse
  /** Called if the home was given to another use after a loss of the connection. */
  readonly onLost: (error: AppError) => void
}

/** Locks a home until the returned function is called or the process ends: the lock is of a session, on a connection
 * of its own. Throws `unavailable` if another use forbids that. */
export const lockHome = async ({ address, use, onLost }: Options): Promise<() => Promise<void>> => {
  const client = postgresClient({ address, max: 1 })
  try {
    for (const deadline = performance.now() + WAIT_MS_MAX; ; await Bun.sleep(RETRY_MS)) {
      if (await take(client, address, use)) break
      if (performance.now() > deadline) throw new AppError('unavailable', HELD[use])
    }
  } catch (error) {
    await client.close().catch(() => {})
    throw error
  }
  const check = async (): Promise<void> => {
    // Takes it once more, which counts, so that a new connection has it too. If the server cannot be reached, nobody
    // else takes it either.
    const isHeld = await take(client, address, use).catch(() => true)
    if (!isHeld) onLost(new AppError('unavailable', HELD[use]))
  }
  const timer = setInterval(() => void check(), CHECK_EVERY_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await client.close()
  }
}

const take = async (
  client: Client,
  { schema }: PostgresAddress,
  use: HomeUse,
): Promise<boolean> => {
  const [row] = await client.query(
    `SELECT ${TAKE[use]}(hashtextextended(CAST($1 AS text), 1)) AS held`,
    [`secure-lock-server ${schema}`],
  )
  return row?.['held'] === true
}
