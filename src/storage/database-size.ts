import { statSync } from 'node:fs'
import type { PostgresAddress } from '../config/postgres-address.ts'
import type { Database } from './database.ts'
import { TABLES_OF_SCHEMA } from './postgres/schema-check.ts'

type Place = { readonly databasePath: string; readonly postgres: PostgresAddress | undefined }

/** Returns how to read the size of a database, and of its WAL, which is undefined for one on a server. */
export const databaseSizes = ({ databasePath, postgres }: Place, db: Pick<Database, 'get'>) =>
  postgres
    ? {
        databaseBytes: () => schemaBytes(db, postgres.schema),
        walBytes: (): undefined => undefined,
      }
    : {
        databaseBytes: () => fileBytes(databasePath),
        walBytes: () => fileBytes(`${databasePath}-wal`),
      }

/** Returns the size of a file, or 0 if there is none. */
export const fileBytes = (path: string): number =>
  statSync(path, { throwIfNoEntry: false })?.size ?? 0

const schemaBytes = async (db: Pick<Database, 'get'>, schema: string): Promise<number> => {
  const row = await db.get<{ bytes: number | null }>(
    `SELECT CAST(sum(pg_total_relation_size(c.oid)) AS bigint) AS bytes
     FROM ${TABLES_OF_SCHEMA}
     WHERE n.nspname = ?`,
    schema,
  )
  return row?.bytes ?? 0
}
