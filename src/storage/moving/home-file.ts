import type { PostgresAddress } from '../../config/postgres-address.ts'
import { type OnCopied, copyHome } from './copy-home.ts'
import { BEGIN_READING, movingClient, postgresHome } from './postgres-home.ts'
import { newSqliteHome } from './sqlite-home.ts'

/** Copies a home on a server, as it is at this moment, to a new database file, while others use it. The file is
 * complete and on disk when this resolves. */
export const copyToFile = async (
  address: PostgresAddress,
  path: string,
  onCopied: OnCopied,
): Promise<void> => {
  const client = movingClient(address)
  try {
    await client.script(BEGIN_READING)
    const to = await newSqliteHome(path)
    try {
      await copyHome({ from: await postgresHome(client, address.schema), to, onCopied })
      to.complete()
    } catch (error) {
      to.discard()
      throw error
    }
    to.publish(Date.now())
  } finally {
    await client.close()
  }
}
