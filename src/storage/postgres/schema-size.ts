import type { Database } from '../database.ts'
import { TABLES_OF_SCHEMA } from './schema-check.ts'

/** Returns the bytes of all tables of a schema, with their indexes. */
export const schemaBytes = async (db: Pick<Database, 'get'>, schema: string): Promise<number> => {
  const row = await db.get<{ bytes: number | null }>(
    `SELECT CAST(sum(pg_total_relation_size(c.oid)) AS bigint) AS bytes
     FROM ${TABLES_OF_SCHEMA}
     WHERE n.nspname = ?`,
    schema,
  )
  return row?.bytes ?? 0
}
