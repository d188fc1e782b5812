import type { PostgresAddress } from '../../config/postgres-address.ts'
import { version as serverVersion } from '../../../package.json'
import { MIGRATIONS } from '../migrations.ts'
import type { ReadOnlyDatabase } from '../open.ts'
import { postgresClient } from './client.ts'
import { dialect } from './dialect.ts'
import { tablesIn, versionOf } from './migrate.ts'
import { cannotOpen } from './open.ts'
import { queriesOn } from './queries.ts'

/** Opens a home on a server for reading, and changes nothing there. Rejects with `unavailable`, also if there is none
 * or it has a newer schema. */
export const openServerReadOnly = async (address: PostgresAddress): Promise<ReadOnlyDatabase> => {
  const { schema } = address
  // So that it also works behind a pooler.
  const client = postgresClient({ address, max: 1, prepares: false })
  try {
    const schemaVersion = await versionOf(client, schema)
    if (schemaVersion === 0) throw new Error('there is no home yet')
    if (schemaVersion > MIGRATIONS.length)
      throw new Error(
        `schema version ${schemaVersion} is newer than ${MIGRATIONS.length}, the newest that version ${serverVersion} knows; upgrade the server`,
      )
    const { all, get } = queriesOn(client, dialect(schema, await tablesIn(client, schema)))
    return { all, get, schemaVersion, close: () => void client.close() }
  } catch (error) {
    await client.close()
    throw cannotOpen(address, error)
  }
}
