import { SQL } from 'bun'
import { resolve } from 'node:path'

/** The address of a server, such as `postgres://postgres@127.0.0.1:5432/test`: feature tests then run on it. */
const SERVER = process.env['TEST_POSTGRES']

/** True if feature tests run on a server. Only tests about SQLite or files are skipped then. */
export const IS_POSTGRES = SERVER !== undefined

/** How often a property is tried: less on a server, where each time takes a new schema. */
export const runs = (count: number): number => (IS_POSTGRES ? Math.ceil(count / 10) : count)

/** The connection of this test file to the pool of homes of home-pool.sql, if the server has one. */
const pool =
  SERVER !== undefined && process.env['TEST_POSTGRES_POOL'] === '1'
    ? new SQL(SERVER, { max: 1 })
    : undefined

/** Returns DATABASE_URI of an empty home, a schema of its own on the server; undefined without a server. */
export const newHomeUri = async (): Promise<string | undefined> => {
  if (SERVER === undefined) return undefined
  const [free] = pool ? ((await pool`SELECT pool.take() AS name`) as { name: string | null }[]) : []
  return `${SERVER}?schema=${free?.name ?? `test_${crypto.randomUUID().replaceAll('-', '')}`}`
}

/** Lets another test have a schema that nothing uses any more. */
export const giveBack = async (schema: string): Promise<void> => {
  if (pool) await pool`SELECT pool.give_back(${schema})`
}

const homes = new Map<string, Promise<string | undefined>>()

/** Returns the DATABASE_URI of a data folder, always the same for one folder, or undefined without a server. */
export const homeUri = (dataDir: string): Promise<string | undefined> => {
  const path = resolve(dataDir)
  const known = homes.get(path) ?? newHomeUri()
  homes.set(path, known)
  return known
}

/** Makes a data folder that was removed stand for a new home, as on another machine. */
export const forgetHome = (dataDir: string): boolean => homes.delete(resolve(dataDir))
