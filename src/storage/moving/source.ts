import type { PostgresAddress } from '../../config/postgres-address.ts'
import { sqliteHome } from './sqlite-home.ts'
import type { Home } from './table.ts'

/** Where a home is: on a server or, without an address, in a file. */
export type Place = {
  readonly postgres: PostgresAddress | undefined
  readonly databasePath: string
}

/** Reads the home at a place as it is at this moment. */
export const openSource = async ({
  postgres,
  databasePath,
}: Place): Promise<Home & { readonly close: () => Promise<void> }> => {
  if (!postgres) {
    const home = sqliteHome(databasePath)
    return { ...home, close: async () => home.close() }
  }
  const { BEGIN_READING, movingClient, postgresHome } = await import('./postgres-home.ts')
  const client = movingClient(postgres.direct ?? postgres)
  try {
    await client.script(BEGIN_READING)
    return { ...(await postgresHome(client, postgres.schema)), close: client.close }
  } catch (error) {
    await client.close()
    throw error
  }
}
