import type { PostgresAddress } from '../../config/postgres-address.ts'
import { version as serverVersion } from '../../../package.json'
import { MIGRATIONS } from '../migrations.ts'
import type { ReadOnlyDatabase } from '../open.ts'
import { postgresClient } from './client.ts'
import { dialect } from './dialect.ts'
import { STEPS, tablesIn, versionOf } from './migrate.ts'
import { cannotOpen } from './open.ts'
import { queriesOn } from './queries.ts'
import { schemaFault } from './schema-check.ts'
import { waitForServer } from './start.ts'

/** What is known about the schema of a home on a server. */
type SchemaFacts = {
  /** 0 if there is no home. */
  readonly schemaVersion: number
  readonly schemaWanted: number
  /** How the schema differs from what this version expects, if it does. */
  readonly schemaFault: string | undefined
}

/** Examines the schema of a home, and changes nothing. Rejects with `unavailable` if the server cannot be used. */
export const schemaOnServer = async (address: PostgresAddress): Promise<SchemaFacts> => {
  const { schema } = address
  const client = postgresClient({ address, max: 1, prepares: false })
  try {
    await waitForServer(client, { onWait: () => {}, startMs: 0 })
    const schemaVersion = await versionOf(client, schema)
    const schemaWanted = MIGRATIONS.length
    return {
      schemaVersion,
      schemaWanted,
      schemaFault:
        schemaVersion === schemaWanted ? await schemaFault(client, schema, STEPS) : undefined,
    }
  } catch (error) {
    throw cannotOpen(address, error)
  } finally {
    await client.close()
  }
}

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
