import { SQL } from 'bun'
import { type PostgresAddress, postgresAddress } from '../../src/config/postgres-address.ts'
import type { Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { openPostgres } from '../../src/storage/postgres/open.ts'
import type { Program } from '../../src/storage/writing/writer.ts'

/** The address of a server, such as `postgres://postgres@127.0.0.1:5432/test`: feature tests then run on it. */
const SERVER = process.env['TEST_POSTGRES']

/** True if feature tests run on a server. Only tests about SQLite or its file are skipped then. */
export const IS_POSTGRES = SERVER !== undefined

/** Whether the server has the functions of home-pool.sql. */
const HAS_POOL = process.env['TEST_POSTGRES_POOL'] === '1'

/** How often a property is tried: less on a server, where each time takes a new schema. */
export const runs = (count: number): number => (IS_POSTGRES ? Math.ceil(count / 10) : count)

/** The connection of this test file to the pool of homes. */
const pool = SERVER !== undefined && HAS_POOL ? new SQL(SERVER, { max: 1 }) : undefined

/** Returns settings for an empty database of its own: in memory, or a schema on the server. */
export const testPlace = async () => {
  if (SERVER === undefined) return { databasePath: ':memory:', postgres: undefined }
  const [free] = pool ? ((await pool`SELECT pool.take() AS name`) as { name: string | null }[]) : []
  const schema = free?.name ?? `test_${crypto.randomUUID().replaceAll('-', '')}`
  return { postgres: postgresAddress(`${SERVER}?schema=${schema}`) }
}

/** Lets another test have a schema that nothing uses any more. */
export const giveBack = async (postgres: PostgresAddress | undefined): Promise<void> => {
  if (pool && postgres) await pool`SELECT pool.give_back(${postgres.schema})`
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
    await giveBack(postgres)
  }
  return { ...db, close }
}

const noProgram: Program = () => Promise.reject(new Error('this database has no program'))
