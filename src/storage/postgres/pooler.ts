import type { PostgresAddress } from '../../config/postgres-address.ts'
import { AppError } from '../../errors.ts'
import { type Client, postgresClient } from './client.ts'
import { stateOf } from './faults.ts'

/** How often each of two connections asks which process of the server serves it. */
const ROUNDS = 3

/** Returns true if there is a pooler in between that gives each transaction another connection to the server, such as
 * PgBouncer with `pool_mode = transaction`: statements cannot be prepared there, nor notices listened for. */
export const isPooled = async (first: Client, second: Client): Promise<boolean> => {
  const seen: unknown[][] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, client] of [first, second].entries()) {
      const [answer] = await client.script('SELECT pg_backend_pid() AS pid')
      seen[at]?.push(answer?.[0]?.['pid'])
    }
  const [ofFirst, ofSecond] = seen.map((pids) => new Set(pids))
  return ofFirst?.size !== 1 || ofSecond?.size !== 1 || !ofFirst.isDisjointFrom(ofSecond)
}

/** Returns true if new connections of a client are refused for the parameters that they begin with, as a pooler does in
 * every mode that it has not been told to ignore them in (SQLSTATE `protocol_violation`). */
export const refusesParameters = async (client: Client): Promise<boolean> => {
  try {
    await client.script('SELECT 1')
    return false
  } catch (error) {
    if (error instanceof AppError && stateOf(error.cause) === '08P01') return true
    throw error
  }
}

/** Returns the address of the server itself, on which a session can lock; undefined behind a pooler if the address
 * does not say where that is. */
export const serverItself = async (
  address: PostgresAddress,
): Promise<PostgresAddress | undefined> => {
  if (address.direct) return address.direct
  await using clients = new AsyncDisposableStack()
  const once = (prepares: boolean): Client =>
    clients.adopt(postgresClient({ address, max: 1, prepares }), ({ close }) => close())
  const isBehindPooler =
    (await isPooled(once(false), once(false))) || (await refusesParameters(once(true)))
  return isBehindPooler ? undefined : address
}

/** Returns an error for what cannot be done through a pooler. */
export const needsDirect = (): AppError =>
  new AppError(
    'unavailable',
    'this needs a connection to the server itself, not to a pooler; add direct=host:port to DATABASE_URI',
  )
