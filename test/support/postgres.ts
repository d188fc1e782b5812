import { postgresAddress } from '../../src/config/postgres-address.ts'
import type { Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { openPostgres } from '../../src/storage/postgres/open.ts'
import type { Program } from '../../src/storage/writing/writer.ts'

/** The address of a server, such as `postgres://postgres@127.0.0.1:5432/test`: feature tests then run on it. */
const SERVER = process.env['TEST_POSTGRES']

/** True if feature tests run on a server. Only tests about SQLite or its file are skipped then. */
export const IS_POSTGRES = SERVER !== undefined

/** Returns settings for an empty database of its own: in memory, or a new schema on the server. */
export const testPlace = () =>
  SERVER === undefined
    ? { databasePath: ':memory:', postgres: undefined }
    : {
        postgres: postgresAddress(
          `${SERVER}?schema=test_${crypto.randomUUID().replaceAll('-', '')}`,
        ),
      }

/** Opens an empty database of its own, without an app: in memory, or a new schema on the server. */
export const openTestDatabase = async ({
  program = noProgram,
}: { readonly program?: Program } = {}): Promise<Database> => {
  const { postgres } = testPlace()
  return postgres ? openPostgres(postgres, { program }) : openDatabase(':memory:', { program })
}

const noProgram: Program = () => Promise.reject(new Error('this database has no program'))
