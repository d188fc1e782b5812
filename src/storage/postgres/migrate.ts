import { version as serverVersion } from '../../../package.json'
import { AppError } from '../../errors.ts'
import type { Client, Session } from './client.ts'
import { stateOf } from './faults.ts'
import { TABLES_OF_SCHEMA, requireOwnSchema } from './schema-check.ts'
import home from './migrations/0018_home.sql' with { type: 'text' }

/** The first schema version on PostgreSQL, and the migrations from there on, in order. Each makes there what the
 * migration of the same number makes with SQLite. */
const FIRST = 18
export const STEPS: readonly string[] = [home]

/** In a transaction, lifts the limits that the user or the database has for statements of a service. */
export const WITHOUT_LIMITS = `
  SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
  SET LOCAL idle_in_transaction_session_timeout = 0`

/** Brings a schema up to date, or creates it. Replicas that start together wait for each other. Throws `unavailable`
 * if a newer version of the server has changed it, or anyone else. */
export const migrate = async (
  client: Client,
  schema: string,
  steps: readonly string[] = STEPS,
): Promise<void> => {
  try {
    await migrateAllowed(client, schema, steps)
    await requireOwnSchema(client, schema, steps)
  } catch (error) {
    if (stateOf(error) !== NOT_ALLOWED) throw error
    throw new AppError(
      'unavailable',
      `The user of DATABASE_URI may not use the schema ${schema}; grant it all privileges on the schema and its tables`,
      { cause: error },
    )
  }
}

const migrateAllowed = async (
  client: Client,
  schema: string,
  steps: readonly string[],
): Promise<void> => {
  const newest = FIRST - 1 + steps.length
  if ((await versionOf(client, schema)) === newest) return
  const session = await client.session()
  await session.script(
    `BEGIN; ${WITHOUT_LIMITS};
     SELECT pg_advisory_xact_lock(hashtextextended('secure-lock-server ${schema}', 0))`,
  )
  try {
    const from = await versionOf(session, schema)
    if (from > newest)
      throw new AppError(
        'unavailable',
        `The schema ${schema} has version ${from}, newer than ${newest}, the newest that version ${serverVersion} of the server knows; upgrade the server`,
      )
    if (from === 0) await makeSchema(session, schema)
    await session.script(`SET LOCAL search_path = ${schema}`)
    for (const step of steps.slice(Math.max(0, from - FIRST + 1))) await session.script(step)
    await session.query(`UPDATE ${schema}.home SET schema_version = $1 WHERE id = 1`, [newest])
    await session.query(
      `INSERT INTO ${schema}.schema_change (schema_version, server_version, at_ms) VALUES ($1, $2, $3)
       ON CONFLICT (schema_version) DO NOTHING`,
      [newest, serverVersion, Date.now()],
    )
    await session.script('COMMIT')
  } finally {
    session.end()
  }
}

const makeSchema = async (session: Session, schema: string): Promise<void> => {
  // A user without the right to create schemas may still own an empty one.
  const [row] = await session.query(
    `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS known, current_user AS user,
       quote_ident($1) = CAST($1 AS text) AS plain`,
    [schema],
  )
  if (row?.['plain'] !== true)
    throw new AppError(
      'unavailable',
      `${schema} is a reserved word of SQL; choose another name for the schema, such as home_${schema}`,
    )
  if (row?.['known'] === true) return
  try {
    await session.script(`CREATE SCHEMA ${schema}`)
  } catch (error) {
    if (stateOf(error) !== NOT_ALLOWED) throw error
    throw new AppError(
      'unavailable',
      `There is no schema ${schema}, and the user of DATABASE_URI may not create it; create it with CREATE SCHEMA ${schema} AUTHORIZATION ${String(row?.['user'])}, or grant CREATE on the database`,
      { cause: error },
    )
  }
}

/** SQLSTATE `insufficient_privilege`. */
const NOT_ALLOWED = '42501'

/** Returns the version of a schema; 0 if there is none. */
export const versionOf = async (client: Pick<Client, 'query'>, schema: string): Promise<number> => {
  // to_regclass() may still know nothing of what was committed during the wait for a lock.
  const [exists] = await client.query(
    `SELECT EXISTS (
       SELECT 1 FROM ${TABLES_OF_SCHEMA} WHERE n.nspname = $1 AND c.relname = 'home'
     ) AS known`,
    [schema],
  )
  if (exists?.['known'] !== true) return 0
  const [row] = await client.query(`SELECT schema_version FROM ${schema}.home WHERE id = 1`, [])
  return Number(row?.['schema_version'] ?? 0)
}

/** Returns the names of all tables. */
export const tablesIn = async (client: Client, schema: string): Promise<readonly string[]> => {
  const rows = await client.query(
    `SELECT c.relname AS name FROM ${TABLES_OF_SCHEMA} WHERE n.nspname = $1 ORDER BY c.relname`,
    [schema],
  )
  return rows.map(({ name }) => String(name))
}
