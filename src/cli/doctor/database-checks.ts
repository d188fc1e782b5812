import type { Config } from '../../config/config.ts'
import { type PostgresAddress, shownAddress } from '../../config/postgres-address.ts'
import { AppError } from '../../errors.ts'
import type { Finding } from '../../ops/finding.ts'
import { type DatabaseDiagnostics, diagnoseDatabase } from '../../storage/database-diagnostics.ts'
import { mebibytes } from '../../storage/files/data-dir.ts'
import { type ReadOnlyDatabase, openReadOnly } from '../../storage/open.ts'
import { SCHEMA_FIX } from '../../storage/sqlite/schema-check.ts'

type Inspected = { readonly findings: readonly Finding[]; readonly close: () => void }

/** Examines the database, and leaves it open so that others find the files beside it. */
export const inspected = async (config: Config): Promise<Inspected> => {
  try {
    if (config.postgres) return await inspectedServer(config.postgres)
    const { databasePath } = config
    const found = diagnoseDatabase(databasePath)
    return { findings: databaseFindings(found), close: found.close }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const fix = config.postgres ? REACH : RESTORE
    const fault = { check: 'database', state: 'fault', says: error.message, fix } as const
    return { findings: [fault], close: () => {} }
  }
}

const inspectedServer = async (address: PostgresAddress): Promise<Inspected> => {
  const { schemaOnServer } = await import('../../storage/postgres/read-only.ts')
  const { SCHEMA_FIX: schema } = await import('../../storage/postgres/schema-check.ts')
  const fixes = { schema, upgrade: 'restart the service, after a backup' }
  const found = await schemaOnServer(address)
  if (found.schemaVersion > 0) return { findings: [schemaFinding(found, fixes)], close: () => {} }
  const says = `There is no home yet at ${shownAddress(address)}`
  return { findings: [{ check: 'database', state: 'fault', says, fix: NO_HOME }], close: () => {} }
}

/** Opens the database of these settings for reading only. */
export const openHere = async ({ postgres, databasePath }: Config): Promise<ReadOnlyDatabase> =>
  postgres
    ? (await import('../../storage/postgres/read-only.ts')).openServerReadOnly(postgres)
    : openReadOnly(databasePath)

const NO_HOME =
  'check the schema in DATABASE_URI; if it is right, start the service for a new home, or restore a backup'

const REACH = 'check DATABASE_URI, and that the server runs: see secure-lock-server help settings'

const databaseFindings = (found: DatabaseDiagnostics): readonly Finding[] => {
  const { sqliteVersion, damage, bytes, walBytes, pragmas } = found
  const check = 'database'
  if (damage !== undefined)
    return [{ check, state: 'fault', says: `damaged: ${damage}`, fix: RESTORE }]
  const sizes = `${mebibytes(bytes)}${walBytes > 0 ? `, write-ahead log ${mebibytes(walBytes)}` : ''}`
  const values = Object.entries(pragmas).map(([name, value]) => `${name} ${String(value)}`)
  return [
    { check, state: 'ok', says: `intact: ${sizes}, SQLite ${sqliteVersion}` },
    { check: 'pragmas', state: 'ok', says: values.toReversed().join(', ') },
    schemaFinding(found, FILE_FIXES),
  ]
}

const FILE_FIXES = {
  schema: SCHEMA_FIX,
  upgrade: 'restart the service; it keeps a copy of the old database beside it',
}

const RESTORE =
  'first copy the whole data folder, then restore a backup: secure-lock-server restore FILE'

const schemaFinding = (
  found: Pick<DatabaseDiagnostics, 'schemaVersion' | 'schemaWanted' | 'schemaFault'>,
  fixes: { readonly schema: string; readonly upgrade: string },
): Finding => {
  const { schemaVersion, schemaWanted, schemaFault } = found
  const check = 'schema'
  if (schemaFault !== undefined)
    return { check, state: 'fault', says: schemaFault, fix: fixes.schema }
  if (schemaVersion === schemaWanted) return { check, state: 'ok', says: String(schemaVersion) }
  return schemaVersion < schemaWanted
    ? {
        check,
        state: 'warning',
        says: `${schemaVersion}; this version upgrades it to ${schemaWanted}`,
        fix: fixes.upgrade,
      }
    : {
        check,
        state: 'fault',
        says: `${schemaVersion} is newer than ${schemaWanted}, the newest this version knows`,
        fix: 'use the version that wrote it, or a later one',
      }
}
