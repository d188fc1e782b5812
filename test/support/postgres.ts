import { type PostgresAddress, postgresAddress } from '../../src/config/postgres-address.ts'
import type { Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { openPostgres } from '../../src/storage/postgres/open.ts'
import type { Program } from '../../src/storage/writing/writer.ts'
import { giveBack, newHomeUri } from './test-server.ts'

type Place = { readonly databasePath: string; readonly postgres: undefined }

/** Returns settings for an empty database of its own: in memory, or a schema on the server. */
export const testPlace = async (): Promise<Place | { readonly postgres: PostgresAddress }> => {
  const uri = await newHomeUri()
  return uri === undefined
    ? { databasePath: ':memory:', postgres: undefined }
    : { postgres: postgresAddress(uri) }
}

/** Opens an empty database of its own, without an app: in memory, or a schema on the server. */
export const openTestDatabase = async ({
  program = noProgram,
}: { readonly program?: Program } = {}): Promise<Database> => {
  const { postgres } = await testPlace()
  if (!postgres) return openDatabase(':memory:', { program })
  const db = await openPostgres(postgres, { program })
  const close = async (): Promise<void> => {
    await db.close()
    await giveBack(postgres.schema)
  }
  return { ...db, close }
}

const noProgram: Program = () => Promise.reject(new Error('this database has no program'))
