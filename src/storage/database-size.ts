import { statSync } from 'node:fs'
import type { PostgresAddress } from '../config/postgres-address.ts'
import type { Database } from './database.ts'

type Place = { readonly databasePath: string; readonly postgres: PostgresAddress | undefined }

/** Returns how to read the size of a database, and of its WAL, which is undefined for one on a server. */
export const databaseSizes = ({ databasePath, postgres }: Place, db: Pick<Database, 'get'>) =>
  postgres
    ? {
        databaseBytes: async () => (await loadDiagnostics()).schemaBytes(db, postgres.schema),
        walBytes: (): undefined => undefined,
      }
    : {
        databaseBytes: () => fileBytes(databasePath),
        walBytes: () => fileBytes(`${databasePath}-wal`),
      }

/** Returns the size of a file, or 0 if there is none. */
export const fileBytes = (path: string): number =>
  statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Loaded only where the data is on a server. */
const loadDiagnostics = () => import('./postgres/diagnostics.ts')
